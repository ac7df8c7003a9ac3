"""P101."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.alike import placed
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject

CHAINS = ("INPUT", "FORWARD", "OUTPUT")


class DefaultDeny(Check):
    """A chain of the filter table whose end accepts.

    The CIS benchmarks ask for INPUT, FORWARD and OUTPUT to deny what no rule accepts, by the policy or by a last rule that
    drops or rejects everything. More than half of all hosts have it otherwise: off unless asked for.

    Bad:
        :INPUT ACCEPT [0:0]

    Good:
        :INPUT DROP [0:0]

    Suppress when:
        the policy of the house is another.
    """

    code = "P101"
    name = "default-deny"
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Chains whose policy is ACCEPT, without a last rule that denies all."""
        for family, table, chain in subject.chains():
            if table != "filter" or chain.name not in CHAINS or chain.policy != "ACCEPT":
                continue
            rules = placed(family, table, chain)
            if any(rule.unconditional and rule.spec.target_name in ("DROP", "REJECT") for rule in rules):
                continue
            place = subject.chain_place(family, table, chain.name)
            yield self.found(place, f"what no rule of {chain.name} decides is accepted", family=family)
