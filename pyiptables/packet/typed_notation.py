"""A packet in one line, to be read: ``eth0: 198.51.100.7:40000 > 192.0.2.1:443 tcp S ttl 3 mark 0x1``.

In EBNF, blanks between words being free::

    packet    = [ interface ":" ] ( endpoints | "raw" hex ) { field } ;
    endpoints = address [ ":" port ] ">" address [ ":" port ] protocol ;
    address   = IPv4 | IPv6 | "[" IPv6 "]" ;                    (* with a port, IPv6 stands in brackets *)
    protocol  = "tcp" [ flags ] | ( "icmp" | "icmp6" ) [ type ] | name | number ;
    flags     = "none" | letter { letter } ;                    (* as tcpdump: S F R P . U E W *)
    type      = name | number [ "/" number ] ;
    field     = name [ value ] ;                                (* "ttl 3", "df", 'payload "GET /"' *)
    value     = word | '"' { character | "\\" character } '"' ;

With an interface the packet arrives there, else a local process sends it. The names of fields, and what a packet has
where nothing is said, are those of the words of :mod:`pyiptables.packet.typed_words` without their dashes. After ``raw``
come all bytes of the network packet, and only fields that are not in it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.typed_packet import TypedPacket, assemble
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


def parse_notation(text: str) -> TypedPacket:
    """The packet that a line describes; PacketError with the column, and what was expected there or the nearest name."""
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
    unknown = token(r"\S+", "unknown", "a field")
    return (pp.Opt(interface) + body + pp.ZeroOrMore(field) + pp.Opt(unknown) + pp.StringEnd()).parse_with_tabs()
