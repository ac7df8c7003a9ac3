"""C501."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.proofs import provable, selected
from pyiptables.lint.subject import Subject

REPLIES = "! -i lo -m conntrack --ctstate ESTABLISHED --ctdir REPLY"


class NoEstablished(Check):
    """INPUT or FORWARD lets no answers in.

    The policy is DROP, something else is accepted, but no way through the chain accepts the answers to connections that
    were begun from here: the host cannot resolve a name or fetch an update. All ways are looked at, not only the chain
    itself.

    Bad:
        :INPUT DROP [0:0]
        -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT

    Good:
        :INPUT DROP [0:0]
        -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT

    Suppress when:
        the host must not begin connections of its own.
    """

    code = "C501"
    name = "no-answers"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The chains that accept something, but no answers."""
        for family in provable(subject):
            table = subject.ruleset(family).tables.get("filter")
            if table is None:
                continue
            reach = subject.reach(family)
            if not reach.flow.tracking:
                continue
            for hook in (Hook.INPUT, Hook.FORWARD):
                chain = table.chains[hook.name]
                if chain.policy != "DROP" or not chain.rules:
                    continue
                accepted = reach.verdict_at(hook, "ACCEPT").may
                others = accepted & selected(reach, "! -i lo", "filter")
                if others and not accepted & selected(reach, REPLIES, "filter"):
                    place = subject.chain_place(family, "filter", hook.name)
                    text = f"{hook.name} accepts no answers: no rule takes ESTABLISHED packets"
                    yield self.found(place, text, family=family)
