"""What is to be checked, and how strictly: the settings that the command line and a file of settings make together."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pyiptables.lint.finding import Finding, Severity

FOREIGN = (
    "KUBE-*", "cali-*", "cali*", "felix-*", "CILIUM_*", "OLD_CILIUM_*", "DOCKER*", "f2b-*", "fail2ban-*", "ufw-*", "ufw6-*",
    "LIBVIRT_*", "CNI-*", "FLANNEL-*", "WEAVE-*", "NETAVARK*", "ISTIO_*", "ANTREA-*", "AZURE-NPM*", "sshguard",
)  # fmt: skip
"""Chains that other programs own and rewrite."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """Codes that are not reported in a place. Patterns are those of the shell; an empty one is any.

    ``file`` is held against the path as given, the path from ``folder`` on (the settings' own), and the name alone.
    """

    codes: tuple[str, ...]
    file: str = ""
    table: str = ""
    chain: str = ""
    reason: str = ""
    folder: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is not to be reported."""
        place = finding.place
        return (
            chosen(finding.code, self.codes)
            and (not self.file or self._names(place.file))
            and (not self.table or place.table == self.table)
            and (not self.chain or fnmatchcase(place.chain, self.chain))
        )

    def _names(self, file: str) -> bool:
        names = (file, file.rpartition("/")[2], os.path.relpath(file, self.folder or None))
        return any(fnmatchcase(name, self.file) for name in names)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set.

    ``select``: codes or beginnings of codes that are checked, None for those that are on by themselves; ``extend``: more of
    them; ``ignore``: not these. ``floor``: the least severity that is reported, None for warning, or for info where a code
    was asked for by name. ``severities``: by code, in place of the check's own. ``kernel``: the version that the rules are
    for. ``noflush``: they are loaded with --noflush, on top of others. ``required``: chains that must be there, TABLE:CHAIN.
    ``must_reach``: services that must stay open; ``listening``: those of which a rule is to decide.
    """

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend: tuple[str, ...] = ()
    floor: Severity | None = None
    severities: dict[str, Severity] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    foreign: tuple[str, ...] = FOREIGN
    judge_foreign: bool = False
    kernel: tuple[int, int] | None = None
    noflush: bool = False
    required: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    must_reach: tuple[str, ...] = ()
    listening: tuple[str, ...] = ()

    def wants(self, code: str, default: bool) -> bool:
        """Whether a check runs."""
        if chosen(code, self.ignore):
            return False
        if self.select is not None and chosen(code, self.select):
            return True
        return chosen(code, self.extend) or (self.select is None and default)

    def reports(self, finding: Finding) -> bool:
        """Whether the floor lets a finding through."""
        if self.floor is not None:
            return finding.severity >= self.floor
        named = (*(self.select or ()), *self.extend)
        return finding.severity >= Severity.WARNING or chosen(finding.code, (each for each in named if each != "ALL"))

    def is_foreign(self, chain: str) -> bool:
        """Whether some other program owns a chain."""
        return not self.judge_foreign and any(fnmatchcase(chain, pattern) for pattern in self.foreign)


def chosen(code: str, prefixes: Iterable[str]) -> bool:
    """Whether a code is one of these, or begins with one; ALL is all."""
    return any(code.startswith(prefix) or prefix == "ALL" for prefix in prefixes if prefix)
