"""R302."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.sets import PacketSet
from pyiptables.lint.alike import action, constant
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.pairs import MOST_COMPARED, Selecting, decides, selections
from pyiptables.lint.proofs import MOST_CONSUMERS
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.ruleset.conditions import apart


class Redundant(Check):
    """A rule without which every packet would fare the same.

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
                others, policy = same
                proof = Proof(tuple(subject.place(each) for each in others[:MOST_CONSUMERS]))
                yield self.at(
                    subject, rule, f"without it {_said(others, chain if policy else None)} the same", proof=proof
                )


def _said(others: list[PlacedRule], ends: Selecting | None) -> str:
    """``rules 3, 4 and the policy DROP do``."""
    numbers = [str(each.number) for each in others]
    more = " and others" if len(numbers) > MOST_CONSUMERS else ""
    parts = [f"rule{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:MOST_CONSUMERS])}{more}"] if numbers else []
    parts += [f"the policy {ends.policy}"] if ends is not None else []
    return f"{' and '.join(parts)} {'do' if len(numbers) + (ends is not None) > 1 else 'does'}"


def _left_to(chain: Selecting, rule: PlacedRule) -> tuple[list[PlacedRule], bool] | None:
    """The later rules that do the same with all that a rule selects, and whether the policy must help; None if they do not."""
    left: PacketSet = chain.selects(rule).may
    same: list[PlacedRule] = []
    for other in chain.rules[rule.number : rule.number + MOST_COMPARED]:
        if apart(rule.spec, other.spec):
            continue
        selected = chain.selects(other)
        if not left & selected.may:
            continue
        if action(other.spec) != action(rule.spec) or not constant(other.spec, other.table):
            return None
        same.append(other)
        left = left - selected.must
        if not left:
            return same, False
    if len(chain.rules) > rule.number + MOST_COMPARED or chain.policy is None or chain.policy != rule.spec.jump:
        return None
    return same, True
