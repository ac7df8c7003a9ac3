"""R302."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.alike import action, constant
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.pairs import MOST_COMPARED, Selecting, decides, selections
from pyiptables.lint.subject import PlacedRule, Subject


class Redundant(Check):
    """A rule without which the same would become of every packet.

    The rules behind it in its chain, together with the policy, decide the same about all that it takes, and none in between
    does anything else with such a packet. Only chains of the table filter are looked at, and no more than 64 rules onwards.
    It is information: such a rule may be there for its counters, for speed, or to be seen.

    Bad:
        -P INPUT DROP
        -A INPUT -s 192.0.2.7/32 -j DROP
        -A INPUT -p tcp --dport 22 -s 198.51.100.0/24 -j ACCEPT

    Good:
        -P INPUT DROP
        -A INPUT -p tcp --dport 22 -s 198.51.100.0/24 -j ACCEPT

    Suppress when:
        the rule saves many packets the way through the others, or is there to be counted.
    """

    code = "R302"
    name = "redundant-rule"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Such rules, but for those that no packet comes to and those that are there twice."""
        for chain in selections(subject):
            for rule in chain.rules:
                if not decides(rule) or rule.unconditional:
                    continue
                same = _left_to(chain, rule)
                if same is None or not subject.reach(rule.family).takes(rule.table, rule.chain, rule.number).may:
                    continue
                numbers = ", ".join(str(each.number) for each in same[:8])
                others = f"rule{'s' if len(same) > 1 else ''} {numbers}" if same else f"the policy {chain.policy}"
                if same and len(same) > 8:
                    others += " and others"
                does = "do" if len(same) > 1 else "does"
                places = tuple(subject.place(each) for each in same[:8])
                yield self.at(subject, rule, f"without it {others} {does} the same", proof=Proof(places))


def _left_to(chain: Selecting, rule: PlacedRule) -> list[PlacedRule] | None:
    """The later rules that do the same with all that a rule selects; none of them where the policy does; else None."""
    left, same = chain.selects(rule).may, []
    for other in chain.rules[rule.number : rule.number + MOST_COMPARED]:
        selected = chain.selects(other)
        if not left & selected.may:
            continue
        if action(other.spec) != action(rule.spec) or not constant(other.spec, other.table):
            return None
        same.append(other)
        left = left - selected.must
        if not left:
            return same
    if len(chain.rules) > rule.number + MOST_COMPARED or chain.policy != rule.spec.jump:
        return None
    return same
