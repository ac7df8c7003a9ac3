"""IPv4 packets as the kernel's log shows them (dump_ipv4_packet of net/netfilter/nf_log_syslog.c)."""

from __future__ import annotations

from pyiptables.render.kernel_transport import Dump, LogFlag, options_text, tcp_header, udp_header

_TCP, _UDP, _UDPLITE, _ICMP, _AH, _ESP = 6, 17, 136, 1, 51, 50
_ICMP_LENGTHS = {0: 4, 3: 28, 4: 28, 5: 28, 8: 4, 11: 28, 12: 28, 13: 20, 14: 20, 17: 12, 18: 12}
"""Bytes that a message of a type must have for its body to be shown."""
_ECHOES = (0, 8)
_WITH_INNER = (3, 4, 5, 11)
"""Types whose packet inside is shown; that of a parameter problem is not."""
_UNREACHABLE, _REDIRECT, _PARAMETER, _FRAG_NEEDED = 3, 5, 12, 4


def dump_ipv4(dump: Dump, at: int = 0) -> bool:
    """Add the words of the packet at ``at`` (0, or the one inside an ICMP error); whether the line goes on behind."""
    if not dump.holds(at, 20):
        dump.add("TRUNCATED")
        return False
    tos, fragment_word, protocol = dump.data[at + 1], dump.number(at + 6, 2), dump.data[at + 9]
    offset, header = fragment_word & 0x1FFF, (dump.data[at] & 15) * 4
    dump.add(f"SRC={_quad(dump, at + 12)} DST={_quad(dump, at + 16)} LEN={dump.number(at + 2, 2)} ")
    dump.add(f"TOS=0x{tos & 0x1E:02X} PREC=0x{tos & 0xE0:02X} TTL={dump.data[at + 8]} ID={dump.number(at + 4, 2)} ")
    dump.words.extend(name for bit, name in ((0x8000, "CE "), (0x4000, "DF "), (0x2000, "MF ")) if fragment_word & bit)
    if offset:
        dump.add(f"FRAG:{offset} ")
    if dump.flags & LogFlag.IP_OPTIONS and header > 20:
        if not dump.holds(at, header):
            dump.add("TRUNCATED")
            return False
        dump.add(options_text(dump.data[at + 20 : at + header]))
    return _transport(dump, (at, at + header), protocol, offset > 0)


def _transport(dump: Dump, places: tuple[int, int], protocol: int, fragment: bool) -> bool:
    """What is behind the header; ``places`` are those of the network and of the transport header."""
    at = places[1]
    if protocol == _TCP:
        return tcp_header(dump, at, fragment)
    if protocol in (_UDP, _UDPLITE):
        return udp_header(dump, at, fragment, protocol)
    if protocol == _ICMP:
        dump.add("PROTO=ICMP ")
        if not fragment:
            _icmp(dump, at, inner=places[0] > 0)
    elif protocol == _AH:
        if not fragment:  # the kernel then does not even name it
            dump.add("PROTO=AH " + _spi(dump, at, 12, 4))
    elif protocol == _ESP:
        dump.add("PROTO=ESP ")
        if not fragment:
            dump.add(_spi(dump, at, 8, 0))
    else:
        dump.add(f"PROTO={protocol} ")
    return True


def _spi(dump: Dump, at: int, header: int, place: int) -> str:
    """The security parameter index of a header of that size."""
    return dump.incomplete(at) if not dump.holds(at, header) else f"SPI=0x{dump.number(at + place, 4):x} "


def _icmp(dump: Dump, at: int, inner: bool) -> None:
    """An ICMP message; a packet inside is shown once, not the one inside that."""
    if not dump.holds(at, 8):
        dump.add(dump.incomplete(at))
        return
    kind, code = dump.data[at], dump.data[at + 1]
    dump.add(f"TYPE={kind} CODE={code} ")
    if len(dump.data) - at < _ICMP_LENGTHS.get(kind, 0):
        dump.add(dump.incomplete(at))
        return
    if kind in _ECHOES:
        dump.add(f"ID={dump.number(at + 4, 2)} SEQ={dump.number(at + 6, 2)} ")
    elif kind == _PARAMETER:
        dump.add(f"PARAMETER={dump.data[at + 4]} ")
    elif kind == _REDIRECT:
        dump.add(f"GATEWAY={_quad(dump, at + 4)} ")
    if kind in _WITH_INNER and not inner:
        dump.add("[")
        dump_ipv4(dump, at + 8)
        dump.add("] ")
    if kind == _UNREACHABLE and code == _FRAG_NEEDED:
        dump.add(f"MTU={dump.number(at + 6, 2)} ")


def _quad(dump: Dump, at: int) -> str:
    """An address as dotted quad."""
    return f"{dump.data[at]}.{dump.data[at + 1]}.{dump.data[at + 2]}.{dump.data[at + 3]}"
