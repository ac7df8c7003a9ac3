"""P101."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import beginning, provable, shown
from pyiptables.lint.subject import Subject

OTHERS = {Hook.INPUT: "! -i lo", Hook.FORWARD: "", Hook.OUTPUT: "! -o lo"}
"""What is asked of a hook: loopback is not, which P102 looks at."""


class DefaultDeny(Check):
    """A chain of the filter table whose end accepts.

    The CIS benchmarks ask for INPUT, FORWARD and OUTPUT to deny what no rule accepts. Here that is asked of the packets:
    reported is a chain to whose end a new connection comes, past all rules, where the policy accepts it. A last rule that
    drops or rejects is as good as a policy of DROP, in a chain of its own too. More than half of all hosts have it
    otherwise: off unless asked for.

    Bad:
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT DROP [0:0]

    Good:
        :INPUT DROP [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT DROP [0:0]

    Suppress when:
        the policy of the house is another.
    """

    code = "P101"
    name = "default-deny"
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Chains whose policy accepts new connections."""
        for family in provable(subject):
            table, reach = subject.ruleset(family).tables.get("filter"), subject.reach(family)
            for hook, words in OTHERS.items() if table is not None else ():
                if table is None or table.chains[hook.name].policy != "ACCEPT":
                    continue
                fallen, asked = reach.fallen("filter", hook), beginning(reach, words, "filter")
                if fallen.may & asked:
                    place = subject.chain_place(family, "filter", hook.name)
                    proof = Proof(witness=shown(subject, family, fallen.must & asked, hook))
                    yield self.found(
                        place, f"what no rule of {hook.name} decides is accepted", proof=proof, family=family
                    )
