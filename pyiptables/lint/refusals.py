"""What the checks share that are about lines that iptables or the kernel would refuse: who reports which refusal."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from pyiptables.extensions.loading import find_target
from pyiptables.extensions.targets._retired import RetiredTarget
from pyiptables.hooks import Family
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Fix, Place, Proof, Severity
from pyiptables.lint.subject import Refused, Subject, spans
from pyiptables.packet import names
from pyiptables.ruleset.edits import INVALID, NO_SUCH_NAME
from pyiptables.ruleset.validity import Refused as KernelRefused

ELSEWHERE = frozenset(
    ("ACCOUNT", "CHAOS", "DELUDE", "DHCPMAC", "DNETMAP", "ECHO", "IPMARK", "IPV4OPTSSTRIP", "LOGMARK", "PROTO",
     "SYSRQ", "TARPIT", "FULLCONENAT", "FLOWOFFLOAD", "IMQ", "NDPI", "RTPENGINE", "TRIGGER", "ROUTE", "asn",
     "condition", "dhcpmac", "fuzzy", "geoip", "iface", "ipp2p", "ipv4options", "layer7", "length2", "lscan", "ndpi",
     "pknock", "psd", "quota2", "bm", "tls", "qtaguid", "webstr"),
)  # fmt: skip
"""Matches and targets that are no part of iptables but of xtables-addons and other patches, which a system may have."""

_NAMED = re.compile(r"Couldn't load (?:match|target) `([^']*)'")
_SERVICE = re.compile(
    r"(?:invalid port/service `|Port `|bad value for .* near \"|invalid port specified: )([A-Za-z][\w.-]*)"
)
_ACCOUNT = re.compile(r'Bad value for "--[ug]id-owner" option: "([A-Za-z_][\w.-]*\$?)"')
_HOST = re.compile(r"host/network `([^']*)' not found")
_HOST_NAME = re.compile(r"(?:[\w-]+\.)*(?:[A-Za-z_][\w-]*[A-Za-z0-9]|[A-Za-z_])\.?$", re.ASCII)
_ADDRESS_LIKE = re.compile(r"\d[\d.]*\.[A-Za-z*?](?:\.|$)|\d+$", re.ASCII)


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
                if owner(refused) != self.code or excused(refused, subject) or self.spares(refused, subject):
                    continue
                yield self.report(refused)

    def spares(self, refused: Refused, subject: Subject) -> bool:
        """Whether the settings make it right."""
        return False

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
    kernel = subject.settings.kernel
    gone = retired(refused)
    if gone is not None and kernel is not None and kernel <= gone.until:
        return True
    return unknown_extension(refused) in subject.settings.extensions


def unknown_extension(refused: Refused) -> str | None:
    """The name of a match or target that could not be found, or whose option it was that was not; or None."""
    found = _NAMED.search(refused.refusal.message)
    if found is not None or not refused.refusal.message.startswith("unknown option "):
        return found[1] if found is not None else None
    words = [word for word, _, _ in spans(refused.source.line(refused.refusal.line))]
    after = (name for option, name in pairwise(words) if option in ("-j", "--jump"))
    return next((name for name in after if find_target(name, refused.family) is None), None)


def retired(refused: Refused) -> type[RetiredTarget] | None:
    """The target that the kernel has no more, if that is the reason."""
    if not isinstance(refused.refusal.cause, KernelRefused) or " is in no kernel after " not in refused.refusal.hint:
        return None
    found = find_target(refused.refusal.hint.partition(" ")[0], refused.family)
    return found if found is not None and issubclass(found, RetiredTarget) else None


def unknown_object(refused: Refused) -> str | None:
    """An object of the kernel that other programs make before the rules are loaded, or None."""
    hint = refused.refusal.hint
    known = isinstance(refused.refusal.cause, KernelRefused) and hint.startswith("there is no accounting object ")
    return hint.removeprefix("there is no ") if known else None


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


def other_family(refused: Refused) -> str | None:
    """The address of the other family that a rule names, or None."""
    found = _HOST.search(refused.refusal.message)
    kind = socket.AF_INET if refused.family is Family.IPV6 else socket.AF_INET6
    try:
        return found[1] if found is not None and socket.inet_pton(kind, found[1]) else None
    except (OSError, ValueError):
        return None


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
