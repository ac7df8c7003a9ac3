"""Questions about a ruleset: which packets come to a rule, which a hook accepts, who may talk to whom on which port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyiptables.analysis.diagrams import without
from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import NEW
from pyiptables.errors import Error
from pyiptables.hooks import Family, Hook
from pyiptables.packet.typed_words import nearest
from pyiptables.ruleset.model import Ruleset
from pyiptables.testing.comparison.noted_walk import by_way_out, leaving, leaving_reach
from pyiptables.testing.facts import Facts
from pyiptables.testing.outcome import Step
from pyiptables.testing.packets import Kinds
from pyiptables.testing.rows import Row, Rows
from pyiptables.testing.rulenames import RuleName, comments, read_rule_name
from pyiptables.testing.sets import lines_of
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
        self.reach: Reach
        self.reach, self._notes = leaving_reach(source, family)
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
            self._explain(wanted)
            raise Error(f"there is no rule {name!r}", hint=nearest(name, known))
        yield from found

    def _explain(self, wanted: RuleName) -> None:
        """Error that says what is amiss with a place: the table, the chain or the number."""
        if not wanted.chain or wanted.number is None:
            return
        table = self.reach.ruleset.tables.get(wanted.table)
        if table is None:
            raise Error(f"the ruleset has no table {wanted.table}")
        chain = table.chains.get(wanted.chain)
        if chain is None:
            raise Error(
                f"there is no chain {wanted.chain} in table {wanted.table}", hint=nearest(wanted.chain, table.chains)
            )
        count = len(chain.rules)
        rules = f"{count} rules" if count != 1 else "1 rule"
        raise Error(f"there is no rule {wanted.number} in chain {wanted.chain} of table {wanted.table}: it has {rules}")

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

    def _inside(self, packets: PacketSet) -> PacketSet:
        """Packets without the interface by which others would leave."""
        return PacketSet(packets.space, without(packets.node, self._notes.out.quantifier))

    def _lines(self, packets: PacketSet, hook: Hook) -> Iterator[str]:
        """Packets of a set in a line each; where no host says by which interface they leave, they do."""
        if hook in (Hook.FORWARD, Hook.POSTROUTING) and self.source.real_host() is None:
            for some, oif in by_way_out(self._notes, packets):
                yield from lines_of(self.reach, some, self.facts, hook, oif=oif)
        yield from lines_of(self.reach, self._inside(packets), self.facts, hook)

    def _found(self, packets: PacketSet, hook: Hook, most: int, *, new: bool = False, surely: bool = True) -> Found:
        known = self.known(hook, new=new)
        packets = packets & known
        goes_on = hook in (Hook.FORWARD, Hook.POSTROUTING)
        told = [leaving(self._notes, one) if goes_on else self._inside(one) for one in (packets, known)]
        rows, more = Rows(self.reach, base=told[1]).rows(told[0], most)
        witness = next(self._lines(packets, hook), None) if packets else None
        return Found(hook, tuple(rows), more, str(witness) if witness is not None else None, surely)
