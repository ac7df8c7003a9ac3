"""The words of a typed packet: their names, what each says, and for which packets it can be said.

Every long name is also a field of the one-line notation, without its dashes (:mod:`pyiptables.packet.typed_notation`).

Where nothing is said, a packet has: source port 40000, TCP flag SYN, sequence numbers 0, window 64240, ICMP type
echo-request with id and sequence 1, SPI 256, TTL 64, no payload; type of service, mark and identification 0. An SCTP
packet is an INIT, a DCCP packet a REQUEST. ``-f`` alone is a fragment at 1480 bytes; a later fragment has 8 bytes of
payload, and what is not the last fragment is filled up to a multiple of 8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.packet import typed_values as read
from pyiptables.packet.names import DSCP_CLASSES, TOS_NAMES
from pyiptables.packet.transports import AH, DCCP, ESP, ICMP_PROTOCOLS, PORT_PROTOCOLS, TCP

_U16, _U32 = read.number(0, 0xFFFF), read.number(0, 0xFFFFFFFF)
_OF_TCP = frozenset({TCP})
_OF_ICMP = frozenset(ICMP_PROTOCOLS.values())
MOST_PACKETS = 1_000_000


@dataclass(frozen=True, slots=True)
class Word:
    """A word: its names, the key of what it says, how its value is read, and how many values it takes at most.

    ``protocols`` are those whose header it speaks of (None: of any packet); ``local`` says whether it is for packets
    that a local process sends, or (False) for those that arrive; ``families`` are those that have it.
    """

    names: tuple[str, ...]
    key: str
    read: read.Reader
    values: int = 1
    metavar: str = "NUMBER"
    protocols: frozenset[int] | None = None
    local: bool | None = None
    families: tuple[Family, ...] = tuple(Family)


@dataclass(frozen=True, slots=True)
class Given:
    """A word as it was typed: the name that was used, its texts, and its column in the line, from 1."""

    word: Word
    name: str
    texts: tuple[str, ...]
    column: int


_PORTS, _SPI = PORT_PROTOCOLS, frozenset({ESP, AH})
_IPV4 = (Family.IPV4,)

WORDS = (
    Word(("-i", "--in-interface"), "interface", read.interface, metavar="INTERFACE"),
    Word(("-o", "--out-interface", "--out"), "out_interface", read.interface, metavar="INTERFACE"),
    Word(("-p", "--protocol", "--proto"), "protocol", read.protocol, metavar="PROTOCOL"),
    Word(("-s", "--source", "--src"), "source", read.address, metavar="ADDRESS"),
    Word(("-d", "--destination", "--dst"), "destination", read.address, metavar="ADDRESS"),
    Word(("-m", "--match"), "", read.present, metavar="MATCH"),
    Word(("--sport", "--source-port"), "sport", read.port, metavar="PORT", protocols=_PORTS),
    Word(("--dport", "--destination-port"), "dport", read.port, metavar="PORT", protocols=_PORTS),
    Word(("--syn",), "flags", lambda texts, family, protocol: 2, values=0, protocols=_OF_TCP),
    Word(("--tcp-flags",), "flags", read.tcp_flags, values=2, metavar="FLAGS", protocols=_OF_TCP),
    Word(("--seq",), "seq", _U32, protocols=frozenset({TCP, DCCP})),
    Word(("--ack-seq", "--ack"), "ack_seq", _U32, protocols=_OF_TCP),
    Word(("--window", "--win"), "window", _U16, protocols=_OF_TCP),
    Word(("--tcp-option",), "tcp_options", read.tcp_option, metavar="KIND[:HEX]", protocols=_OF_TCP),
    Word(("--mss",), "tcp_options", read.mss, protocols=_OF_TCP),
    Word(("--options",), "tcp_options", lambda t, *_: read.hexadecimal(t[0]), metavar="HEX", protocols=_OF_TCP),
    Word(("--icmp-type", "--icmpv6-type"), "icmp", read.icmp_type, metavar="TYPE", protocols=_OF_ICMP),
    Word(("--icmp-id",), "icmp_id", _U16, protocols=_OF_ICMP),
    Word(("--icmp-seq",), "icmp_seq", _U16, protocols=_OF_ICMP),
    Word(("--spi", "--espspi", "--ahspi"), "spi", _U32, protocols=_SPI),
    Word(("--ttl", "--hl", "--ttl-eq", "--hl-eq"), "ttl", read.number(0, 255)),
    Word(("--tos",), "tos", read.named(TOS_NAMES, 255, "a number from 0 to 255, or a type of service")),
    Word(("--dscp", "--dscp-class"), "tos", read.named(DSCP_CLASSES, 63, "a number from 0 to 63, or a class", 2)),
    Word(("--id",), "ident", read.ident),
    Word(("--dont-fragment", "--df"), "dont_fragment", read.present, values=0, families=_IPV4),
    Word(("--more-fragments", "--mf"), "more_fragments", read.present, values=0),
    Word(("-f", "--fragment"), "later", read.present, values=0),
    Word(("--frag-offset", "--frag"), "frag_offset", read.frag_offset, metavar="BYTES"),
    Word(("--length",), "length", read.number(20, 65575), metavar="BYTES"),
    Word(("--payload",), "payload", read.payload, metavar="TEXT|hex:HEX"),
    Word(("--mark",), "mark", _U32),
    Word(("--mac-source", "--mac"), "mac_source", read.mac, metavar="MAC", local=False),
    Word(("--mac-destination",), "mac_destination", read.mac, metavar="MAC", local=False),
    Word(("--uid-owner", "--uid"), "uid", _U32, local=True),
    Word(("--gid-owner", "--gid"), "gid", _U32, local=True),
    Word(("--count",), "count", read.number(1, MOST_PACKETS)),
)
RAW = Word(("raw",), "raw", read.raw_packet, metavar="HEX")
"""Of the notation alone: a whole packet."""
FLAG_LETTERS = Word(("flags",), "flags", read.flag_letters, protocols=_OF_TCP)
"""Of the notation alone: flags as tcpdump writes them."""

SHORT = {word.names[0]: word for word in WORDS if not word.names[0].startswith("--")}
LONG = {name: word for word in WORDS for name in word.names if name.startswith("--")}

_STATE = "connection tracking finds that out: send the packets that come before it first"
_REFUSED = {
    "--state": _STATE,
    "--ct": _STATE,
    "--connmark": _STATE,
    "-j": "a packet has no target: the rules decide",
    "--jump": "a packet has no target: the rules decide",
    "-g": "a packet has no target: the rules decide",
    "--goto": "a packet has no target: the rules decide",
    "--sports": "a packet has one port: --sport",
    "--dports": "a packet has one port: --dport",
    "--ports": "a packet has one port each: --sport and --dport",
    "--src-range": "a packet has one address: -s",
    "--dst-range": "a packet has one address: -d",
    "-t": "a packet passes all tables",
    "--table": "a packet passes all tables",
}


def find(name: str) -> Word | None:
    """The word of a long name, or of the beginning of one when it begins only one word's names."""
    exact = LONG.get(name)
    if exact is not None or len(name) < 4:
        return exact
    found = {id(word): word for known, word in LONG.items() if known.startswith(name)}
    return next(iter(found.values())) if len(found) == 1 else None


def refusal(name: str) -> str | None:
    """Why a packet cannot have a word that rules have, and what to do instead; None for other words."""
    known = _REFUSED.get(name)
    return known or (_STATE if name.startswith(("--ct", "--state")) else None)


def nearest(text: str, names: Iterable[str]) -> str | None:
    """``did you mean --dport?``: the name that is spelled most like the text, if any is."""
    import difflib

    typed, folded = text[:80].lower(), {name.lower(): name for name in names}
    found = difflib.get_close_matches(typed, folded, n=3, cutoff=0.5)
    if not found:
        return None
    # Of names that are as near, the one with the same letters: two of them changed places.
    ratio = {name: difflib.SequenceMatcher(None, name, typed).ratio() for name in found}
    return f"did you mean {folded[max(found, key=lambda name: (ratio[name], sorted(name) == sorted(typed)))]}?"
