"""P102."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family, Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.proofs import beginning, provable
from pyiptables.lint.subject import Subject

LOOPBACK = {Family.IPV4: "127.0.0.0/8", Family.IPV6: "::1"}


class LoopbackTraffic(Check):
    """Loopback is refused, or its addresses are accepted from elsewhere.

    The CIS benchmarks ask for rules that accept what comes and goes by ``lo``, and behind them one that drops what comes
    from 127.0.0.0/8 (::1) by any other interface. Here that is asked of the packets, in whatever way the rules say it.
    Off unless asked for; the kernel itself drops such packets from outside unless ``route_localnet`` is on.

    Bad:
        :INPUT DROP [0:0]
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        :INPUT DROP [0:0]
        -A INPUT -i lo -j ACCEPT
        -A INPUT -s 127.0.0.0/8 -j DROP
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the host does without loopback, or routing refuses such packets.
    """

    code = "P102"
    name = "loopback-traffic"
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """What of loopback's own is refused, and what of others' is accepted in its name."""
        for family in provable(subject):
            if "filter" not in subject.ruleset(family).tables:
                continue
            reach, text = subject.reach(family), LOOPBACK[family]
            refused = {
                hook: reach.verdict_at(hook, "DROP").must | reach.verdict_at(hook, "REJECT").must for hook in Hook
            }
            inputs, outputs = (subject.chain_place(family, "filter", name) for name in ("INPUT", "OUTPUT"))
            if refused[Hook.INPUT] & beginning(reach, f"-i lo -s {text} -d {text}", "filter"):
                yield self.found(inputs, "INPUT does not accept all that comes by lo", family=family)
            accepted = reach.verdict_at(Hook.INPUT, "ACCEPT").must
            if accepted & beginning(reach, f"! -i lo -s {text}", "filter"):
                about = f"INPUT does not drop all that comes from {text} by other interfaces"
                yield self.found(inputs, about, family=family)
            if refused[Hook.OUTPUT] & beginning(reach, f"-o lo -s {text} -d {text}", "filter"):
                yield self.found(outputs, "OUTPUT does not accept all that leaves by lo", family=family)
