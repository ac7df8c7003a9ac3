"""N409."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyiptables.analysis.sets import PacketSet
from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.proofs import provable, selected
from pyiptables.lint.subject import Subject

_TUNNEL = re.compile(r"(ppp|pppoe|tun|wg)\d*$")


class NoClamp(Check):
    """Connections are forwarded into ppp, tun or wg, and no rule clamps their segments.

    Such links have a smaller MTU than Ethernet. Where the ICMP that says so is filtered somewhere on the way, connections
    open and then hang. ``TCPMSS --clamp-mss-to-pmtu`` in mangle FORWARD or POSTROUTING tells both sides in the SYN. Off
    unless asked for: pppd, and both ends with a fitting MTU, do without.

    Bad:
        -A FORWARD -i eth1 -o ppp0 -j ACCEPT

    Good:
        *mangle
        -A FORWARD -o ppp0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu

    Suppress when:
        the link's MTU is known to all hosts behind it.
    """

    code = "N409"
    name = "no-clamp"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The first rule that names such an interface to which SYNs are forwarded unclamped."""
        for family in provable(subject):
            reach = subject.reach(family)
            seen: set[str] = set()
            for rule in subject.rules:
                out = rule.spec.out_interface
                if rule.family is not family or out is None or out.invert or out.name in seen:
                    continue
                name = out.name.removesuffix("+")
                if not _TUNNEL.match(name) or Hook.FORWARD not in reach.hooks_of(rule.table, rule.chain):
                    continue
                seen.add(out.name)
                opens = selected(reach, f"-o {out.name} -p tcp --tcp-flags SYN,RST SYN", "filter")
                space = reach.space
                opens = opens & PacketSet(space, space.has(space.iif))
                if not reach.verdict_at(Hook.FORWARD, "ACCEPT").may & opens:
                    continue
                clamping = [each for each in subject.using("TCPMSS") if each.family is family]
                if not any(reach.matches(each.table, each.chain, each.number).may & opens for each in clamping):
                    text = f"connections through {out.name} are not clamped to its MTU"
                    yield self.at(subject, rule, text, option="-o")
