"""Questions about a ruleset: which packets come to a rule, which a hook accepts, who may talk to whom on which port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import NEW
from pyiptables.errors import Error
from pyiptables.hooks import Family, Hook
from pyiptables.packet.typed_words import nearest
from pyiptables.ruleset.model import Ruleset
from pyiptables.testing.facts import Facts
from pyiptables.testing.outcome import Step
from pyiptables.testing.packets import Kinds
from pyiptables.testing.rows import Row, Rows
from pyiptables.testing.rulenames import comments, read_rule_name
from pyiptables.testing.sets import lines_of, reach_of
from pyiptables.testing.source import Source

MATRIX = (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)


@dataclass(frozen=True, slots=True)
class Found:
    """A set of packets in rows: at which hook, whether there are more rows, and a packet of it in one line."""

    hook: Hook
    rows: tuple[Row, ...]
    more: bool
    witness: str | None
    surely: bool = True


class Asking:
    """Answers questions about the rules of one family; packets are told as they arrive, or leave their process."""

    def __init__(self, source: Source, family: Family) -> None:
        self.source = source
        self.family = family
        self.reach: Reach = reach_of(source, family)
        self.facts = Facts(self.reach.space, source.real_host())
        self.kinds = Kinds(self.reach.space)

    def rule(self, name: str) -> Iterator[Step]:
        """The rules that a name means: a comment, a rule's text, or ``TABLE CHAIN NUMBER``; Error where there is none."""
        wanted = read_rule_name(name, self.family)
        ruleset: Ruleset = self.reach.ruleset
        steps = [Step(table.name, chain.name, number, rule.spec) for table, chain, number, rule in ruleset.rules()]
        found = [step for step in steps if wanted.fits(step)]
        if not found:
            known = [text for step in steps for text in comments(step.spec)]
            raise Error(f"there is no rule {name!r}", hint=nearest(name, known))
        yield from found

    def arriving(self, step: Step, *, matching: bool, most: int) -> Iterator[Found]:
        """The packets that come to a rule, or come to it and match it, for each hook from which they do."""
        for hook in self.reach.hooks_of(step.table, step.chain):
            bounds = (self.reach.takes if matching else self.reach.arrives)(step.table, step.chain, step.number)
            place = self.facts.at(hook) & self.kinds.at(hook)
            may = bounds.may & place
            if may:
                yield self._found(self.reach.origin(may, hook), hook, most, surely=may <= bounds.must)

    def accepted(self, hook: Hook, *, new: bool, most: int) -> Found:
        """The packets that a hook accepts; ``new`` leaves out those of connections that are there."""
        at_hook = self.reach.verdict_at(hook, "ACCEPT")
        place = self.facts.at(hook)
        may = at_hook.may & place
        packets = self.reach.origin(may, hook) if may else may
        if new:
            packets = packets & self._first()
        return self._found(packets, hook, most, new=new, surely=may <= at_hook.must)

    def _first(self) -> PacketSet:
        """The packets that begin connections, and come by no loop."""
        space = self.reach.space
        state = PacketSet(space, space.state.equals(NEW)) if self.reach.flow.tracking else self.kinds.everything
        return state

    def known(self, hook: Hook, *, new: bool = False) -> PacketSet:
        """The packets that can come to a hook at all: what is said of others says nothing."""
        come = self.reach.at_hook(hook).may & self.facts.at(hook)
        found = self.reach.origin(come, hook) & self.facts.arriving()
        if hook is Hook.OUTPUT:
            found = found & self.kinds.not_looped()
        elif new:
            found = found & self.kinds.by_network()
        return found & self._first() if new else found

    def _found(self, packets: PacketSet, hook: Hook, most: int, *, new: bool = False, surely: bool = True) -> Found:
        known = self.known(hook, new=new)
        packets = packets & known
        rows, more = Rows(self.reach, known).rows(packets, most)
        witness = next(lines_of(self.reach, packets, self.facts, hook), None) if packets else None
        return Found(hook, tuple(rows), more, str(witness) if witness is not None else None, surely)
