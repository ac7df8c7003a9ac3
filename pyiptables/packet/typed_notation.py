r"""A packet in one line, to be read and written: ``eth0: 198.51.100.7:40000 > 192.0.2.1:443 tcp S ttl 3 mark 0x1``.

In EBNF, blanks between words being free::

    packet    = [ interface ":" ] ( endpoints | "raw" hex ) { field } ;
    endpoints = address [ ":" port ] ">" address [ ":" port ] protocol ;
    address   = IPv4 | IPv6 | "[" IPv6 "]" ;                    (* with a port, IPv6 stands in brackets *)
    protocol  = "tcp" [ flags ] | ( "icmp" | "icmp6" ) [ type ] | name | number ;
    flags     = "none" | letter { letter } ;                    (* as tcpdump: S F R P . U E W *)
    type      = name | number [ "/" number ] ;
    field     = name [ value ] ;                                (* "ttl 3", "df", 'payload "GET /"' *)
    value     = word | '"' { character | "\" character } '"' ;

With an interface the packet arrives there, else a local process sends it. ``out eth1`` is where it leaves: of one that
arrives, by an assumed host that forwards it. The names of fields, and what a packet has
where nothing is said, are those of the words of :mod:`pyiptables.packet.typed_words` without their dashes. After
``raw`` come all bytes of the network packet, and only fields that are not in it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.addresses import mac_to_text, to_text
from pyiptables.packet.icmp_types import ICMP_TYPES, ICMPV6_TYPES
from pyiptables.packet.names import SAVED_PROTOCOLS
from pyiptables.packet.notation import tcp_flag_letters
from pyiptables.packet.spec import PacketSpec
from pyiptables.packet.spec_bytes import from_bytes, to_bytes
from pyiptables.packet.transports import ICMP_PROTOCOLS, PORT_PROTOCOLS, SCTP, SCTP_INIT, TCP
from pyiptables.packet.typed_packet import TypedPacket, assemble, icmp_default
from pyiptables.packet.typed_words import FLAG_LETTERS, LONG, RAW, SHORT, Given, nearest

_WORDS = {name[2:]: word for name, word in LONG.items() if word.key}
_PLACES = {
    "interface": SHORT["-i"],
    "source": SHORT["-s"],
    "destination": SHORT["-d"],
    "protocol": SHORT["-p"],
    "sport": LONG["--sport"],
    "dport": LONG["--dport"],
    "flags": FLAG_LETTERS,
    "type": LONG["--icmp-type"],
    "raw": RAW,
}
"""The words that stand in a place of their own."""
_FIELDS = {
    "seq": "seq",
    "ack_seq": "ack",
    "window": "win",
    "tcp_options": "options",
    "icmp_id": "icmp-id",
    "icmp_seq": "icmp-seq",
    "spi": "spi",
    "ttl": "ttl",
    "tos": "tos",
    "ident": "id",
    "dont_fragment": "df",
    "more_fragments": "mf",
    "frag_offset": "frag",
}
"""The fields of a packet that are written by name where they are not what they are when nothing is said."""
_UNSAID = PacketSpec(Family.IPV4, 0, 0, 0)
_NAMED = frozenset({6, 17, 33, 50, 51, 132, 136})


def parse_notation(text: str) -> TypedPacket:
    """The packet that a line describes; PacketError with the column, what was expected there or the nearest name."""
    from pyparsing import ParseBaseException

    try:
        tokens = _grammar().parse_string(text)
    except ParseBaseException as error:
        expected = error.msg.removeprefix("Expected ")
        raise PacketError(f"expected {expected}", column=error.loc + 1, snippet=text) from None
    given: list[Given] = []
    name = None
    for kind, found, at in tokens:
        if kind == "unknown":
            hint = nearest(found, _WORDS)
            raise PacketError(f'a packet has no field "{found}"', column=at + 1, snippet=text, hint=hint)
        if kind in ("name", "switch"):
            name = Given(_WORDS[found], found, (), at + 1)
            given += [name] if kind == "switch" else []
        elif kind == "value" and name is not None:
            given.append(Given(name.word, name.name, (_unquoted(found),), name.column))
        else:
            given.append(Given(_PLACES[kind], kind, (found,), at + 1))
    return assemble(given, _family(given), text)


def _family(given: list[Given]) -> Family:
    """That of the source address, or of the bytes."""
    for one in given:
        if one.word.key == "source":
            return Family.IPV6 if ":" in one.texts[0] else Family.IPV4
        if one.word is RAW:
            return Family.IPV6 if one.texts[0].removeprefix("hex:").lstrip().startswith("6") else Family.IPV4
    return Family.IPV4


def _unquoted(text: str) -> str:
    """A value without its quotes and the backslashes in them."""
    if not text.startswith('"'):
        return text
    letters = iter(text[1:-1])
    return "".join(next(letters, "") if letter == "\\" else letter for letter in letters)


@cache
def _grammar() -> Any:
    """The grammar of the module's docstring; its result is a flat list of (kind, text, place)."""
    import pyparsing as pp

    def token(pattern: str, kind: str, expected: str) -> Any:
        element = pp.Regex(pattern).set_name(expected)
        return element.set_parse_action(lambda text, at, found: (kind, found[0], at))

    def endpoint(which: str, port: str) -> Any:
        number = pp.Suppress(":") - token(r"[\w.+-]+", port, "a port")
        bracketed = pp.Suppress("[") + token(r"[^\]\s]+", which, "an IPv6 address") + pp.Suppress("]") + pp.Opt(number)
        four = token(r"[0-9]+(?:\.[0-9]+)+", which, "an IPv4 address") + pp.Opt(number)
        six = token(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*", which, "an IPv6 address")
        return (bracketed | four | six).set_name(f"the {which} address")

    switches = "|".join(sorted((name for name, word in _WORDS.items() if not word.values), key=len, reverse=True))
    names = "|".join(sorted((name for name, word in _WORDS.items() if word.values), key=len, reverse=True))
    switch = token(rf"(?:{switches})(?!\S)", "switch", "a field")
    name = token(rf"(?:{names})(?!\S)", "name", "a field")
    field = switch | name - token(r'"(?:[^"\\]|\\.)*"(?!\S)|[^\s"]\S*', "value", "a value")
    flags = token(r"(?:none|[SFRP.UEW]+)(?!\S)", "flags", "TCP flags")
    kind = ~name + ~switch + token(r"\S+", "type", "an ICMP type")
    tcp = token(r"(?i:tcp|6)(?!\S)", "protocol", "a protocol") + pp.Opt(flags)
    icmp = token(r"(?i:icmp|icmp6|icmpv6|ipv6-icmp)(?!\S)", "protocol", "a protocol") + pp.Opt(kind)
    protocol = (tcp | icmp | token(r"\S+", "protocol", "a protocol")).set_name("a protocol")
    arrow = pp.Suppress(">").set_name('">"')
    endpoints = endpoint("source", "sport") - arrow - endpoint("destination", "dport") - protocol
    interface = token(r"[^\s/:]{1,15}(?=:\s)", "interface", "an interface") + pp.Suppress(":")
    raw = pp.Suppress(pp.Regex(r"raw(?!\S)")) - token(r"\S+", "raw", "bytes in hexadecimal")
    body = (raw | endpoints).set_name('the source address, or "INTERFACE:" before it')
    unknown = token(r"\S+", "unknown", "a field") + pp.Suppress(pp.Regex(r"[\s\S]*"))
    return (pp.Opt(interface) + body + pp.ZeroOrMore(field) + pp.Opt(unknown) + pp.StringEnd()).parse_with_tabs()


def to_notation(packet: TypedPacket) -> str:
    """The line that describes a packet: ``parse_notation(to_notation(packet)) == packet``.

    Packets that the fields do not make (a wrong checksum, an unusual header) are written as their bytes. PacketError
    for one that no line describes, such as one with the owner of a process and an interface to arrive on.
    """
    spec = from_bytes(packet.data, packet.family)
    words = _described(spec, packet.family) if spec is not None else [f"raw {packet.data.hex()}"]
    if packet.interface is not None:
        words.insert(0, f"{packet.interface}:")
    for name, text, unsaid in (
        ("out", _quoted(packet.out_interface), '""'),
        ("mark", f"{packet.mark:#x}", "0x0"),
        ("mac", packet.mac_source and mac_to_text(packet.mac_source), None),
        ("mac-destination", packet.mac_destination and mac_to_text(packet.mac_destination), None),
        ("uid", packet.uid, None),
        ("gid", packet.gid, None),
        ("count", packet.count, 1),
    ):
        words += [] if text == unsaid else [f"{name} {text}"]
    line = " ".join(words)
    if parse_notation(line) != packet:
        raise PacketError("no line describes this packet")
    return line


def _described(spec: PacketSpec, family: Family) -> list[str]:
    """Endpoints, protocol, and the fields that are not what they are where nothing is said."""
    ports = spec.protocol in PORT_PROTOCOLS and not spec.frag_offset
    ends = ((spec.source, spec.sport), (spec.destination, spec.dport))
    source, destination = (
        _endpoint(to_text(address, family), port if ports else None, family) for address, port in ends
    )
    words = [source, ">", destination, _protocol(spec)]
    if spec.protocol == TCP and not spec.frag_offset:
        words.append(tcp_flag_letters(spec.flags))
    usual = {}
    if spec.protocol == ICMP_PROTOCOLS[family] and not spec.frag_offset:
        words.append(_icmp_type(spec))
        usual = dict.fromkeys(("icmp_id", "icmp_seq"), icmp_default(spec.icmp_type, family))
    for key, name in _FIELDS.items():
        value = getattr(spec, key)
        if value != usual.get(key, getattr(_UNSAID, key)):
            words.append(name if value is True else f"{name} {value.hex() if isinstance(value, bytes) else value}")
    return words + _payload(spec)


def _endpoint(address: str, port: int | None, family: Family) -> str:
    if port is None:
        return address
    return f"{address}:{port}" if family is Family.IPV4 else f"[{address}]:{port}"


def _protocol(spec: PacketSpec) -> str:
    """The name of a protocol that is known here, else its number."""
    if spec.protocol == ICMP_PROTOCOLS[spec.family]:
        return "icmp" if spec.family is Family.IPV4 else "icmp6"
    return SAVED_PROTOCOLS[spec.protocol] if spec.protocol in _NAMED else str(spec.protocol)


def _icmp_type(spec: PacketSpec) -> str:
    """The name of type and code, that of the code first; else ``TYPE/CODE``."""
    names: dict[bool, str] = {}
    for name, (kind, low, high) in (ICMP_TYPES if spec.family is Family.IPV4 else ICMPV6_TYPES).items():
        if name != "any" and (kind, low) == (spec.icmp_type, spec.icmp_code):
            names.setdefault(low != high, name)
    return names.get(False) or names.get(True) or f"{spec.icmp_type}/{spec.icmp_code}"


def _payload(spec: PacketSpec) -> list[str]:
    """The payload, where it is not the one of a packet that says nothing of it; of zeros, the packet's length."""
    payload = spec.payload
    if payload == (SCTP_INIT if spec.protocol == SCTP and not spec.frag_offset else b"") and not spec.fragment:
        return []
    if len(payload) > 8 and not any(payload) and spec.protocol != SCTP:
        return [f"length {len(to_bytes(spec))}"]
    text = payload.decode("latin-1")
    plain = text.isascii() and text.isprintable() and not text.startswith("hex:")
    return [f"payload {_quoted(text)}" if plain else f"payload hex:{payload.hex()}"]


def _quoted(text: str) -> str:
    """A value in quotes where it could not stand without."""
    if re.fullmatch(r"[^\s\"]\S*", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
