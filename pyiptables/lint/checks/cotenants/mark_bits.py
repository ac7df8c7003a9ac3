"""K703."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from pyiptables.hooks import Family
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.settings import FOREIGN
from pyiptables.lint.subject import Subject

OWNERS = {
    "KUBE-": ("kube-proxy", 0xC000, "0x4000 (masquerade) and 0x8000 (drop)"),
    "cali-": ("Calico", 0xFFFF0000, "0xffff0000, unless it is set otherwise"),
    "CILIUM_": ("Cilium", 0x0F00, "0x0f00"),
}
"""Beginnings of chains, whose they are, and the bits of the mark that are theirs."""


class SharedMark(Check):
    """A mark that changes bits which kube-proxy, Calico or Cilium use.

    They keep what they know about a packet in a few bits of its mark. ``--set-mark 1`` sets all 32 bits, so it clears theirs
    too: with a mask only one's own bits change. Part of the profile co-tenants.

    Bad:
        *mangle
        :KUBE-MARK-MASQ - [0:0]
        -A PREROUTING -i eth1 -j MARK --set-mark 0x1

    Good:
        *mangle
        :KUBE-MARK-MASQ - [0:0]
        -A PREROUTING -i eth1 -j MARK --set-xmark 0x1/0x1

    Suppress when:
        no packet of theirs comes to the rule.
    """

    code = "K703"
    name = "shared-mark-bits"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """MARK rules outside the chains of other programs that change such bits."""
        owners = {family: _owners(subject, family) for family in subject.families}
        for rule in subject.using("MARK"):
            target = rule.spec.target
            if target is None or target.name != "MARK" or any(fnmatchcase(rule.chain, each) for each in FOREIGN):
                continue
            mark, mask = target.values.get("set_xmark", (0, 0))
            for owner, bits, said in owners[rule.family]:
                if (mark | mask) & bits:
                    text = f"this changes bits of the mark that {owner} uses: {(mark | mask) & bits:#x}"
                    yield self.at(subject, rule, text, word="MARK", proof=Proof(note=f"{owner}'s are {said}"))
                    break


def _owners(subject: Subject, family: Family) -> list[tuple[str, int, str]]:
    """The programs of which a family has chains."""
    names = [chain.name for each, _, chain in subject.chains() if each is family]
    return [found for prefix, found in OWNERS.items() if any(name.startswith(prefix) for name in names)]
