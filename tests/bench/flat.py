"""Rulesets that are one long list: each rule drops one source and port."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .kube import dotted


def ruleset(count: int, seed: int = 1) -> Iterator[str]:
    """The lines of a restore file with so many rules in INPUT, line breaks included."""
    chance = random.Random(seed)
    yield "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    for _ in range(count):
        source = dotted(chance.randrange(1 << 24, 224 << 24))
        yield f"-A INPUT -s {source} -p tcp --dport {chance.randrange(1, 65536)} -j DROP\n"
    yield "COMMIT\n"
