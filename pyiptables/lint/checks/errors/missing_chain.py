"""E002."""

from __future__ import annotations

from pyiptables.lint.misspelt import meant_for_target
from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused
from pyiptables.ruleset.edits import NO_SUCH_NAME
from pyiptables.syntax.messages import Misspelt


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
        the file is loaded with --noflush on top of rules that have the chain.
    """

    code = "E002"
    name = "missing-chain"

    def claims(self, refused: Refused) -> bool:
        """What the reader says of chains."""
        refusal = refused.refusal
        cause = refusal.cause
        if isinstance(cause, Misspelt):
            return cause.kind == "chain" or (cause.kind == "target or chain" and not meant_for_target(cause))
        return (
            cause.text == NO_SUCH_NAME or "there is no chain" in refusal.hint or "is a built-in chain" in refusal.hint
        )
