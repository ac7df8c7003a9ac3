"""The connection list in the words of ``conntrack -L``, out and in.

Source: libnetfilter_conntrack's default output format, read off conntrack 1.4.7 and the kernel.
"""

from __future__ import annotations

from pyiptables.conntrack.dccp import Dccp, DccpState
from pyiptables.conntrack.entry import ASSURED, SECOND, SEEN_REPLY, Entry, Status, Zone
from pyiptables.conntrack.helpers import pick_up
from pyiptables.conntrack.sctp import Sctp, SctpState
from pyiptables.conntrack.table import ConntrackTable
from pyiptables.conntrack.tcp_states import TcpState
from pyiptables.conntrack.tcp_window import Tcp
from pyiptables.conntrack.tuples import (
    DCCP,
    GRE,
    ICMP,
    ICMPV6,
    ORIGINAL,
    REPLY,
    SCTP,
    TCP,
    UDP,
    UDPLITE,
    Tuple,
    inverse,
)
from pyiptables.errors import HostError
from pyiptables.packet.addresses import from_text, to_text

NAMES = {
    TCP: "tcp",
    UDP: "udp",
    UDPLITE: "udplite",
    ICMP: "icmp",
    ICMPV6: "icmpv6",
    SCTP: "sctp",
    GRE: "gre",
    DCCP: "dccp",
}
STATES = {TCP: TcpState, SCTP: SctpState, DCCP: DccpState}
MEMORIES = {TCP: Tcp, SCTP: Sctp, DCCP: Dccp}
SKIPPED = ("OFFLOAD", "HW_OFFLOAD")
LIMITS = {
    "mark": 32,
    "secmark": 32,
    "zone": 16,
    "zone-orig": 16,
    "zone-reply": 16,
    "packets": 64,
    "bytes": 64,
    "use": 32,
    "id": 32,
}


def dump(table: ConntrackTable) -> list[str]:
    """The entries as lines of ``conntrack -L``, oldest first; what is left of a timeout in whole seconds."""
    return [line(entry, table.now) for entry in table if not (entry.status & Status.NAT_CLASH)]


def line(entry: Entry, now: int) -> str:
    """One entry as ``conntrack -L`` prints it."""
    protocol = entry.original.protocol
    words = [f"{NAMES.get(protocol, 'unknown'):<8} {protocol} {max(0, entry.timeout - now) // SECOND}"]
    if protocol in STATES and entry.proto is not None and (entry.proto.state or protocol != DCCP):
        words.append(STATES[protocol](entry.proto.state).name)
    words.append(_tuple_words(entry.original))
    if entry.zone.directions == 1 and entry.zone.id:
        words.append(f"zone-orig={entry.zone.id}")
    words += _counter_words(entry, ORIGINAL)
    if not entry.status & SEEN_REPLY:
        words.append("[UNREPLIED]")
    words.append(_tuple_words(entry.reply))
    if entry.zone.directions == 2 and entry.zone.id:
        words.append(f"zone-reply={entry.zone.id}")
    words += _counter_words(entry, REPLY)
    if entry.status & ASSURED:
        words.append("[ASSURED]")
    words.append(f"mark={entry.mark}")
    if entry.secmark:
        words.append(f"secmark={entry.secmark}")
    if entry.zone.directions == 3 and entry.zone.id:
        words.append(f"zone={entry.zone.id}")
    if entry.helper:
        words.append(f"helper={entry.helper}")
    words.append("use=1")
    return " ".join(words)


def _tuple_words(tup: Tuple) -> str:
    """Addresses and the protocol's halves."""
    words = f"src={to_text(tup.src, tup.family)} dst={to_text(tup.dst, tup.family)}"
    if tup.protocol in (ICMP, ICMPV6):
        return f"{words} type={tup.icmp_type} code={tup.icmp_code} id={tup.sport}"
    if tup.protocol == GRE:
        return f"{words} srckey={tup.sport:#x} dstkey={tup.dport:#x}"
    return f"{words} sport={tup.sport} dport={tup.dport}" if tup.protocol in NAMES else words


def _counter_words(entry: Entry, direction: int) -> list[str]:
    """The packets and bytes of a direction, where they are counted."""
    if entry.counters is None:
        return []
    packets, size = entry.counters[2 * direction : 2 * direction + 2]
    return [f"packets={packets} bytes={size}"]


def load(table: ConntrackTable, text: str, source: str | None = None) -> int:
    """Put the entries of such lines into the table, and say how many; HostError names the line that is not one.

    As when conntrackd does it, TCP windows are not known and begin anew with the next packet, and so do lines of FTP.
    What a line says beyond what is modelled (labels=, secctx=, use=, id=) is left aside.
    """
    count = 0
    for place, row in enumerate(text.splitlines(), 1):
        if not row.strip() or "flow entries have been shown" in row:
            continue
        try:
            entry = _parse(row, table.now)
        except ValueError as error:
            raise HostError(
                f"not a line of conntrack -L: {error}", source=source, line=place, snippet=row[:200]
            ) from error
        if table.find(entry.original, entry.zone) or table.find(entry.reply, entry.zone):
            raise HostError("a connection that is in the list already", source=source, line=place, snippet=row[:200])
        table.insert(entry)
        count += 1
    return count


def _parse(row: str, now: int) -> Entry:
    """The entry that a line says; ValueError when it says none."""
    words = row.split()
    if words[:1] in (["ipv4"], ["ipv6"]):  # the extended format and /proc
        words = words[2:]
    if len(words) < 3:
        raise ValueError("expected protocol, its number and a timeout")
    protocol, left = number(words[1], 8, "protocol"), number(words[2], 32, "timeout")
    rest = iter(words[3:])
    halves: list[dict[str, str]] = []
    marks: set[str] = set()
    state: str | None = None
    for word in rest:
        name, is_pair, value = word.partition("=")
        if is_pair:
            if name == "src":
                halves.append({})
            if not halves:
                if name in ("timeout", "stream_timeout"):
                    continue
                raise ValueError(f"{word!r} before src=")
            halves[-1].setdefault(name, value)
        elif word.startswith("[") and word.endswith("]"):
            marks.add(word[1:-1])
        elif state is None and not halves:
            state = word
        else:
            raise ValueError(f"unexpected {word!r}")
    if len(halves) != 2:
        raise ValueError("expected two tuples, each from src= on")
    original, reply = (_read_tuple(half, protocol) for half in halves)
    if original.family is not reply.family:
        raise ValueError("addresses of two families")
    entry = Entry(original, reply, _read_zone(halves))
    entry.timeout = now + left * SECOND + SECOND // 2  # what is left of the second is not said
    entry.created = now
    _read_rest(entry, halves, marks, state)
    return entry


def _read_rest(entry: Entry, halves: list[dict[str, str]], marks: set[str], state: str | None) -> None:
    """Status, protocol state, counters and marks."""
    original, reply = halves
    unknown = marks - {"UNREPLIED", "ASSURED", *SKIPPED}
    if unknown:
        raise ValueError(f"unexpected [{min(unknown)}]")
    entry.status = (0 if "UNREPLIED" in marks else SEEN_REPLY) | (ASSURED if "ASSURED" in marks else 0)
    entry.status |= Status.SRC_NAT_DONE | Status.DST_NAT_DONE | _nat_bits(entry)
    entry.status = int(entry.status)
    protocol = entry.original.protocol
    if protocol in STATES:
        if state is not None and state not in STATES[protocol].__members__:
            raise ValueError(f"{state!r} is not a state of {NAMES[protocol]}")
        entry.proto = MEMORIES[protocol](STATES[protocol][state] if state else 0)
    elif state is not None:
        raise ValueError(f"unexpected {state!r}")
    if "packets" in original and "packets" in reply:
        entry.counters = [_word(half, name) for half in halves for name in ("packets", "bytes")]
    entry.mark, entry.secmark = _word(reply, "mark"), _word(reply, "secmark")
    if "helper" in reply:
        entry.helper = reply["helper"]
        entry.status |= Status.HELPER
        entry.status = int(entry.status)
        pick_up(entry)


def _nat_bits(entry: Entry) -> int:
    """Which manips the two tuples show."""
    plain = inverse(entry.original)
    source = (entry.reply.dst, entry.reply.dport) != (plain.dst, plain.dport)
    destination = (entry.reply.src, entry.reply.sport) != (plain.src, plain.sport)
    if entry.original.protocol in (ICMP, ICMPV6):  # the identifier, on either side, belongs to the source
        source = entry.reply.dst != plain.dst or entry.reply.sport != plain.sport
        destination = entry.reply.src != plain.src
    return (Status.SRC_NAT if source else 0) | (Status.DST_NAT if destination else 0)


def _read_tuple(half: dict[str, str], protocol: int) -> Tuple:
    """A tuple from its words."""
    src, family = from_text(half.get("src", ""))
    dst, other = from_text(half.get("dst", ""))
    if family is not other:
        raise ValueError("addresses of two families")
    if protocol in (ICMP, ICMPV6):
        dport = number(half.get("type", ""), 8, "type") << 8 | number(half.get("code", ""), 8, "code")
        tup = Tuple(family, src, dst, protocol, number(half.get("id", ""), 16, "id"), dport)
        inverse(tup)
        return tup
    first, second = ("srckey", "dstkey") if protocol == GRE else ("sport", "dport")
    if protocol not in NAMES:
        return Tuple(family, src, dst, protocol, 0, 0)
    return Tuple(
        family, src, dst, protocol, number(half.get(first, ""), 16, first), number(half.get(second, ""), 16, second)
    )


def _read_zone(halves: list[dict[str, str]]) -> Zone:
    """The zone that the words say."""
    original, reply = halves
    if "zone-orig" in original:
        return Zone(_word(original, "zone-orig"), 1)
    if "zone-reply" in reply:
        return Zone(_word(reply, "zone-reply"), 2)
    return Zone(_word(reply, "zone"))


def _word(half: dict[str, str], name: str) -> int:
    """A number that may be left out."""
    return number(half[name], LIMITS[name], name) if name in half else 0


def number(text: str, bits: int, what: str) -> int:
    """A decimal (or 0x) number that fits the bits."""
    if not text.isascii() or not text or len(text) > 20:
        raise ValueError(f"{what} {text[:20]!r} is not a number")
    value = int(text, 16) if text.startswith("0x") else int(text) if text.isdigit() else -1
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{what} {text!r} is not a number of {bits} bits")
    return value
