"""Collecting events: what an engine writes to while a packet is under way."""

from __future__ import annotations

from pyiptables.trace.events import Event


class Recorder:
    """Keeps the events of one packet in order.

    ``misses`` says whether rules that did not match are recorded too, with what failed; that costs time.
    """

    __slots__ = ("events", "misses")

    def __init__(self, *, misses: bool = False) -> None:
        self.events: list[Event] = []
        self.misses = misses

    def add(self, event: Event) -> None:
        """Take an event."""
        self.events.append(event)

    def take(self) -> tuple[Event, ...]:
        """What was collected; the recorder is empty afterwards."""
        events = tuple(self.events)
        self.events.clear()
        return events
