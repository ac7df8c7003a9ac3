"""E001."""

from __future__ import annotations

from dataclasses import replace

from pyiptables.extensions.base import Match, Target
from pyiptables.extensions.loading import find, names
from pyiptables.hooks import Family
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.misspelt import meant_for_target, needs_protocol, old_negation, swallowed
from pyiptables.lint.refusals import (
    ELSEWHERE,
    RefusalCheck,
    retired,
    unknown_account,
    unknown_extension,
    unknown_service,
)
from pyiptables.lint.subject import Refused
from pyiptables.syntax.messages import BadArgument, Misspelt

_MOST_OWNERS = 3
_KINDS = ("option", "match", "protocol", "table", "target")


class UnknownWord(RefusalCheck):
    """A word that iptables does not know.

    An option, match, target, protocol or table that is not there, or a word where none belongs. iptables stops at it; a
    restore file is then not loaded at all, and a script goes on without the rule. What is spelled most like it is named.

    ULOG and CLUSTERIP are read, and in no kernel of today: NFLOG and the cluster match do what they did.

    Extensions of xtables-addons and the like are no part of iptables: they are warnings, and none at all where
    ``known-extensions`` of the settings names them.

    Bad:
        -A INPUT -p tcp --dprt 22 -j ACCEPT

    Good:
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the system that loads the rules has a patched iptables; better, name the extension in ``known-extensions``.
    """

    code = "E001"
    name = "unknown-word"

    def claims(self, refused: Refused) -> bool:
        """Names that are not known, and words that are no option; not those that other checks know better."""
        cause = refused.refusal.cause
        if retired(refused) is not None:
            return True
        if old_negation(refused) or needs_protocol(refused) or unknown_account(refused) or unknown_service(refused):
            return False
        if isinstance(cause, Misspelt):
            return cause.kind in _KINDS or (cause.kind == "target or chain" and meant_for_target(cause))
        text = refused.refusal.message
        about_table = "table `" in text or "unable to initialize table" in text
        return about_table or (isinstance(cause, BadArgument) and not text.startswith("Bad argument `COMMIT"))

    def report(self, refused: Refused) -> Finding:
        """The finding; an option that some other match or target has is told so."""
        found = super().report(refused)
        cause = refused.refusal.cause
        if unknown_extension(refused) in ELSEWHERE:
            note = "xtables-addons or a patch has it: name it in known-extensions if the system does, too"
            return replace(found, proof=Proof(note=note))
        if isinstance(cause, Misspelt) and cause.kind == "option":
            owners = owners_of(cause.word, refused.family)
            if owners:
                return replace(found, proof=Proof(note=f"{cause.word} is an option of {' and of '.join(owners)}"))
        taken = swallowed(refused) if isinstance(cause, BadArgument) else None
        if taken is not None:
            return replace(found, proof=Proof(note=f"{taken[0]} has no value of its own, and takes {taken[1]} for it"))
        return found

    def weight(self, refused: Refused) -> Severity:
        """Less for what is known to exist elsewhere."""
        return Severity.WARNING if unknown_extension(refused) in ELSEWHERE else self.severity


def owners_of(option: str, family: Family) -> list[str]:
    """The matches and targets that have an option of that name, as they stand in rules; some three at most."""
    found: list[str] = []
    for base, letter in ((Match, "-m"), (Target, "-j")):
        for name in names(base):
            kind = find(base, name, family)
            if kind is not None and any(option in each.names for each in kind.options.values()):
                found.append(f"{letter} {name}")
    return found[:_MOST_OWNERS]
