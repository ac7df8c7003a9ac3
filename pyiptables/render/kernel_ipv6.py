"""IPv6 packets as the kernel's log shows them (dump_ipv6_packet of net/netfilter/nf_log_syslog.c)."""

from __future__ import annotations

from pyiptables.render.kernel_transport import Dump, LogFlag, tcp_header, udp_header

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _ESP, _AH, _DESTINATION = 0, 43, 44, 50, 51, 60
_EXTENSIONS = frozenset({_HOP_BY_HOP, _ROUTING, _FRAGMENT, _ESP, _AH, _DESTINATION})
"""Headers that are walked over; unlike elsewhere ESP is one, and mobility is not (nf_ip6_ext_hdr)."""
_TCP, _UDP, _UDPLITE, _ICMPV6 = 6, 17, 136, 58
_ECHOES = (128, 129)
_WITH_INNER = (1, 2, 3, 4)
_TOO_BIG, _PARAMETER = 2, 4


def dump_ipv6(dump: Dump, at: int = 0) -> bool:
    """Add the words of the packet at ``at`` (0, or the one inside an ICMPv6 error); whether the line goes on behind."""
    if not dump.holds(at, 40):
        dump.add("TRUNCATED")
        return False
    first = dump.number(at, 4)
    dump.add(f"SRC={dump.data[at + 8 : at + 24].hex(':', 2)} DST={dump.data[at + 24 : at + 40].hex(':', 2)} ")
    dump.add(f"LEN={dump.number(at + 4, 2) + 40} TC={first >> 20 & 255} HOPLIMIT={dump.data[at + 7]} ")
    dump.add(f"FLOWLBL={first & 0xFFFFF} ")
    following, place, fragment = dump.data[at + 6], at + 40, False
    while following in _EXTENSIONS:
        if not dump.holds(place, 2):
            dump.add("TRUNCATED")
            return False
        size, later = _extension(dump, place, following, fragment)
        if not size:
            return False
        following, place, fragment = dump.data[place], place + size, fragment or later
    return _transport(dump, (at, place), following, fragment)


def _extension(dump: Dump, at: int, kind: int, fragment: bool) -> tuple[int, bool]:
    """Add an extension header; its size (0: the line ends here) and whether a later fragment follows."""
    options = dump.flags & LogFlag.IP_OPTIONS
    if options:
        dump.add("OPT ( ")
    size, later = (dump.data[at + 1] + 1) * 8, False
    if kind == _FRAGMENT:
        if not dump.holds(at, 8):
            dump.add("FRAG:TRUNCATED ")
            return 0, False
        word = dump.number(at + 2, 2)
        more = "INCOMPLETE " if word & 1 else ""
        dump.add(f"FRAG:{word & 0xFFF8} {more}ID:{dump.number(at + 4, 4):08x} ")
        size, later = 8, word >= 8
    elif kind in (_AH, _ESP):
        shown = not options or _security(dump, at, kind, fragment)
        if kind == _ESP or not shown:
            return 0, False
        size = (dump.data[at + 1] + 2) * 4
    elif fragment:  # behind a later fragment's header stands payload, not options
        dump.add(")" if options else "")
        return 0, False
    if options:
        dump.add(") ")
    return size, later


def _security(dump: Dump, at: int, kind: int, fragment: bool) -> bool:
    """Add the index of an AH or ESP header; whether it could be read."""
    name, header, place = ("AH ", 12, 4) if kind == _AH else ("ESP ", 8, 0)
    dump.add(name)
    if fragment:
        dump.add(")")
    elif not dump.holds(at, header):
        dump.add(dump.incomplete(at) + ")")
    else:
        dump.add(f"SPI=0x{dump.number(at + place, 4):x} " + (")" if kind == _ESP else ""))
        return True
    return False


def _transport(dump: Dump, places: tuple[int, int], protocol: int, fragment: bool) -> bool:
    """What is behind the headers; ``places`` are those of the network and of the transport header."""
    at = places[1]
    if protocol == _TCP:
        return tcp_header(dump, at, fragment)
    if protocol in (_UDP, _UDPLITE):
        return udp_header(dump, at, fragment, protocol)
    if protocol != _ICMPV6:
        dump.add(f"PROTO={protocol} ")
        return True
    dump.add("PROTO=ICMPv6 ")
    return fragment or _icmpv6(dump, at, inner=places[0] > 0)


def _icmpv6(dump: Dump, at: int, inner: bool) -> bool:
    """An ICMPv6 message; a packet inside is shown once, not the one inside that."""
    if not dump.holds(at, 8):
        dump.add(dump.incomplete(at))
        return False
    kind = dump.data[at]
    dump.add(f"TYPE={kind} CODE={dump.data[at + 1]} ")
    if kind in _ECHOES:
        dump.add(f"ID={dump.number(at + 4, 2)} SEQ={dump.number(at + 6, 2)} ")
    elif kind == _PARAMETER:
        dump.add(f"POINTER={dump.number(at + 4, 4):08x} ")
    if kind in _WITH_INNER and not inner:
        dump.add("[")
        dump_ipv6(dump, at + 8)
        dump.add("] ")
    if kind == _TOO_BIG:
        dump.add(f"MTU={dump.number(at + 4, 4)} ")
    return True
