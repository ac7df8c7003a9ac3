"""The story of a packet, for people: a block for each hook, a line for each table and rule that mattered, the verdict.

Lines fit the given width: rules are broken between words and go on under their first one. Nothing is said by colour
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.packet.notation import describe
from pyiptables.packet.skb import Skb
from pyiptables.render.nearest import nearest
from pyiptables.render.rules import rule_text
from pyiptables.trace import events
from pyiptables.trace.events import Decided, Event, Trace

TEXT_COLUMN = 18
NUMBER_END = 16
STYLES = {"ACCEPT": "bold green", "DROP": "bold red", "REJECT": "bold red", "STOLEN": "bold yellow"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the story: a label on the left, a text, and the style of each (rich's names; empty for none).

    ``tight`` lines begin their text two blanks behind the label, not in the column that all others share.
    """

    label: str
    text: str = ""
    style: str = ""
    label_style: str = ""
    tight: bool = False


def packet_text(data: bytes, family: Family) -> str:
    """A packet in one line, also one too broken to have endpoints."""
    if len(data) < (20 if family is Family.IPV4 else 40):
        return f"{len(data)} bytes, no {family.command.removesuffix('tables').upper()} header"
    return describe(Skb(data, family))


class Story:
    """Turns a trace's events into lines. ``explain`` shows the rules that did not match, with what failed."""

    def __init__(self, family: Family, *, explain: bool = False) -> None:
        self.family = family
        self.explain = explain
        self.indent = 3
        self.hook: Line | None = None
        self.chain = ""
        self.matched = False
        self.in_table = False
        self.nat_walked = False
        self.outer: list[tuple[str, bool, bool, bool]] = []

    def lines(self, trace: Trace) -> Iterator[Line]:
        """All lines of a packet's story, the verdict's last."""
        for event in trace.events:
            yield from self._event(event)
        yield Line("")
        yield from verdict_lines(trace, self.family)

    def _event(self, event: Event) -> Iterator[Line]:
        match event:
            case events.Arrived():
                yield from self._arrived(event)
            case events.HookEntered():
                ways = " > ".join(filter(None, (event.in_interface, event.out_interface)))
                self.hook = Line(" " * self.indent + event.hook.name, ways, "dim", "bold")
                self.nat_walked = False
            case events.Looped():
                yield Line("")
                yield Line(" " * self.indent + "back in through lo", label_style="bold")
            case events.Made():
                yield from self._made(event)
            case events.MadeEnd():
                self.indent -= 3
                self.chain, self.matched, self.in_table, self.nat_walked = self.outer.pop()
                self.hook = None
            case events.Routed():
                text = ("again: " if event.again else "") + event.words
                yield from self._inside("routing", text, hooked=False)
            case events.Decided() if self.indent > 3:
                yield Line(" " * (self.indent + 2) + event.verdict, event.reason, "", STYLES.get(event.verdict, ""))
            case _:
                yield from self._at_hook(event)

    def _at_hook(self, event: Event) -> Iterator[Line]:
        match event:
            case events.Tracked():
                text = event.state + (", reply" if event.reply else "") + (f" ({event.detail})" if event.detail else "")
                yield from self._inside("conntrack", text)
            case events.TableEntered():
                self.chain = event.table
                self.matched, self.in_table = False, True
                self.nat_walked = self.nat_walked or event.table == "nat"
            case events.TableLeft():
                yield from self._left(event)
            case events.RuleMatched():
                self.matched = True
                yield from self._rule(event, self._words(event), "")
            case events.RuleMissed() if self.explain:
                yield from self._missed(event)
            case events.ChainEntered():
                self.chain = event.chain
            case events.ChainReturned():
                yield from self._returned(event)
            case events.Changed():
                yield from self._changed(event)
            case events.Logged() if not event.trace:
                yield Line("", f"logged as {event.prefix!r}" if event.prefix else "logged", "dim")
            case events.Noted():
                yield Line("", event.text, "dim")
            case events.Held():
                yield from self._inside("fragment", event.reason)
            case events.Reassembled():
                yield from self._inside("fragment", f"whole now: {packet_text(event.data, self.family)}")
            case events.Assumed():
                yield Line("", f"assumed: {event.text}", "yellow")
            case events.Unmodelled():
                yield Line("", f"unknown, because rule {event.number} of {event.chain}: {event.text}", "yellow")

    def _arrived(self, event: events.Arrived) -> Iterator[Line]:
        way = "local out" if event.local else f"{event.interface} in"
        yield Line(f"{event.number or 1}  {way}", packet_text(event.data, event.family), "bold", "bold", True)

    def _made(self, event: events.Made) -> Iterator[Line]:
        yield Line(" " * (self.indent + 2) + "makes", f"{event.what}: {packet_text(event.data, event.family)}", "cyan")
        self.indent += 3
        self.outer.append((self.chain, self.matched, self.in_table, self.nat_walked))

    def _opened(self) -> Iterator[Line]:
        """The hook's own line, before the first thing that happens there."""
        if self.hook is not None:
            yield Line("")
            yield self.hook
            self.hook = None

    def _inside(self, label: str, text: str, *, hooked: bool = True) -> Iterator[Line]:
        if hooked:
            yield from self._opened()
        yield Line(" " * (self.indent + (2 if hooked else 0)) + label, text)

    def _words(self, event: events.RuleMatched | events.RuleMissed) -> str:
        return rule_text(event.spec, event.chain, self.family, event.table)

    def _rule(self, event: events.RuleMatched | events.RuleMissed, text: str, style: str) -> Iterator[Line]:
        yield from self._opened()
        depth = self.indent + 2 + 2 * event.depth
        label = " " * depth + self.chain
        self.chain = ""
        number = str(event.number)
        if len(label) + 1 + len(number) > NUMBER_END:
            yield Line(label, label_style=style)
            label = ""
        yield Line(f"{label:<{NUMBER_END - len(number)}}{number}", text, style, style)

    def _missed(self, event: events.RuleMissed) -> Iterator[Line]:
        failing = event.failed[0]
        text = f"{self._words(event)}  (wants {failing.wanted}, has {failing.has})"
        yield from self._rule(event, text, "dim")

    def _returned(self, event: events.ChainReturned) -> Iterator[Line]:
        if self.chain != event.chain:  # a rule of it was shown, and its name with it
            yield Line("", "returns", "dim")
            return
        self.chain = ""
        yield from self._opened()
        yield Line(" " * (self.indent + 2 + 2 * event.depth) + event.chain, "no rule matched, returns", "dim", "dim")

    def _changed(self, event: events.Changed) -> Iterator[Line]:
        text = f"{event.what} {event.before or 'none'} -> {event.after or 'none'}"
        if self.in_table or self.nat_walked:
            yield Line("", text, "cyan")
        else:
            yield from self._opened()
            yield Line(" " * (self.indent + 2) + "nat", f"{text} (as its connection)", "cyan")

    def _left(self, event: events.TableLeft) -> Iterator[Line]:
        yield from self._opened()
        self.in_table = False
        policy = f"policy {event.verdict}"
        if not self.matched:
            label = " " * (self.indent + 2) + event.table if self.chain == event.table else ""
            text = f"no rule matched, {policy}" if event.by_policy else f"{event.verdict}: the packet is malformed"
            yield Line(label, text, "" if event.verdict != "ACCEPT" else "dim")
        elif event.by_policy:
            yield Line("", policy, "" if event.verdict != "ACCEPT" else "dim")


def verdict_name(decided: Decided) -> str:
    """The verdict, REJECT where a rule's REJECT dropped the packet."""
    spec = decided.spec
    if decided.verdict == "DROP" and spec is not None and spec.target is not None and spec.target.name == "REJECT":
        return "REJECT"
    return decided.verdict


def place_text(decided: Decided) -> str:
    """``filter INPUT rule 3``, ``the policy of filter INPUT``, or empty when no rule decided."""
    if not decided.table:
        return ""
    if not decided.number:
        return f"the policy of {decided.table} {decided.chain}"
    return f"{decided.table} {decided.chain} rule {decided.number}"


def via_text(decided: Decided) -> str:
    """``, called by FORWARD rule 8``, for a rule in a user-defined chain."""
    calls = " > ".join(f"{chain} rule {number}" for chain, number in decided.via)
    return f", called by {calls}" if calls else ""


def verdict_lines(trace: Trace, family: Family) -> Iterator[Line]:
    """The last lines, which can stand alone: the verdict, what gave it, and for a drop what came nearest."""
    decided = trace.decided
    if decided is None:
        yield Line("   NOTHING", "the packet's way did not end")
        return
    name = verdict_name(decided)
    place = place_text(decided)
    text = f"by {place}{via_text(decided)}" if place else decided.reason
    yield Line(f"   {name}", text, "", STYLES.get(name, ""))
    if decided.spec is not None:
        yield Line("", rule_text(decided.spec, decided.chain, family, decided.table), "dim")
    if decided.verdict == "DROP" and decided.table:
        for text in nearest(trace, decided, family):
            yield Line("", text)


def laid_out(line: Line, width: int) -> Iterator[tuple[str, str]]:
    """A line's rows within a width: pairs of label and text, the text under its first row's."""
    column = len(line.label) + 2 if line.tight else max(TEXT_COLUMN, len(line.label) + 2)
    label = f"{line.label:<{column}}" if line.text else line.label
    rows = wrapped(line.text, max(width - column, 20))
    yield label, rows[0] if rows else ""
    for row in rows[1:]:
        yield " " * column, row


def wrapped(text: str, width: int) -> Sequence[str]:
    """A text broken between words (runs of blanks kept) so that no row is wider, unless one word is."""
    rows: list[str] = []
    row = ""
    for word in text.split(" "):
        if row and len(row) + 1 + len(word) > width:
            rows.append(row)
            row = word
        else:
            row = f"{row} {word}" if row or rows else word
    return [*rows, row] if row or not rows else rows


def plain(lines: Iterable[Line], width: int = 80) -> Iterator[str]:
    """The lines as text without colour."""
    for line in lines:
        for label, text in laid_out(line, width):
            yield (label + text).rstrip()
