"""FTP: the data connections that PORT, EPRT and the answers 227 (PASV) and 229 (EPSV) announce.

A command counts only at the beginning of a line, which is told from the sequence numbers at which lines ended. A
command that is cut short is dropped, so that it comes again whole.

Source: net/netfilter/nf_conntrack_ftp.c, nf_nat_ftp.c; RFC 959, RFC 2428, RFC 1123 4.1.2.6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyiptables.conntrack.expect import Policy
from pyiptables.conntrack.helpers.base import Call, Helper
from pyiptables.conntrack.helpers.texts import ipv6_at
from pyiptables.conntrack.tuples import TCP
from pyiptables.hooks import Family, Verdict
from pyiptables.packet.addresses import to_text

WORD = 0xFFFFFFFF
REMEMBERED = 2
"""How many ends of lines are remembered for each direction."""


class Memory:
    """Where lines ended, by direction; ``pickup`` says that the first line was not seen (a list that was loaded)."""

    __slots__ = ("ends", "pickup")

    def __init__(self, *, pickup: bool = False) -> None:
        self.ends: tuple[list[int], list[int]] = ([], [])
        self.pickup = [pickup, pickup]

    def note(self, way: int, seq: int) -> None:
        """Remember an end of a line; a newer one takes the oldest one's place (update_nl_seq)."""
        ends = self.ends[way]
        if seq in ends:
            return
        if len(ends) < REMEMBERED:
            ends.append(seq)
            return
        oldest = 0 if ends[0] - ends[1] & 0x80000000 else 1
        if ends[oldest] - seq & 0x80000000:
            ends[oldest] = seq


@dataclass(slots=True)
class Command:
    """An address and port that a command names, and where in the payload they stand."""

    address: int
    port: int
    at: int
    size: int


Reader = Callable[[bytes, int, Family, int], Command | None]
"""Reads what a command names: payload, where to begin, family, the address unless named; None: it is not whole."""


def _numbers(data: bytes, at: int, count: int, separator: int, end: int | None) -> tuple[list[int], int] | None:
    """So many numbers and where they end; ``end`` must come then, or with None anything but a digit (try_number)."""
    found, place = [0], at
    while place < len(data):
        byte = data[place]
        if 48 <= byte <= 57:
            found[-1] = found[-1] * 10 + byte - 48 & WORD
        elif byte == separator and len(found) < count:
            found.append(0)
        elif byte == separator:
            return None
        else:
            return (found, place) if (end is None or byte == end) and len(found) == count else None
        place += 1
    return None


def _four(numbers: list[int]) -> int:
    """Four numbers as an address, as C would put them together."""
    return (numbers[0] << 24 | numbers[1] << 16 | numbers[2] << 8 | numbers[3]) & WORD


def _six(data: bytes, at: int, end: int | None) -> Command | None:
    """``192,0,2,1,4,5``."""
    found = _numbers(data, at, 6, ord(","), end)
    if found is None or found[1] == at:
        return None
    numbers, stop = found
    return Command(_four(numbers), (numbers[4] << 8 | numbers[5]) & 0xFFFF, at, stop - at)


def read_port(data: bytes, at: int, family: Family, address: int) -> Command | None:
    """``PORT 192,0,2,1,4,5``."""
    return _six(data, at, ord("\r"))


def read_pasv(data: bytes, at: int, family: Family, address: int) -> Command | None:
    """``227 Entering Passive Mode (192,0,2,1,4,5)``: the numbers begin with the first digit."""
    while at < len(data) and not 48 <= data[at] <= 57:
        at += 1
    return _six(data, at, None) if at < len(data) else None


def read_eprt(data: bytes, at: int, family: Family, address: int) -> Command | None:
    """``EPRT |1|192.0.2.1|1029|`` or ``EPRT |2|2001:db8::1|1029|``."""
    mark = _delimiter(data, at)
    if mark is None or data[at + 2] != mark or data[at + 1] != (ord("1") if family is Family.IPV4 else ord("2")):
        return None
    if family is Family.IPV4:
        found = _numbers(data, at + 3, 4, ord("."), mark)
        named = None if found is None else (_four(found[0]), found[1])
    else:
        named = ipv6_at(data, at + 3, mark)
    if named is None or named[1] == at + 3:
        return None
    return _port(data, at, named[1] + 1, mark, named[0])


def read_epsv(data: bytes, at: int, family: Family, address: int) -> Command | None:
    """``229 Entering Extended Passive Mode (|||1029|)``."""
    mark = _delimiter(data, at)
    if mark is None or data[at + 1] != mark or data[at + 2] != mark:
        return None
    return _port(data, at, at + 3, mark, address)


def _delimiter(data: bytes, at: int) -> int | None:
    """The byte that stands between the parts."""
    if len(data) - at <= 3:
        return None
    mark = data[at]
    return None if 48 <= mark <= 57 or mark < 33 or mark > 126 else mark


def _port(data: bytes, begin: int, at: int, mark: int, address: int) -> Command | None:
    """The port up to the next delimiter (get_port)."""
    port = 0
    for place in range(at, len(data)):
        byte = data[place]
        if byte == mark:
            return Command(address, port, begin, place + 1 - begin) if port else None
        if not 48 <= byte <= 57:
            return None
        port = port * 10 + byte - 48 & 0xFFFF
    return None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A word at the beginning of a line; what it names begins behind ``skip``."""

    word: str
    skip: bytes
    read: Reader
    write: Callable[[int, int, Family], str]


def _commas(address: int, port: int, family: Family) -> str:
    """As PORT and 227 write it."""
    octets = (address & WORD).to_bytes(4, "big") + port.to_bytes(2, "big")
    return ",".join(str(octet) for octet in octets)


def _extended(address: int, port: int, family: Family) -> str:
    """As EPRT writes it, an IPv6 address with all its digits."""
    if family is Family.IPV4:
        return f"|1|{to_text(address, family)}|{port}|"
    digits = address.to_bytes(16, "big").hex()
    return f"|2|{':'.join(digits[at : at + 4] for at in range(0, 32, 4))}|{port}|"


def _extended_passive(address: int, port: int, family: Family) -> str:
    """As 229 writes it."""
    return f"|||{port}|"


PATTERNS = (
    (Pattern("PORT", b" ", read_port, _commas), Pattern("EPRT", b" ", read_eprt, _extended)),
    (Pattern("227 ", b"", read_pasv, _commas), Pattern("229 ", b"(", read_epsv, _extended_passive)),
)
"""What is looked for in each direction: the client's commands, the server's answers."""


class PartialError(Exception):
    """A command that is cut short; holds its word."""


def find(data: bytes, way: int, family: Family, address: int) -> tuple[Pattern, Command] | None:
    """The command that a line holds, or None; PartialError when it is cut short (find_pattern)."""
    for pattern in PATTERNS[way]:
        word = pattern.word.encode()
        if data[: len(word)].upper() != word[: len(data)]:
            continue
        if len(data) <= len(word):
            raise PartialError(pattern.word)
        at = len(word)
        if pattern.skip:
            at = data.find(pattern.skip, at) + 1
            if at in (0, len(data)):
                raise PartialError(pattern.word)
        command = pattern.read(data, at, family, address)
        if command is None:
            raise PartialError(pattern.word)
        return pattern, command
    return None


def ftp(call: Call) -> Verdict:
    """Read a segment of a control connection."""
    at = call.payload_at()
    if not call.established or at is None:
        return Verdict.ACCEPT
    skb, memory, way = call.skb, call.entry.help, call.way
    data = bytes(skb.data[at:])
    seq = int.from_bytes(skb.data[skb.thoff + 4 : skb.thoff + 8], "big")
    verdict = Verdict.ACCEPT
    if seq in memory.ends[way] or memory.pickup[way]:
        if seq not in memory.ends[way]:
            memory.pickup[way] = False
        try:
            found = find(data, way, call.here.family, call.here.src)
        except PartialError as partial:
            return call.drop(f"partial matching of `{partial}'")
        verdict = Verdict.ACCEPT if found is None else _announced(call, *found)
    if data.endswith(b"\n"):
        memory.note(way, seq + len(data) & WORD)
    return verdict


def _announced(call: Call, pattern: Pattern, command: Command) -> Verdict:
    """Expect the data connection, unless it is for a third host (loose is off)."""
    if command.address != call.here.src:
        return Verdict.ACCEPT
    expectation = call.expectation(TCP, call.there.src, call.there.dst, command.port)
    if not call.mapped:
        return Verdict.ACCEPT if call.expect(expectation) else call.drop("cannot add expectation")
    call.follow_master(expectation, command.port, 1 - call.way)
    port = call.find_port(expectation)
    if not port:
        return call.drop("all ports in use")
    if not call.mangle(command.at, command.size, pattern.write(call.there.dst, port, call.here.family).encode()):
        call.table.expectations.remove(expectation)
        return call.drop("cannot mangle packet")
    return Verdict.ACCEPT


FTP = Helper("ftp", 21, (Policy(1, 300),), ftp, Memory)
