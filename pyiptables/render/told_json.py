"""Traces as JSON, quickly: the same lines as :mod:`pyiptables.render.trace_json`, from text that is made once.

Events of one rule or chain always have the same text. Of packets whose story is another's retold
(:mod:`pyiptables.netfilter.quick.story`), the course has a line with places for what is each packet's own.
"""

from __future__ import annotations

from typing import Any

from pyiptables.hooks import Family
from pyiptables.netfilter import Fate
from pyiptables.netfilter.quick.story import ENDS, LINK, Story
from pyiptables.packet.link import Frame
from pyiptables.packet.notation import describe
from pyiptables.packet.skb import Skb
from pyiptables.render.trace_json import event_object, head_object, text_of
from pyiptables.trace import events
from pyiptables.trace.events import Event, Trace

MOST_TEXTS = 65_536
"""So many events' texts are kept."""
PLACE = "%s"
CONNECTION, WORDS, CHANGED = "connection", "words", "changed"


class Template:
    """The line of a course: text with places, for the packet's own, then the side's own, then the frame that leaves.

    ``own`` says in order what stands at the side's places; ``leaves`` whether there is a frame.
    """

    __slots__ = ("leaves", "own", "text")

    def __init__(self, text: str, own: tuple[tuple[str, int], ...], leaves: bool) -> None:
        self.text = text
        self.own = own
        self.leaves = leaves


class JsonLines:
    """Makes the lines of packets that were replayed with :class:`~pyiptables.netfilter.QuickReplay`."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.texts: dict[tuple[Any, ...], str | None] = {}

    def line(self, fate: Fate, frame: Frame) -> str:
        """A packet's line, without line break."""
        if fate.trace is not None:
            return self.of_trace(fate.trace)
        template, head, own = fate.text or self._prepare(fate)
        data = frame[5]
        packet = f"{head}{len(data) - LINK} bytes  ttl {data[22]}"
        values = (frame[0], frame[1], packet, packet, data[LINK:].hex(), *own)
        side = fate.side
        if template.leaves and side is not None:
            values = (*values, side.telling.frame(data).hex())
        text: str = template.text % values
        return text

    def of_trace(self, trace: Trace) -> str:
        """The line of a story that was recorded."""
        head = text_of(head_object(trace, self.family))
        told = ", ".join(text for event in trace.events if (text := self._event(event)) is not None)
        return f'{head[:-1]}, "events": [{told}]}}'

    def _event(self, event: Event) -> str | None:
        """An event's text; those of rules, chains and hooks are kept."""
        match event:
            case events.RuleMatched():
                key: tuple[Any, ...] = ("rule", event.table, event.chain, event.number)
            case events.ChainEntered() | events.ChainReturned():
                key = (type(event), event.table, event.chain, event.depth)
            case events.HookEntered():
                key = ("hook", event.hook, event.in_interface, event.out_interface)
            case _:
                return self._text(event)
        if key not in self.texts:
            if len(self.texts) >= MOST_TEXTS:
                self.texts.clear()
            self.texts[key] = self._text(event)
        return self.texts[key]

    def _text(self, event: Event) -> str | None:
        made = event_object(event, self.family)
        return None if made is None else text_of(made)

    # stories retold

    def _prepare(self, fate: Fate) -> tuple[Template, str, tuple[str, ...]]:
        """What the lines of packets that share a fate have in common."""
        assert fate.course is not None and fate.side is not None  # else the packet has a trace
        story, own = fate.course.story, fate.side.telling
        if story.text is None:
            story.text = self._template(story)
        template: Template = story.text
        values = {
            (CONNECTION, 0): text_of(own.connection),
            (WORDS, 0): text_of(own.words),
            **{(CHANGED, place): text_of(own.before[place]) for place in (0, 1)},
            **{(CHANGED, 2 + place): text_of(own.after[place]) for place in (0, 1)},
        }
        head = describe(Skb(fate.data, self.family)).rpartition("  ttl ")[0].rpartition("  ")[0] + "  "
        fate.text = template, head, tuple(values[place] for place in template.own)
        made: tuple[Template, str, tuple[str, ...]] = fate.text
        return made

    def _template(self, story: Story) -> Template:
        """The line of a course, with places."""
        head = head_object(Trace(0, story.events), self.family)
        direction, verdict = (
            escaped(text_of({key: head[key] for key in keys})[1:-1])
            for keys in (("direction", "interface"), ("verdict",))
        )
        own: list[tuple[str, int]] = []
        told = [text for event in story.events if (text := self._place(event, own)) is not None]
        line = (
            f'{{"number": {PLACE}, "time": {PLACE}, {direction}, "packet": "{PLACE}", {verdict},'
            f' "events": [{", ".join(told)}]}}'
        )
        return Template(line, tuple(own), any(isinstance(event, events.Sent) for event in story.events))

    def _place(self, event: Event, own: list[tuple[str, int]]) -> str | None:
        """An event with places for what is not the same for all packets of its course, which are noted in ``own``."""
        match event:
            case events.Arrived():
                return f'{{"event": "arrived", "packet": "{PLACE}", "data": "{PLACE}"}}'
            case events.Sent():
                return f'{{"event": "sent", "interface": {escaped(text_of(event.interface))}, "frame": "{PLACE}"}}'
            case events.Tracked():
                own.append((CONNECTION, 0))
                fields = {"connection": PLACE}
            case events.Routed():
                own.append((WORDS, 0))
                fields = {"words": PLACE}
            case events.Changed(what="source" | "destination"):
                place = ENDS.index(event.what)
                own += (CHANGED, place), (CHANGED, 2 + place)
                fields = {"before": PLACE, "after": PLACE}
            case _:
                text = self._event(event)
                return None if text is None else escaped(text)
        made = event_object(event, self.family) or {}
        parts = (f"{text_of(key)}: {fields.get(key) or escaped(text_of(value))}" for key, value in made.items())
        return f"{{{', '.join(parts)}}}"


def escaped(text: str) -> str:
    """A text in a line with places."""
    return text.replace("%", "%%")
