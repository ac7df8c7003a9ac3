"""W101."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.cutting import cut_texts
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject

MOST = 255


class CommentCut(Check):
    """A comment of more than 255 bytes is cut.

    iptables takes the rule and says nothing; what is behind byte 255 is not saved. A tool that compares the rules with
    what it meant finds a difference for ever, and a suppression at the end of the comment is lost.

    Bad:
        -A INPUT -m comment --comment "... 300 bytes ..." -j ACCEPT

    Good:
        -A INPUT -m comment --comment "ticket 4711" -j ACCEPT

    Suppress when:
        nobody reads the end of the comment.
    """

    code = "W101"
    name = "comment-cut"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with such a comment."""
        for rule, _, size in cut_texts(subject, "comment", "--comment", MOST):
            yield self.at(subject, rule, f"the comment has {size} bytes and is cut to {MOST}", option="--comment")
