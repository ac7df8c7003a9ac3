"""``-m osf``: source extensions/libxt_osf.c and net/netfilter/nfnetlink_osf.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.hooks import Family, Hook
from pyiptables.packet.fields import readable, tcp
from pyiptables.predicate import Predicate, Unknown

LEVEL = Integer(0, 2)
SYN = 2


class OsfMatch(Match):
    """Match a SYN by the fingerprint of the system that sends it; never, while no fingerprints are loaded."""

    name = "osf"
    families = (Family.IPV4,)
    protocols = frozenset({6})
    hooks = frozenset({Hook.PREROUTING, Hook.INPUT, Hook.FORWARD})
    unknown = "the fingerprints of systems, of which none are loaded"

    genre = opt("--genre", kind=PlainText(31), required=True, invertible=True, help="name of the system")
    ttl = opt("--ttl", kind=LEVEL, help="0: the TTL must be the same, 1: less, 2: anything")
    log = opt("--log", kind=LEVEL, help="0: log every fingerprint, 1: the first, 2: the known ones")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``OS fingerprint match ! linux``."""
        return f" OS fingerprint match {'! ' if self.inverted else ''}{self.genre}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """A SYN, then its fingerprint."""
        yield readable("a whole TCP header", 20, hotdrop=False)
        yield tcp.flags.any_bit(SYN)
        yield Unknown("no fingerprints of systems are loaded")
