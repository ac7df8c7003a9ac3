"""``-m socket``: source extensions/libxt_socket.c and net/netfilter/xt_socket.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.hooks import Family, Hook
from pyiptables.packet.fields import ip
from pyiptables.predicate import Predicate, Unknown

TRANSPORTS = {Family.IPV4: ((1, 1), (6, 6), (17, 17)), Family.IPV6: ((6, 6), (17, 17), (58, 58))}


class SocketMatch(Match):
    """Match packets for which this host has an open socket."""

    name = "socket"
    hooks = frozenset({Hook.PREROUTING, Hook.INPUT})
    unknown = "the sockets that are open on the host"

    transparent = opt("--transparent", help="one that is transparent")
    nowildcard = opt("--nowildcard", help="one that listens on every address, too")
    restore = opt("--restore-skmark", help="the packet takes the socket's mark")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``socket --transparent``, with the dashes."""
        return f" socket{self.save(facts)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """A protocol with sockets, then the socket, which no packet tells."""
        yield ip.protocol.within(*TRANSPORTS[facts.family])
        yield Unknown("which sockets are open on this host")
