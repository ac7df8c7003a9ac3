"""A capture in a table: one line a packet or a connection, then counts by verdict and the rules that decided most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pyiptables.hooks import Family
from pyiptables.packet.notation import endpoint_texts, protocol_text
from pyiptables.packet.skb import Skb
from pyiptables.render.rules import rule_text
from pyiptables.render.trace import place_text, verdict_name, wrapped
from pyiptables.trace import events
from pyiptables.trace.events import Decided, Trace

MOST_RULES = 10
WIDE = 120
"""From this width on, time and translation have columns of their own."""
NARROW_PACKET = 41
STAYS = ("LOCAL", "BROADCAST", "MULTICAST", "ANYCAST")


@dataclass(frozen=True, slots=True)
class Row:
    """What one packet's line says."""

    number: int
    time: int
    path: str
    packet: str
    state: str
    translated: str
    verdict: str
    place: str


def own_events(trace: Trace) -> Iterator[events.Event]:
    """The events of the packet itself, those of packets made on its way left out."""
    depth = 0
    for event in trace.events:
        if isinstance(event, events.Made):
            depth += 1
        elif isinstance(event, events.MadeEnd):
            depth -= 1
        elif not depth:
            yield event


def path_text(trace: Trace) -> str:
    """``eth0>eth1``, ``eth0>local``, ``local>eth0``; a question mark for a packet that was dropped before routing."""
    start, end = "", "?"
    for event in own_events(trace):
        if isinstance(event, events.Arrived):
            start = "local" if event.local else event.interface
        elif isinstance(event, events.Routed):
            stays = event.kind in STAYS and not event.out_interface
            end = "local" if stays else event.out_interface or "?"
    return f"{start}>{end}"


def short_place(decided: Decided) -> str:
    """``FORWARD:7``, ``INPUT:policy``, or why a packet was dropped by no rule."""
    if decided.table:
        return f"{decided.chain}:{decided.number or 'policy'}"
    return "" if decided.verdict == "ACCEPT" else decided.reason


def packet_line(data: bytes, family: Family) -> str:
    """``192.0.2.7:40000>192.0.2.1:80 tcp S``."""
    if len(data) < (20 if family is Family.IPV4 else 40):
        return f"{len(data)} bytes"
    skb = Skb(data, family)
    return f"{'>'.join(endpoint_texts(skb))} {protocol_text(skb)}"


def translation(trace: Trace) -> str:
    """``to 10.1.0.10:8443``, ``from 192.0.2.1:40000``: what NAT made of the packet."""
    found = {
        event.what: event.after
        for event in own_events(trace)
        if isinstance(event, events.Changed) and event.what in ("source", "destination")
    }
    return " ".join(f"{'from' if what == 'source' else 'to'} {text}" for what, text in found.items())


def row_of(trace: Trace, family: Family) -> Row:
    """The line of a packet."""
    arrived = next(event for event in trace.events if isinstance(event, events.Arrived))
    tracked = next((event for event in trace.events if isinstance(event, events.Tracked)), None)
    decided = trace.decided
    return Row(
        number=trace.number,
        time=arrived.time,
        path=path_text(trace),
        packet=packet_line(arrived.data, family),
        state=tracked.state if tracked else "",
        translated=translation(trace),
        verdict=verdict_name(trace, decided) if decided is not None else "NOTHING",
        place=short_place(decided) if decided is not None else "",
    )


def cut(text: str, width: int) -> str:
    """A text that is no wider, two dots in place of what was cut."""
    return text if len(text) <= width else text[: max(width - 2, 0)] + ".."


def row_text(row: Row, start: int, width: int) -> tuple[str, str, str]:
    """A line in three parts: before the verdict, the verdict, after it; together no wider than ``width``."""
    if width >= WIDE:
        seconds = f"{(row.time - start) / 1e9:.6f}"
        head = f"{row.number:>7} {seconds:>11}  {cut(row.path, 21):<21} {cut(row.packet, 50):<50} {row.state:<11} "
        tail = f" {row.place}" + (f"  {row.translated}" if row.translated else "")
    else:
        packet = cut(row.packet, NARROW_PACKET)
        head = f"{row.number:>4} {cut(row.path, 10):<10} {packet:<{NARROW_PACKET}} {row.state[:3]:<3} "
        tail = f" {row.place}"
    return head, f"{row.verdict:<6}", cut(tail, width - len(head) - max(len(row.verdict), 6)).rstrip()


def headline(width: int) -> str:
    """The names of the columns."""
    if width >= WIDE:
        return f"{'packet':>7} {'seconds':>11}  {'path':<21} {'what':<50} {'state':<11} verdict, by, translated"
    return f"{'':>4} {'path':<10} {'packet':<{NARROW_PACKET}} {'ct':<3} verdict, by"


@dataclass(slots=True)
class Flow:
    """A connection: its first packet, and how its packets fared."""

    first: Row
    packets: int = 0
    bytes: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    places: dict[str, None] = field(default_factory=dict)


class Flows:
    """Connections in the order of their first packets."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.found: dict[tuple[object, ...], Flow] = {}

    def add(self, trace: Trace) -> None:
        """Count a packet to its connection; what is not tracked is counted by its own endpoints."""
        row = row_of(trace, self.family)
        tracked = next((event for event in trace.events if isinstance(event, events.Tracked)), None)
        known = tracked.connection if tracked is not None else None
        key: tuple[object, ...] = known if known is not None else (row.path, row.packet)
        flow = self.found.setdefault(key, Flow(row))
        flow.packets += 1
        flow.bytes += next(len(event.data) for event in trace.events if isinstance(event, events.Arrived))
        flow.verdicts[row.verdict] += 1
        if row.place:
            flow.places[row.place] = None

    def lines(self, start: int, width: int) -> Iterator[str]:
        """A headline, then a line a connection."""
        yield cut(f"{'':>4} {'path':<10} {'first packet':<{NARROW_PACKET}} packets, verdicts, by", width)
        for flow in self.found.values():
            verdicts = " ".join(f"{count} {verdict}" for verdict, count in flow.verdicts.most_common())
            text = f"{verdicts} {','.join(flow.places)}"
            if flow.first.translated and width >= WIDE:
                text += f"  {flow.first.translated}"
            row = flow.first
            head = f"{row.number:>4} {cut(row.path, 10):<10} {cut(row.packet, NARROW_PACKET):<{NARROW_PACKET}} "
            yield (head + cut(text, width - len(head))).rstrip()


@dataclass(slots=True)
class Tally:
    """Counts over a capture: packets by verdict, and by the rule or reason that decided."""

    family: Family
    verdicts: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, trace: Trace) -> None:
        """Count a packet."""
        decided = trace.decided
        if decided is None:
            return
        verdict = verdict_name(trace, decided)
        self.verdicts[verdict] += 1
        place = place_text(decided)
        if place:
            rule = rule_text(decided.spec, decided.chain, self.family, decided.table) if decided.spec else ""
            self.places[f"{verdict} by {place}", rule] += 1
        elif verdict != "ACCEPT":
            self.places[f"{verdict}: {decided.reason}", ""] += 1

    def lines(self, width: int) -> Iterator[str]:
        """Verdicts, then the rules and reasons that decided most."""
        total = sum(self.verdicts.values())
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.most_common())
        yield f"{total} packet{'s' if total != 1 else ''}: {counts}" if total else "no packets"
        decided = sorted(self.places.items(), key=lambda entry: (-entry[1], entry[0]))
        for (what, rule), count in decided[:MOST_RULES]:
            for number, row in enumerate(wrapped(what, width - 10)):
                yield f"{count if not number else '':>8}  {row}"
            for row in wrapped(rule, width - 10) if rule else ():
                yield " " * 10 + row
        if len(decided) > MOST_RULES:
            rest = sum(count for _, count in decided[MOST_RULES:])
            yield f"{rest:>8}  by {len(decided) - MOST_RULES} others"
