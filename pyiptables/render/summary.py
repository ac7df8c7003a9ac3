"""A capture in a table: one line a packet or a connection, then counts by verdict and the rules that decided most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pyiptables.hooks import Family
from pyiptables.packet.notation import endpoint_texts, protocol_text
from pyiptables.packet.skb import Skb
from pyiptables.render.rules import rule_text
from pyiptables.render.trace import TEXT_COLUMN, place_text, verdict_name, wrapped
from pyiptables.trace import events
from pyiptables.trace.events import Decided, Trace

MOST_RULES = 10
WIDE = 120
"""From this width on, time and translation have columns of their own."""


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


def path_text(trace: Trace, decided: Decided | None) -> str:
    """``eth0 > eth1``, ``eth0 > local``, ``local > eth0``; a question mark where a dropped packet was going nowhere yet."""
    start, end = "", "?"
    depth = 0
    for event in trace.events:
        if isinstance(event, events.Made):
            depth += 1
        elif isinstance(event, events.MadeEnd):
            depth -= 1
        if depth:
            continue
        if isinstance(event, events.Arrived):
            start = "local" if event.local else event.interface
        elif isinstance(event, events.Routed):
            local = event.kind in ("LOCAL", "BROADCAST", "MULTICAST", "ANYCAST") and not event.out_interface
            end = "local" if local else event.out_interface or "?"
    return f"{start} > {end}"


def row_of(trace: Trace, family: Family) -> Row:
    """The line of a packet."""
    arrived = next(event for event in trace.events if isinstance(event, events.Arrived))
    decided = trace.decided
    tracked = next((event for event in trace.events if isinstance(event, events.Tracked)), None)
    changed = {event.what: event.after for event in trace.of(events.Changed) if event.what in ("source", "destination")}
    translated = " ".join(f"{'from' if what == 'source' else 'to'} {text}" for what, text in changed.items())
    if len(arrived.data) >= (20 if family is Family.IPV4 else 40):
        skb = Skb(arrived.data, arrived.family)
        packet = f"{' > '.join(endpoint_texts(skb))} {protocol_text(skb)}"
    else:
        packet = f"{len(arrived.data)} bytes"
    verdict = verdict_name(trace, decided) if decided is not None else "NOTHING"
    place = ""
    if decided is not None:
        place = place_text(decided) or ("" if decided.verdict == "ACCEPT" else decided.reason)
    return Row(
        trace.number,
        arrived.time,
        path_text(trace, decided),
        packet,
        tracked.state if tracked else "",
        translated,
        verdict,
        place,
    )


def cut(text: str, width: int) -> str:
    """A text that is no wider, two dots in place of what was cut."""
    return text if len(text) <= width else text[: width - 2] + ".."


def row_text(row: Row, start: int, width: int) -> tuple[str, str, str]:
    """A line in three parts: before the verdict, the verdict, after it; together no wider than ``width``."""
    seconds = f"{(row.time - start) / 1e9:10.6f}"
    if width >= WIDE:
        head = f"{row.number:>7} {seconds}  {row.path:<14} {row.packet:<56} {row.state:<11} "
        tail = f"  {row.place}" + (f"  {row.translated}" if row.translated else "")
    else:
        verdict_room = 7 + 1 + min(len(row.place), 24)
        head = f"{row.number:>5} {cut(row.path, 13):<13} "
        room = max(width - len(head) - verdict_room - 5, 12)
        head += f"{cut(row.packet, room):<{room}} {row.state[:3]:<3} "
        tail = f" {row.place}"
    tail = tail[: max(width - len(head) - max(len(row.verdict), 6), 0)]
    return head, f"{row.verdict:<6}", tail.rstrip()


def headline(width: int) -> str:
    """The names of the columns."""
    if width >= WIDE:
        return f"{'packet':>7} {'seconds':>10}  {'path':<14} {'':<56} {'state':<11} {'verdict':<6}  by"
    room = max(width - 20 - 32 - 5, 12)
    return f"{'#':>5} {'path':<13} {'packet':<{room}} {'ct':<3} verdict"


@dataclass(slots=True)
class Tally:
    """Counts over a capture: packets by verdict, and by the rule that decided."""

    family: Family
    verdicts: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, trace: Trace) -> None:
        """Count a packet."""
        decided = trace.decided
        if decided is None:
            return
        self.verdicts[verdict_name(trace, decided)] += 1
        place = place_text(decided)
        if place:
            rule = rule_text(decided.spec, decided.chain, self.family, decided.table) if decided.spec else ""
            self.places[decided.verdict, place, rule] += 1
        elif decided.verdict != "ACCEPT":
            self.reasons[decided.reason] += 1

    def lines(self, width: int) -> Iterator[str]:
        """Verdicts, then the rules and reasons that decided most."""
        total = sum(self.verdicts.values())
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.most_common())
        yield f"{total} packet{'s' if total != 1 else ''}: {counts}" if total else "no packets"
        decided = [(count, f"{verdict} by {place}", rule) for (verdict, place, rule), count in self.places.items()]
        decided += [(count, f"DROP: {reason}", "") for reason, count in self.reasons.items()]
        decided.sort(key=lambda entry: (-entry[0], entry[1]))
        for count, what, rule in decided[:MOST_RULES]:
            yield f"{count:>8}  {what}"
            for row in wrapped(rule, width - TEXT_COLUMN + 8) if rule else ():
                yield " " * 10 + row
        if len(decided) > MOST_RULES:
            rest = sum(count for count, _, _ in decided[MOST_RULES:])
            yield f"{rest:>8}  by {len(decided) - MOST_RULES} others"
