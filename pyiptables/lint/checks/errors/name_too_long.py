"""E005."""

from __future__ import annotations

import re

from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused

_LENGTH = re.compile(r"\(\d+ chars max\)|too long \(must be under|must be shorter than|too long for a")


class NameTooLong(RefusalCheck):
    """A chain of more than 28 characters, or an interface of more than 15.

    Both are held in the kernel in fields of 29 and 16 bytes, the end included. Programs that make names of chains out of
    longer ones, of jails, services or interfaces, run into this.

    Bad:
        :fail2ban-wordpress-hard-authentication - [0:0]

    Good:
        :f2b-wp-hard-authentication - [0:0]

    Suppress when:
        never: no iptables takes it.
    """

    code = "E005"
    name = "name-too-long"

    def claims(self, refused: Refused) -> bool:
        """What is said of lengths."""
        return bool(_LENGTH.search(refused.refusal.message))
