"""What a typed packet is, and how it comes of the words that describe it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.packet import Packet
from pyiptables.packet.spec import PacketSpec
from pyiptables.packet.spec_bytes import to_bytes
from pyiptables.packet.transports import ICMP_PROTOCOLS, PORT_PROTOCOLS, SCTP, SCTP_INIT
from pyiptables.packet.typed_values import UnreadableError
from pyiptables.packet.typed_words import Given, nearest

FIRST_BREAK = 1480
"""Where the second fragment begins on Ethernet, in bytes."""
ECHOES = {Family.IPV4: (0, 8), Family.IPV6: (128, 129)}
_META = ("interface", "out_interface", "mark", "mac_source", "mac_destination", "uid", "gid", "count")
_ETHERTYPES = {Family.IPV4: b"\x08\x00", Family.IPV6: b"\x86\xdd"}


@dataclass(frozen=True, slots=True)
class TypedPacket:
    """A packet that somebody described.

    ``data`` are the bytes of the network packet. With an ``interface`` it arrives there, else a local process sends it:
    ``out_interface`` ("" for none) is then where that process bound it to, ``uid`` and ``gid`` are its owner's. Of one that
    arrives, ``out_interface`` says that it is for somebody else, who is reached there: what a host that has to be assumed
    is made to do; a host that is known has routes.
    ``mac_source`` and ``mac_destination`` have 6 bytes; ``count`` is how many times it comes.
    """

    family: Family
    data: bytes
    interface: str | None = None
    out_interface: str = ""
    mark: int = 0
    mac_source: bytes | None = None
    mac_destination: bytes | None = None
    uid: int | None = None
    gid: int | None = None
    count: int = 1

    @property
    def local(self) -> bool:
        """Whether a local process sends it."""
        return self.interface is None

    @property
    def mac(self) -> bytes:
        """Its Ethernet header, an address that was not given being 0; empty when neither was."""
        if self.mac_source is None and self.mac_destination is None:
            return b""
        return (self.mac_destination or bytes(6)) + (self.mac_source or bytes(6)) + _ETHERTYPES[self.family]

    def packet(self, time: int = 0, number: int = 0) -> Packet:
        """It as an engine takes it, at a time in nanoseconds."""
        return Packet(
            self.data,
            self.interface or "",
            time=time,
            mac=self.mac,
            number=number,
            mark=self.mark,
            uid=self.uid,
            gid=self.gid,
            out_interface=self.out_interface,
        )


def assemble(given: Sequence[Given], family: Family, line: str) -> TypedPacket:
    """The packet that the words describe; PacketError with the line and the column of the word that is wrong."""
    values, words = _values(given, family, line)
    _check_words(values, words.values(), family, line)
    meta = {key: values.pop(key) for key in _META if key in values}
    raw = values.pop("raw", None)
    if raw is not None:
        if values:
            raise _wrong(words[next(iter(values))], line, "the bytes of the packet already say it")
        return TypedPacket(family, raw, **meta)
    try:
        return TypedPacket(family, _data(values, family), **meta)
    except PacketError as error:
        place = next((words[key] for key in ("length", "tcp_options", "payload") if key in words), None)
        raise PacketError(error.text, column=place.column if place else None, snippet=line, hint=error.hint) from None


def _values(given: Sequence[Given], family: Family, line: str) -> tuple[dict[str, Any], dict[str, Given]]:
    """What the words say by its key, the protocol read first; and the word that said it."""
    values: dict[str, Any] = {}
    words: dict[str, Given] = {}
    for one in sorted(given, key=lambda one: one.word.key != "protocol"):
        key = one.word.key
        if not key:
            continue
        if key in values and key != "tcp_options":
            first = words[key].name
            again = "is given twice" if first == one.name else f"and {first} say the same thing"
            raise PacketError(f"{one.name} {again}", column=one.column, snippet=line)
        try:
            value = one.word.read(one.texts, family, values.get("protocol", -1))
        except UnreadableError as error:
            raise PacketError(
                f'{one.name} "{" ".join(one.texts)}": expected {error.expected}',
                column=one.column,
                snippet=line,
                hint=nearest(one.texts[-1], error.names),
            ) from None
        values[key] = values.get(key, b"") + value if key == "tcp_options" else value
        words[key] = one
    return values, words


def _wrong(word: Given, line: str, why: str) -> PacketError:
    return PacketError(f"{word.name} cannot be said of this packet: {why}", column=word.column, snippet=line)


def _check_words(values: dict[str, Any], words: Iterable[Given], family: Family, line: str) -> None:
    """Each word is one that can be said of this packet, and nothing is missing."""
    later = bool(values.get("frag_offset") or "later" in values)
    for given in words:
        word = given.word
        if family not in word.families:
            raise _wrong(given, line, f"IPv{family.version} has no such field")
        if word.local is not None and word.local != ("interface" not in values):
            whose = "a local process sends, without -i" if word.local else "arrives, with -i"
            raise _wrong(given, line, f"it is for one that {whose}")
        if word.key == "ident" and family is Family.IPV6 and not (later or "more_fragments" in values):
            raise _wrong(given, line, "in IPv6 only a fragment has it")
        if word.protocols is None:
            continue
        if "protocol" in values and values["protocol"] not in word.protocols:
            raise _wrong(given, line, "its protocol has no such field")
        if later:
            raise _wrong(given, line, "a later fragment has no header of its protocol")
    if "raw" not in values:
        _check_missing(values, later, line)


def _check_missing(values: dict[str, Any], later: bool, line: str) -> None:
    needed = [
        ("protocol", "protocol", "-p tcp, udp, icmp ..."),
        ("source", "source address", "-s ADDRESS"),
        ("destination", "destination address", "-d ADDRESS"),
    ]
    if values.get("protocol") in PORT_PROTOCOLS and not later:
        needed.append(("dport", "destination port", "--dport PORT, or in the notation ADDRESS:PORT"))
    for key, what, hint in needed:
        if key not in values:
            raise PacketError(f"the packet has no {what}", column=len(line) + 1, snippet=line, hint=f"expected {hint}")


def _data(values: dict[str, Any], family: Family) -> bytes:
    """The bytes, with a payload of zeros where a length asks for it."""
    length = values.pop("length", None)
    if values.pop("later", False):
        values["frag_offset"] = values.get("frag_offset") or FIRST_BREAK
    if "icmp" in values:
        values["icmp_type"], values["icmp_code"] = values.pop("icmp")
    if values["protocol"] == ICMP_PROTOCOLS[family]:
        kind = values.setdefault("icmp_type", ECHOES[family][family is Family.IPV4])
        for key in ("icmp_id", "icmp_seq"):
            values.setdefault(key, icmp_default(kind, family))
    options = values.get("tcp_options", b"")
    if len(options) > 40:
        raise PacketError(f"TCP options of {len(options)} bytes: a header has room for 40")
    spec = PacketSpec(family=family, **values)
    if "payload" not in values:
        spec = replace(spec, payload=_default_payload(spec, length is None))
    data = to_bytes(spec)
    if length is None or length == len(data):
        return data
    if length < len(data):
        raise PacketError(f"the packet has {len(data)} bytes already, so --length cannot be {length}")
    return to_bytes(replace(spec, payload=spec.payload + bytes(length - len(data))))


def _default_payload(spec: PacketSpec, free: bool) -> bytes:
    """What a packet carries where nothing is said of it, and (``free``) nothing of its length.

    An SCTP packet carries a chunk, a later fragment carries something, and what is not the last fragment has whole
    units of 8 bytes.
    """
    if not spec.frag_offset and spec.protocol == SCTP:
        return SCTP_INIT
    if not free or not spec.fragment:
        return b""
    if spec.frag_offset:
        return bytes(8)
    header = 20 if spec.family is Family.IPV4 else 48
    return bytes(-(len(to_bytes(spec)) - header) % 8)


def icmp_default(kind: int, family: Family) -> int:
    """The id and the sequence number where none is said: 1 in an echo, else 0."""
    return 1 if kind in ECHOES[family] else 0
