"""S209."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.ruleset.model import Table


class UnreachedLoop(Check):
    """Jumps that run in a circle in chains that no hook leads to.

    The kernel takes them as long as nothing jumps there. The first jump that is added makes the whole table fail to load
    (``Too many levels of symbolic links``), perhaps in the middle of the night, by a program that only adds a rule.

    Bad:
        -A a -j b
        -A b -j a

    Good:
        -A a -j b
        -A b -j RETURN

    Suppress when:
        never: such chains cannot be used.
    """

    code = "S209"
    name = "unreached-loop"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """For each circle, the jump that closes it."""
        for family in subject.families:
            for table in subject.ruleset(family).tables.values():
                for name, number, to in _closing(table):
                    rule = PlacedRule(family, table.name, name, number, table.chains[name].rules[number - 1])
                    own = "the chain jumps to itself" if name == to else f"the jump to {to} closes a circle"
                    note = "it loads only because no built-in chain leads here"
                    yield self.at(subject, rule, own, word=to, proof=Proof(note=note))


def _closing(table: Table) -> Iterator[tuple[str, int, str]]:
    """Jumps back to a chain on the way, each with its chain and number, depth first without recursion."""
    jumps = {
        name: [(number, rule.spec.jump) for number, rule in enumerate(chain.rules, 1) if rule.spec.jump in table.chains]
        for name, chain in table.chains.items()
    }
    done: set[str] = set()
    for start in table.chains:
        if start in done:
            continue
        path = [(start, iter(jumps[start]))]
        under_way = {start}
        while path:
            name, rest = path[-1]
            for number, to in rest:
                if to in under_way and to is not None:
                    yield name, number, to
                elif to is not None and to not in done:
                    under_way.add(to)
                    path.append((to, iter(jumps[to])))
                    break
            else:
                done.add(name)
                under_way.discard(name)
                path.pop()
