"""``-m comment``: source extensions/libxt_comment.c and net/netfilter/xt_comment.c."""

from __future__ import annotations

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.texts import Text


class CommentMatch(Match):
    """A comment on the rule; every packet matches."""

    name = "comment"

    comment = opt("--comment", kind=Text(255), required=True, help="a text of at most 255 bytes")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``/* the text */``."""
        return f" /* {self.comment} */"
