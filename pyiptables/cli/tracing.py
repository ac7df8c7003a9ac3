"""What ``pyipt trace`` does: reads rules, host and packets, sends them through an engine, shows and saves what came of it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import click

from pyiptables.cli.inputs import (
    assumed_host,
    read_connections,
    read_host,
    read_ruleset,
    read_sets,
    rules_file,
)
from pyiptables.cli.output import write_text
from pyiptables.cli.screen import Screen
from pyiptables.cli.values import peeked, read_owner, read_time_zone
from pyiptables.conntrack import dump
from pyiptables.errors import Error
from pyiptables.extensions.matches.time import MINUTES_WEST
from pyiptables.hooks import Family
from pyiptables.ipset.saving import save as save_sets
from pyiptables.netfilter import Engine, QuickReplay, Replay, Role
from pyiptables.netfilter.arriving import handed_over, refuse_ways
from pyiptables.netfilter.replay import Replayed
from pyiptables.packet.capture import TruncatedCaptureError, open_capture
from pyiptables.packet.link import Direction, Frame
from pyiptables.render.given import with_counters
from pyiptables.render.kernel import kernel_line
from pyiptables.render.save import save
from pyiptables.render.summary import Flows, Tally
from pyiptables.render.told_json import JsonLines
from pyiptables.render.trace_json import trace_json
from pyiptables.ruleset.model import Ruleset
from pyiptables.syntax.sets import missing, unfit
from pyiptables.trace import events
from pyiptables.trace.events import Trace

Outcome = TypeVar("Outcome")
PEEKED = 2000
"""How many frames are looked at first: for a host that is not given, and for whether both sides were captured."""
FEW = 20
"""Up to so many packets each is told whole; more are told in a line each."""
RARELY = 100_000
"""How many objects come before unreachable ones are looked for."""
OTHER_FRAMES = (
    Role.OTHER_HOST,
    Role.NOT_IP,
    Role.OTHER_FAMILY,
    Role.UNREADABLE,
    Role.COPY,
    Role.UNEXPECTED,
    Role.LOOPED,
)


class Job:
    """What one call of the command is to do."""

    def __init__(self, family: Family, file: str | None, options: dict[str, Any]) -> None:
        self.family = family
        self.file = file
        self.options = options
        self.screen = Screen(family, explain=options["explain"])
        self.start: int | None = None
        self.status = 0

    def engine(self, host: Any, ruleset: Any) -> Engine:
        """The engine for a ruleset on a host."""
        misses = self.options["format"] == "text" or self.options["explain"]
        sets = read_sets(self.options["snapshot"], self.options["ipset"], self.start or 0)
        assumed = missing(ruleset, sets)
        self.say_assumptions([assumed] if assumed else [])
        for text in unfit(ruleset, sets):
            click.echo(f"pyipt: warning: {text}", err=True)
        engine = Engine(ruleset, host, sets=sets, seed=self.options["seed"], misses=misses)
        read_connections(engine.conntrack, self.options["snapshot"], self.start or 0)
        if self.options["kernel_time_zone"]:
            engine.services.share(MINUTES_WEST, read_time_zone(self.options["kernel_time_zone"]))
        if self.options["owner"]:
            engine.owner = read_owner(self.options["owner"])
        elif any(match.name == "owner" for _, _, _, rule in ruleset.rules() for match in rule.spec.matches):
            self.say_assumptions(["processes that send are root's (--owner says otherwise)"])
        return engine

    # one typed packet

    def typed(self, words: Sequence[str]) -> None:
        """Trace one packet that was typed."""
        from pyiptables.packet.typed import typed_packet

        self.packets([typed_packet(words, self.family)])

    def notation(self, text: str) -> None:
        """Trace a packet, or a conversation, in the one-line notation."""
        from pyiptables.packet.conversation import parse_conversation

        packets = parse_conversation(text)
        self.family = self.screen.family = packets[0].family
        self.packets(packets)

    def packets(self, packets: Sequence[Any]) -> None:
        """Trace typed packets, one after the other."""
        ruleset = read_ruleset(self.options["snapshot"], self.options["rules"], self.file, self.family)
        host = read_host(self.options["snapshot"], self.options["host"])
        if host is not None:
            refuse_ways(packets)
        host = host or assumed_host(ruleset, typed=packets[0], later=packets[1:])
        self.say_assumptions(host.assumptions)
        engine = self.engine(host, ruleset)
        self.start = 0
        number = 0
        for typed in packets:
            for _ in range(typed.count):
                number += 1
                self.show(engine.send(handed_over(typed, host, number=number)))
        self.finish(engine)

    # a capture

    def capture(self, name: str) -> None:
        """Trace all frames of a capture."""
        ruleset = read_ruleset(self.options["snapshot"], self.options["rules"], self.file, self.family)
        settle_down()
        source: Any = sys.stdin.buffer if name == "-" else name
        with open_capture(source, name="standard input" if name == "-" else name) as capture:
            host = read_host(self.options["snapshot"], self.options["host"])
            first, frames = peeked(capture, PEEKED)
            self.start = first[0].time_ns if first else None  # what has a timeout in the snapshot counts from here
            if host is None:
                host = assumed_host(ruleset, frames=first)
            self.say_assumptions(host.assumptions)
            engine = self.engine(host, ruleset)
            replay = Replay(engine, interface=self.options["interface"] or "")
            self.replay(replay, iter(self.screen.progress(frames, capture)), two_sided=replay.is_two_sided(first))
        self.finish(engine, replay)

    def replay(self, replay: Replay, frames: Iterator[Frame], *, two_sided: bool) -> None:
        """Feed frames and show what comes of them, in the form asked for."""
        tally = Tally(self.family)
        if self.options["packet"] is not None:
            self.one_packet(replay, frames, self.options["packet"], two_sided=two_sided)
            return
        if self.options["format"] != "text" and self.quickly():
            self.told(replay, frames, two_sided=two_sided)
            return
        if self.options["format"] != "text":
            for replayed in self.until_truncated(frames, replay.feed):
                self.write_frames(replayed.frame, replay.engine)
                if replayed.trace is not None:
                    self.show(replayed.trace)
            return
        if self.options["flows"]:
            replay = self.flows(replay, frames, tally, two_sided=two_sided)
        else:
            replay = self.stories_or_rows(replay, frames, tally, two_sided=two_sided)
        self.screen.tally(tally, self.replay_lines(replay))

    def quickly(self) -> bool:
        """Whether packets may be told without all that the walk records: nobody wants their frames, or what missed."""
        return self.options["writer"] is None and not self.options["explain"] and not self.options["strict"]

    def told(self, replay: Replay, frames: Iterator[Frame], *, two_sided: bool) -> None:
        """What is printed of each packet, of most as the like of it was told before."""
        log = self.options["format"] == "kernel"
        replay.engine.network.sends = two_sided or not log
        quick = QuickReplay.following(replay, two_sided=two_sided, told=True)
        lines, start = JsonLines(self.family), self.start or 0
        try:
            for frame in frames:
                fate = quick.fare(frame)
                if fate is None:
                    continue
                if log:
                    for event in fate.logged(frame):
                        self.screen.out(kernel_line(event, start))
                else:
                    self.screen.out(lines.line(fate, frame))
        except TruncatedCaptureError as error:
            self.truncated(error)
        quick.settle()

    def skipping(self, replay: Replay, wanted: int, *, two_sided: bool) -> Callable[[Frame], Replayed]:
        """What feeds frames to a replay, those before one without their stories where nobody can tell the difference."""
        engine = replay.engine
        if not self.quickly() or two_sided or engine.host.neighbours:
            return replay.feed
        recorder = engine.recorder
        quick = QuickReplay.following(replay, two_sided=False)

        def feed(frame: Frame) -> Replayed:
            if frame.number != wanted:
                quick.fare(frame)
                return Replayed(frame, Role.RECEIVED)
            quick.settle()
            engine.speak(recorder)
            return quick.feed(frame)

        return feed

    def one_packet(self, replay: Replay, frames: Iterator[Frame], wanted: int, *, two_sided: bool) -> None:
        """Only the story of one packet, after those before it have had their effect."""
        feed = self.skipping(replay, wanted, two_sided=two_sided)
        for replayed in self.until_truncated(frames, feed):
            self.write_frames(replayed.frame, replay.engine)
            if replayed.frame.number == wanted:
                if replayed.trace is None:
                    raise Error(
                        f"frame {wanted} was not sent through the rules: {replayed.role.value}", hint=replayed.note
                    )
                self.show(replayed.trace)
                return
        raise Error(f"there is no packet {wanted} in this capture")

    def flows(self, replay: Replay, frames: Iterator[Frame], tally: Tally, *, two_sided: bool) -> Replay:
        """A line for each connection; the replay that saw the last packet."""
        flows = Flows(self.family)
        if self.quickly():
            quick = QuickReplay.following(replay, two_sided=two_sided)
            lines = self.screen.lines(self.start or 0)
            try:
                for frame in frames:
                    fate = quick.fare(frame)
                    if fate is not None:
                        lines.counted(fate)
                        flows.add_fate(fate, frame)
            except TruncatedCaptureError as error:
                self.truncated(error)
            quick.settle()
            lines.add_to(tally, quick.courses.passed.values())
            replay = quick
        for replayed in self.until_truncated(frames, replay.feed):
            self.write_frames(replayed.frame, replay.engine)
            if replayed.trace is not None:
                tally.add(replayed.trace)
                flows.add(replayed.trace)
        for line in flows.lines(self.start or 0, self.screen.width):
            self.screen.out(line)
        return replay

    def stories_or_rows(self, replay: Replay, frames: Iterator[Frame], tally: Tally, *, two_sided: bool) -> Replay:
        """Stories of a few packets, or a line for each of many; the replay that saw the last of them."""
        few: list[Trace] = []
        summary = self.options["summary"]
        if not summary:
            for replayed in self.until_truncated(frames, replay.feed):
                self.write_frames(replayed.frame, replay.engine)
                if replayed.trace is not None:
                    tally.add(replayed.trace)
                    few.append(replayed.trace)
                    if len(few) > FEW:
                        break
            if len(few) <= FEW:
                for trace in few:
                    self.show(trace)
                return replay
        self.screen.rows(few, self.start or 0)
        if self.options["writer"] is not None or self.options["explain"] or self.options["strict"]:
            for replayed in self.until_truncated(frames, replay.feed):
                self.write_frames(replayed.frame, replay.engine)
                if replayed.trace is not None:
                    if self.options["strict"]:
                        refuse_unknown(replayed.trace)
                    tally.add(replayed.trace)
                    self.screen.rows([replayed.trace], self.start or 0)
            return replay
        return self.rows(QuickReplay.following(replay, two_sided=two_sided), frames, tally)

    def rows(self, quick: QuickReplay, frames: Iterator[Frame], tally: Tally) -> QuickReplay:
        """A line for each packet, made quickly."""
        lines = self.screen.lines(self.start or 0)
        try:
            self.screen.fates(quick, frames, lines)
        except TruncatedCaptureError as error:
            self.truncated(error)
        quick.settle()
        lines.add_to(tally, quick.courses.passed.values())
        return quick

    def until_truncated(self, frames: Iterator[Frame], feed: Callable[[Frame], Outcome]) -> Iterator[Outcome]:
        """What feeding each frame gives; where the capture breaks off, what was read counts, with a warning."""
        try:
            for frame in frames:
                yield feed(frame)
        except TruncatedCaptureError as error:
            self.truncated(error)

    def truncated(self, error: TruncatedCaptureError) -> None:
        """Warn that the capture breaks off."""
        click.echo(f"pyipt: warning: {error}; the packets before it are traced", err=True)
        self.status = 1

    def show(self, trace: Trace) -> None:
        """Show a packet whole, in the form asked for."""
        if self.options["strict"]:
            refuse_unknown(trace)
        if self.options["format"] == "json":
            self.screen.out(trace_json(trace, self.family))
        elif self.options["format"] == "kernel":
            for event in trace.of(events.Logged):
                self.screen.out(kernel_line(event, self.start or 0))
        else:
            self.screen.story(trace)

    def replay_lines(self, replay: Replay) -> Iterator[str]:
        """What became of the frames that were not sent through the rules."""
        for role in OTHER_FRAMES:
            if replay.counts[role]:
                yield f"{replay.counts[role]:>8}  frames: {role.value}"
        if replay.counts[Role.COPY] + replay.counts[Role.UNEXPECTED] and replay.unseen:
            yield f"{replay.unseen:>8}  frames that the simulation sends are not in the capture"
        for text in replay.assumptions:
            yield f"assumed: {text}"

    # results

    def write_frames(self, frame: Frame, engine: Engine) -> None:
        """Write what left the host because of a frame."""
        writer = self.options["writer"]
        sent = engine.take_frames()
        if writer is None:
            return
        for interface, linktype, data in sent:
            writer.write(Frame(0, frame.time_ns, interface, linktype, Direction.OUTBOUND, data, len(data)))

    def finish(self, engine: Engine, replay: Replay | None = None) -> None:
        """Save what was asked for."""
        if replay is None:
            self.write_frames(Frame(1, 0, "", 1, Direction.UNKNOWN, b"", 0), engine)
        if self.options["save_rules"]:
            write_text(self.options["save_rules"], self.counted(engine.snapshot()))
        if self.options["save_conntrack"]:
            write_text(self.options["save_conntrack"], (f"{line}\n" for line in dump(engine.conntrack)))
        if self.options["save_ipset"]:
            write_text(
                self.options["save_ipset"], (f"{line}\n" for line in save_sets(engine.sets, now=engine.services.now))
            )

    def counted(self, ruleset: Ruleset) -> Iterable[str]:
        """The rules with their counters: the file as it was given where it is a plain dump, else saved anew."""
        name = rules_file(self.options["snapshot"], self.options["rules"], self.file, self.family)
        if name is not None and name != "-":
            with open(name, encoding="utf-8", errors="surrogateescape") as file:
                given = with_counters(file, ruleset)
            if given is not None:
                return given
        return save(ruleset, counters=True, program=f"{self.family.command}-save")

    def say_assumptions(self, assumptions: Iterable[str]) -> None:
        """Tell what was taken for granted, beside the result; an error where nothing may be (``--strict``)."""
        for text in assumptions:
            if self.options["strict"]:
                raise Error(f"--strict: it would have to be assumed that {text}")
            click.echo(f"assumed: {text}", err=True)


def settle_down() -> None:
    """Rules are many and stay: look for unreachable objects rarely, and not among them."""
    gc.freeze()
    gc.set_threshold(RARELY)


def refuse_unknown(trace: Trace) -> None:
    """Raise Error where a packet's way hung on something that is not given or not modelled."""
    for event in trace.events:
        if isinstance(event, events.Unmodelled):
            raise Error(f"--strict: packet {trace.number}: rule {event.number} of {event.chain}: {event.text}")
        if isinstance(event, events.Assumed):
            raise Error(f"--strict: packet {trace.number}: it would have to be assumed that {event.text}")
