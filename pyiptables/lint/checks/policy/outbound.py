"""P103."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.reach import Reach
from pyiptables.hooks import Family, Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.proofs import beginning, provable, selected
from pyiptables.lint.subject import Subject

ECHO = {Family.IPV4: "icmp --icmp-type echo-request", Family.IPV6: "icmpv6 --icmpv6-type echo-request"}
ANSWER = {Family.IPV4: "icmp --icmp-type echo-reply", Family.IPV6: "icmpv6 --icmpv6-type echo-reply"}


class OutboundAndEstablished(Check):
    """Connections of the host's own cannot leave, or get no answers.

    The CIS benchmarks ask for rules that let new and established tcp, udp and icmp out, and established packets in. Here
    that is asked of the packets: reported is a protocol of which OUTPUT surely refuses every new connection, or of which
    INPUT surely refuses every answer. Off unless asked for.

    Bad:
        :INPUT DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        -A INPUT -p tcp -m conntrack --ctstate ESTABLISHED -j ACCEPT

    Good:
        :INPUT DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT

    Suppress when:
        the host is not to begin connections of that protocol.
    """

    code = "P103"
    name = "outbound-and-established"
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The protocols, at the chain that refuses them."""
        for family in provable(subject):
            if "filter" not in subject.ruleset(family).tables:
                continue
            reach = subject.reach(family)
            kept, unanswered = [], []
            for name, out, back in (
                ("tcp", "tcp --syn", "tcp --tcp-flags SYN,ACK SYN,ACK"), ("udp", "udp", "udp"),
                ("icmp", ECHO[family], ANSWER[family]),
            ):  # fmt: skip
                if not _may_leave(reach, out):
                    kept.append(name)
                elif not _may_answer(reach, back):
                    unanswered.append(name)
            if kept:
                place = subject.chain_place(family, "filter", "OUTPUT")
                yield self.found(place, f"no new connection of {', '.join(kept)} leaves this host", family=family)
            if unanswered:
                place = subject.chain_place(family, "filter", "INPUT")
                about = f"no answer to this host's own connections of {', '.join(unanswered)} is accepted"
                yield self.found(place, about, family=family)


def _may_leave(reach: Reach, words: str) -> bool:
    return bool(reach.verdict_at(Hook.OUTPUT, "ACCEPT").may & beginning(reach, f"! -o lo -p {words}", "filter"))


def _may_answer(reach: Reach, words: str) -> bool:
    state = " -m conntrack --ctstate ESTABLISHED" if reach.flow.tracking else ""
    return bool(reach.verdict_at(Hook.INPUT, "ACCEPT").may & selected(reach, f"! -i lo -p {words}{state}", "filter"))
