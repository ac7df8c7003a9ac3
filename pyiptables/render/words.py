"""Words that iptables-restore reads as one."""

from __future__ import annotations

import re
from functools import lru_cache

_SPLIT_BY_RESTORE = re.compile(r'[\s"\\]|\A\Z')


@lru_cache(maxsize=4096)
def readable(word: str) -> str:
    """A word so that iptables-restore reads it as one: quoted, where it must be."""
    if not _SPLIT_BY_RESTORE.search(word):
        return word
    return '"' + re.sub(r'(["\\])', r"\\\1", word) + '"'
