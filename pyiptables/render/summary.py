"""A capture in a table: one line a packet or a connection, then counts by verdict and the rules that decided most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyiptables.hooks import Family
from pyiptables.netfilter import Fate
from pyiptables.netfilter.path import Ended
from pyiptables.packet.link import Frame
from pyiptables.packet.notation import endpoint_texts, protocol_text, tcp_flag_letters
from pyiptables.packet.skb import Skb
from pyiptables.render.rules import rule_text
from pyiptables.render.trace import place_text, verdict_name, wrapped
from pyiptables.trace import events
from pyiptables.trace.events import Decided, Trace

TCP = 6
MOST_RULES = 10
MOST_TAILS = 65_536
WIDE = 120
"""From this width on, time and translation have columns of their own."""
NARROW_PACKET = 41
LINK = 14
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


def path_text(trace: Trace) -> str:
    """``eth0>eth1``, ``eth0>local``, ``local>eth0``; a question mark for a packet that was dropped before routing."""
    start, end = "", "?"
    for event in trace.own:
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
        for event in trace.own
        if isinstance(event, events.Changed) and event.what in ("source", "destination")
    }
    sides = (("source", "from"), ("destination", "to"))
    return " ".join(f"{word} {found[what]}" for what, word in sides if what in found)


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
        verdict=verdict_name(decided) if decided is not None else "NOTHING",
        place=short_place(decided) if decided is not None else "",
    )


def row_of_fate(fate: Fate, number: int, time: int, family: Family) -> Row:
    """The line of a packet that was replayed without its story."""
    decided = decided_of(fate.ended)
    return Row(
        number=number,
        time=time,
        path=f"{fate.start}>{fate.end}",
        packet=packet_line(fate.data, family),
        state=fate.state,
        translated=_translated(fate, family),
        verdict=verdict_name(decided),
        place=short_place(decided),
    )


class FateLines:
    """The lines of packets that were replayed without stories, made once for those that fare alike.

    Packets whose fate has a course are counted by it; the others are counted here.
    """

    def __init__(self, family: Family, start: int, width: int) -> None:
        self.family, self.start, self.width = family, start, width
        self.wide = width >= WIDE
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.tails: dict[tuple[Any, ...], tuple[str, str, tuple[str, str, str]]] = {}

    def line(self, fate: Fate, number: int, time: int) -> str:
        """A packet's line with its line break; counts it where nobody else does."""
        behind = fate.text if fate.course is not None and fate.text is not None else self.count(fate)
        if self.wide:
            return f"{number:>7} {(time - self.start) / 1e9:>11.6f}{behind}"
        return f"{number:>4}{behind}"

    def count(self, fate: Fate) -> str:
        """Count a packet where nobody else does; the end of its line."""
        self.counted(fate)
        verdict, place, _ = self._tail(fate.ended)
        if fate.text is None:
            fate.text = self._behind(fate, verdict, place)
        return str(fate.text)

    def counted(self, fate: Fate) -> None:
        """Count a packet whose course does not."""
        if fate.course is None:
            self.counts[self._tail(fate.ended)[2]] += 1

    def _behind(self, fate: Fate, verdict: str, place: str) -> str:
        """The line behind number and time."""
        if self.wide:
            row = row_of_fate(fate, 0, self.start, self.family)
            return "".join(row_text(row, self.start, self.width)).rstrip()[19:] + "\n"
        packet = cut(self._packet(fate), NARROW_PACKET)
        head = f" {cut(f'{fate.start}>{fate.end}', 10):<10} {packet:<{NARROW_PACKET}} {fate.state[:3]:<3} "
        tail = cut(f" {place}", self.width - 4 - len(head) - max(len(verdict), 6)) if place else ""
        return f"{head}{verdict:<6}{tail}".rstrip() + "\n"

    def _packet(self, fate: Fate) -> str:
        """The packet in words; its endpoints are made once for the side that it belongs to."""
        side = fate.side
        if side is None or side.came.protocol != TCP:
            return packet_line(fate.data, self.family)
        if side.text is None:
            side.text = ">".join(endpoint_texts(Skb(fate.data, self.family)))
        return f"{side.text} tcp {tcp_flag_letters(fate.data[33])}"

    def _tail(self, ended: Ended) -> tuple[str, str, tuple[str, str, str]]:
        """Verdict, place, and what the packet is counted by."""
        place = ended.place
        key = (ended.verdict, ended.reason, None if place is None else (place.table, place.chain, place.number))
        found = self.tails.get(key)
        if found is None:
            decided = decided_of(ended)
            if len(self.tails) >= MOST_TAILS:
                self.tails.clear()
            found = self.tails[key] = verdict_name(decided), short_place(decided), tally_key(decided, self.family)
        return found

    def add_to(self, tally: Tally, passed: Iterable[tuple[Ended, int]] = ()) -> None:
        """Count what was printed: here, and by courses."""
        for key, count in self.counts.items():
            tally.count(key, count)
        for ended, count in passed:
            tally.count(self._tail(ended)[2], count)


def decided_of(ended: Ended) -> Decided:
    """How a way ended, as the event that a story would have."""
    place = ended.place
    if place is None:
        return Decided(ended.verdict, ended.hook, ended.reason)
    return Decided(
        ended.verdict, ended.hook, ended.reason, place.table, place.chain, place.number, place.spec, place.via
    )


def _translated(fate: Fate, family: Family) -> str:
    if fate.translated is None or len(fate.data) < (20 if family is Family.IPV4 else 40):
        return ""
    came, now = Skb(fate.data, family), Skb(fate.translated, family)
    whole = fate.whole  # else the ports of what came cannot be compared
    texts = zip(endpoint_texts(came), endpoint_texts(now), strict=True)
    source, destination = ((before != after and whole, after) for before, after in texts)
    changed = (source[0] or came.saddr != now.saddr, destination[0] or came.daddr != now.daddr)
    found = ((changed[0], "from", source[1]), (changed[1], "to", destination[1]))
    return " ".join(f"{word} {text}" for is_changed, word, text in found if is_changed)


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

    def add_fate(self, fate: Fate, frame: Frame) -> None:
        """Count a packet that was replayed without its story to its connection."""
        row = fate.text
        if row is None:
            row = fate.text = row_of_fate(fate, frame.number, frame.time_ns, self.family)
        known: tuple[object, ...] = fate.connection or (row.path, row.packet)
        flow = self.found.get(known)
        if flow is None:
            flow = self.found[known] = Flow(row)
        flow.packets += 1
        flow.bytes += len(fate.data) if fate.side is None else len(frame.data) - LINK
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


def tally_key(decided: Decided, family: Family) -> tuple[str, str, str]:
    """What a packet is counted by: its verdict, what gave it in words (nothing for plain ACCEPT), and the rule's text."""
    verdict = verdict_name(decided)
    place = place_text(decided)
    if place:
        rule = rule_text(decided.spec, decided.chain, family, decided.table) if decided.spec else ""
        return verdict, f"{verdict} by {place}", rule
    return verdict, "" if verdict == "ACCEPT" else f"{verdict}: {decided.reason}", ""


@dataclass(slots=True)
class Tally:
    """Counts over a capture: packets by verdict, and by the rule or reason that decided."""

    family: Family
    verdicts: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, trace: Trace) -> None:
        """Count a packet."""
        decided = trace.decided
        if decided is not None:
            self.count(tally_key(decided, self.family), 1)

    def count(self, key: tuple[str, str, str], count: int) -> None:
        """Count packets that fared alike."""
        verdict, what, rule = key
        self.verdicts[verdict] += count
        if what:
            self.places[what, rule] += count

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
