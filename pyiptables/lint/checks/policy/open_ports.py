"""P104."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import beginning, provable, shown
from pyiptables.lint.services import service
from pyiptables.lint.subject import Subject


class OpenPorts(Check):
    """A service that listens, about which no rule decides.

    The CIS benchmarks ask for a rule for each open port. Which ports are open is said by ``--listening tcp/8080``
    (``listening`` in the settings), once for each; ``ss -tuln`` prints them on the host. Reported is a service to which a
    new connection comes to the end of INPUT, past all rules, so that the policy alone decides. Rules with multiport, with
    ranges, with sets and in chains of their own count, and IPv6 is asked the same. Off unless asked for.

    Bad:
        # listening = ["tcp/8080"]
        :INPUT DROP [0:0]
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        # listening = ["tcp/8080"]
        :INPUT DROP [0:0]
        -A INPUT -p tcp -m multiport --dports 22,8000:8100 -j ACCEPT

    Suppress when:
        never: take the service from the list.
    """

    code = "P104"
    name = "open-port-without-rule"
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The services that come to the policy."""
        for text in subject.settings.listening:
            wanted = service(text)
            for family in provable(subject):
                if "filter" not in subject.ruleset(family).tables or not wanted.speaks(family):
                    continue
                reach = subject.reach(family)
                fallen = reach.fallen("filter", Hook.INPUT).must & beginning(reach, f"{wanted.words} ! -i lo", "filter")
                if fallen:
                    place = subject.chain_place(family, "filter", "INPUT")
                    about = f"no rule of INPUT decides about every new connection to {wanted.text}, which is open"
                    proof = Proof(witness=shown(subject, family, fallen, Hook.INPUT))
                    yield self.found(place, about, proof=proof, family=family)
