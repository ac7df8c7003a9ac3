"""E002."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase

from pyiptables.hooks import Hook
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.misspelt import meant_for_target
from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.settings import FOREIGN
from pyiptables.lint.subject import Refused, Subject
from pyiptables.ruleset.edits import NO_SUCH_NAME
from pyiptables.ruleset.model import STANDARD_VERDICTS
from pyiptables.ruleset.validity import Refused as KernelRefused
from pyiptables.syntax.messages import Misspelt

_MISSING = re.compile(r"there is no chain (\S+)|Couldn't load target `([^']*)'|goto '([^']*)' is not a chain")


class MissingChain(RefusalCheck):
    """A rule in, or a jump to, a chain that is not there.

    Nothing loads then: a restore file must declare each user-defined chain (``:NAME - [0:0]``) before a rule names it, and
    a script must make it (``-N NAME``). ``-g`` takes chains only, not ACCEPT or DROP. A built-in chain belongs to some
    tables only, and no rule can jump to one.

    In a script, chains that it does not make are taken to be somebody else's, unless it deletes all chains first (``-X``).

    Bad:
        *filter
        -A INPUT -p tcp --dport 22 -j ssh

    Good:
        *filter
        :ssh - [0:0]
        -A INPUT -p tcp --dport 22 -j ssh

    Suppress when:
        the file is loaded on top of rules that have the chain; better, say so: ``--noflush``.
    """

    code = "E002"
    name = "missing-chain"

    def report(self, refused: Refused) -> Finding:
        """The finding; with what would make it right where the chain is one that other programs make."""
        found = super().report(refused)
        cause = refused.refusal.cause
        if not isinstance(cause, Misspelt) or not any(fnmatchcase(cause.word, pattern) for pattern in FOREIGN):
            return found
        return replace(found, proof=Proof(note=f"if {cause.word} is there already, load with --noflush, and lint so"))

    def spares(self, refused: Refused, subject: Subject) -> bool:
        """Whether the chain may be there already: the file is loaded on top of others."""
        if not subject.settings.noflush or refused.source.kind != "save":
            return False
        found = _MISSING.search(refused.refusal.hint) or _MISSING.search(refused.refusal.message)
        name = found[found.lastindex or 0] if found is not None else "INPUT"
        return name not in (*Hook.__members__, *STANDARD_VERDICTS)

    def claims(self, refused: Refused) -> bool:
        """What the reader says of chains."""
        refusal = refused.refusal
        cause = refusal.cause
        if isinstance(cause, KernelRefused) and "chain" not in refusal.hint:
            return False
        if isinstance(cause, Misspelt):
            return cause.kind == "chain" or (cause.kind == "target or chain" and not meant_for_target(cause))
        return (
            cause.text == NO_SUCH_NAME or "there is no chain" in refusal.hint or "is a built-in chain" in refusal.hint
        )
