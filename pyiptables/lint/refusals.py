"""What the checks share that are about lines that iptables or the kernel would refuse: who reports which refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Fix, Place, Proof, Severity
from pyiptables.lint.subject import Refused, Subject, spans
from pyiptables.packet import names
from pyiptables.ruleset.edits import INVALID, NO_SUCH_NAME
from pyiptables.ruleset.validity import Refused as KernelRefused

ELSEWHERE = frozenset(
    ("ACCOUNT", "CHAOS", "DELUDE", "DHCPMAC", "DNETMAP", "ECHO", "IPMARK", "IPV4OPTSSTRIP", "LOGMARK", "PROTO", "SYSRQ",
     "TARPIT", "FULLCONENAT", "FLOWOFFLOAD", "IMQ", "NDPI", "RTPENGINE", "asn", "condition", "dhcpmac", "fuzzy", "geoip",
     "iface", "ipp2p", "ipv4options", "layer7", "length2", "lscan", "ndpi", "pknock", "psd", "quota2", "bm", "tls"),
)  # fmt: skip
"""Matches and targets that are no part of iptables but of xtables-addons and other patches, which a system may have."""

_NAMED = re.compile(r"Couldn't load (?:match|target) `([^']*)'")
_SERVICE = re.compile(
    r"(?:invalid port/service `|Port `|bad value for .* near \"|invalid port specified: )([A-Za-z][\w.-]*)"
)
_ACCOUNT = re.compile(r'Bad value for "--[ug]id-owner" option: "([A-Za-z_][\w.-]*\$?)"')
_HOST = re.compile(r"host/network `([^']*)' not found")
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[\w-]+(?:\.[\w-]+)*\.?$", re.ASCII)
_ADDRESS_LIKE = re.compile(r"[0-9a-fA-F:.]*[:.][0-9a-fA-F:.]*$|\d")


class RefusalCheck(Check):
    """A check about refused lines: ``claims`` says which are its own. E010 has those that nobody claims."""

    severity = Severity.ERROR

    def claims(self, refused: Refused) -> bool:
        """Whether this is one of the refusals that the check is about."""
        raise NotImplementedError

    def run(self, subject: Subject) -> Iterator[Finding]:
        """A finding for each refusal claimed."""
        for family in subject.families:
            for refused in subject.readings[family].refused:
                if owner(refused) == self.code and not excused(refused, subject):
                    yield self.report(refused)

    def report(self, refused: Refused) -> Finding:
        """The finding: iptables' own message, what was expected as its note."""
        message, note = said(refused)
        return self.found(
            refusal_place(refused),
            message,
            proof=Proof(note=note),
            fix=self.mend(refused),
            family=refused.family,
            severity=self.weight(refused),
        )

    def _said(self, refused: Refused, message: str, note: str) -> Finding:
        """A finding in other words than iptables'."""
        return self.found(refusal_place(refused), message, proof=Proof(note=note), family=refused.family)

    def mend(self, refused: Refused) -> Fix | None:
        """The fix, where there is a safe one."""
        return None

    def weight(self, refused: Refused) -> Severity:
        """The severity: the check's own, unless something is in doubt."""
        return self.severity


def said(refused: Refused) -> tuple[str, str]:
    """The message of a finding and its note: the program's words and what was expected; the kernel's say too little."""
    refusal = refused.refusal
    if isinstance(refusal.cause, KernelRefused) and refusal.hint:
        return refusal.hint, f"the kernel answers: {refusal.message}"
    if refusal.cause.text in (NO_SUCH_NAME, INVALID) and refusal.hint:
        return refusal.hint, f"iptables says: {refusal.message}"
    return refusal.message.strip(), refusal.hint


@cache
def _claimants() -> tuple[RefusalCheck, ...]:
    from pyiptables.lint.check import all_checks

    return tuple(check() for check in all_checks() if issubclass(check, RefusalCheck) and check.code != LEFTOVER)


LEFTOVER = "E010"
"""The code of the check that takes what no other claims."""


def owner(refused: Refused) -> str:
    """The code of the check that reports a refusal."""
    return next((check.code for check in _claimants() if check.claims(refused)), LEFTOVER)


def excused(refused: Refused, subject: Subject) -> bool:
    """Whether the settings say that the system has the extension that is not known here."""
    return unknown_extension(refused) in subject.settings.extensions


def unknown_extension(refused: Refused) -> str | None:
    """The name of a match or target that could not be found, or None."""
    found = _NAMED.search(refused.refusal.message)
    return found[1] if found is not None else None


def unknown_account(refused: Refused) -> str | None:
    """The user or group that this machine does not have, or None."""
    found = _ACCOUNT.search(refused.refusal.message)
    return found[1] if found is not None else None


def unknown_service(refused: Refused) -> str | None:
    """A service or protocol that is not known because this machine has no list of them, or None."""
    message = refused.refusal.message
    found = _SERVICE.search(message)
    if found is not None:
        return found[1] if names.service_port("http", "tcp") is None else None
    if message.startswith('unknown protocol "') and names.protocol_number("igmp") is None:
        return message.split('"')[1]
    return None


def unknown_host(refused: Refused) -> str | None:
    """A host name that would have to be resolved, or None; something like an address is none."""
    found = _HOST.search(refused.refusal.message)
    if found is None or not _HOST_NAME.match(found[1]) or _ADDRESS_LIKE.match(found[1]):
        return None
    return found[1]


def refusal_place(refused: Refused) -> Place:
    """The word that a refusal is about."""
    refusal, source = refused.refusal, refused.source
    text = source.line(refusal.line)
    words = spans(text)
    column, end = refusal.column, len(text) + 1
    if isinstance(refusal.cause, KernelRefused):  # which says no word: the extension's name is the one
        about = refusal.hint.partition(" ")[0]
        named = [(start, after) for word, start, after in words if word == about]
        column, end = named[0] if named else (len(text) - len(text.lstrip()) + 1, len(text.rstrip()) + 1)
    for _, start, after in words:
        if start <= column < after and not isinstance(refusal.cause, KernelRefused):
            end = after
            break
    return Place(source.path, refusal.line, column, end, refusal.table, refusal.chain, 0, text)
