"""Users and groups of the machine that a program runs on, by name and number.

Source: getpwnam(3), getgrnam(3) and their likes.
"""

from __future__ import annotations

from functools import cache


@cache
def number_of(name: str, group: bool) -> int | None:
    """The number of a user or group, or None when there is none of that name."""
    import grp
    import pwd

    try:
        return grp.getgrnam(name).gr_gid if group else pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError, UnicodeError):
        return None


@cache
def name_of(number: int, group: bool) -> str | None:
    """The name of a user or group, or None when it has none."""
    import grp
    import pwd

    try:
        return grp.getgrgid(number).gr_name if group else pwd.getpwuid(number).pw_name
    except (KeyError, OverflowError):
        return None
