"""Which of a host's addresses a packet gets as its source.

Source: net/ipv4/devinet.c (inet_select_addr), net/ipv6/addrconf.c (ipv6_dev_get_saddr) and addrlabel.c; RFC 6724.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.host.model import Address, Interface, Scope
from pyiptables.host.network import Network
from pyiptables.packet.addresses import from_text

MULTICAST6 = 0xFF
UNSPECIFIED_SCOPE6, LINK_SCOPE6, SITE_SCOPE6, GLOBAL_SCOPE6 = -1, 2, 5, 14

_LABELS = tuple(
    (from_text(text)[0] >> (128 - length), 128 - length, label)
    for text, length, label in (
        ("::1", 128, 0),
        ("::ffff:0:0", 96, 4),
        ("::", 96, 3),
        ("2001:0::", 32, 6),
        ("2001:10::", 28, 7),
        ("3ffe::", 16, 12),
        ("2002::", 16, 2),
        ("fec0::", 10, 11),
        ("fc00::", 7, 5),
        ("::", 0, 1),
    )
)


def select4(network: Network, dev: str, dst: int, scope: int) -> int:
    """Choose the primary address of an interface nearest to ``dst`` (0: any) within ``scope``; 0 when there is none.

    An interface without one borrows from the others, in order, an address that is not of link scope.
    """
    link = network.interfaces.get(dev)
    limit = Scope.LINK if network.either("route_localnet", dev) else Scope.HOST
    first = 0
    for address in _primaries(link):
        if min(address.scope, limit) > scope:
            continue
        shift = 32 - address.length
        if not dst or dst >> shift == address.peer >> shift:
            return address.address
        first = first or address.address
    if first:
        return first
    for other in network.interfaces.values():
        for address in _primaries(other):
            if address.scope != Scope.LINK and address.scope <= scope:
                return address.address
    return 0


def _primaries(link: Interface | None) -> Iterator[Address]:
    for address in link.addresses if link is not None else ():
        if address.family is Family.IPV4 and not address.secondary:
            yield address


def select6(network: Network, dev: str, dst: int) -> int:
    """Choose the best source for ``dst``: the rules 1, 2, 3, 5, 6 and 8 of RFC 6724; 0 when no address is fit.

    Privacy, home and ORCHID addresses are not told apart.
    """
    nearby = dst >> 120 == MULTICAST6 or scope6(dst) <= LINK_SCOPE6
    nearby = nearby or bool(network.conf(Family.IPV6, dev, "use_oif_addrs_only"))
    best, best_score = 0, None
    for link in network.interfaces.values():
        if not link.up or (nearby and dev and link.name != dev):
            continue
        for address in link.addresses:
            if address.family is not Family.IPV6 or address.tentative:
                continue
            score = _score6(address, link.name == dev or not dev, dst)
            if best_score is None or score > best_score:
                best, best_score = address.address, score
    return best


def _score6(address: Address, outgoing: bool, dst: int) -> tuple[int, ...]:
    own, wanted = scope6(address.address), scope6(dst)
    common = 128 - (address.address ^ dst).bit_length()
    return (
        address.address == dst,
        -own if own >= wanted else own - 128,
        not address.deprecated,
        outgoing,
        _label(address.address) == _label(dst),
        min(common, address.length),
    )


def scope6(address: int) -> int:
    """Say the scope of an IPv6 address as a number: 2 link, 5 site, 14 global; a multicast address says its own.

    The unspecified address has less than any.
    """
    if not address:
        return UNSPECIFIED_SCOPE6
    first = address >> 112
    if first >> 8 == MULTICAST6:
        return first & 15
    if first & 0xFFC0 == 0xFE80 or address == 1:
        return LINK_SCOPE6
    return SITE_SCOPE6 if first & 0xFFC0 == 0xFEC0 else GLOBAL_SCOPE6


def _label(address: int) -> int:
    return next(label for prefix, shift, label in _LABELS if address >> shift == prefix)
