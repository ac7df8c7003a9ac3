"""Recording scenarios: the folder of one holds a snapshot, what came in, and what the kernel did with it.

Only what the kernel itself repeats is a reference, so a scenario is recorded twice, and one that differs is left out.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from random import Random

from oracle.areas import Scenario
from oracle.kernel_host import KernelHost, LogLostError
from oracle.player import STEP_NS, EnoughError, Player, Sent
from pyiptables.packet.capture import CaptureWriter, open_capture
from pyiptables.packet.link import Direction, Frame, LinkType

sys.path.append(str(Path(__file__).parents[2] / "netfilter"))

from recorded import START, Outcome, kernel_outcome

MOST, LEAST = 10_000, 8
"""The packets of a scenario: no more are played, and with fewer that the kernel repeats it is not worth keeping."""


def record_steady(scenario: Scenario, folder: Path) -> list[str]:
    """Record a scenario into a folder; where the kernel does not repeat itself from a packet on, only up to there.

    Returns what the kernel does not repeat, the folder then being gone; nothing when it is a reference.
    """
    differing = record_twice(scenario, folder, MOST)
    first = int(differing[0].split()[1]) - 1 if differing and differing[0].startswith("packet") else 0
    if first >= LEAST:
        differing = record_twice(scenario, folder, first)
    if differing:
        shutil.rmtree(folder)
    return differing


def record_twice(scenario: Scenario, folder: Path, limit: int) -> list[str]:
    """Record up to so many packets of a scenario, and say what is different the second time."""
    with tempfile.TemporaryDirectory() as again:
        try:
            record(scenario, folder, limit)
            record(scenario, Path(again), limit)
        except LogLostError as error:
            return [str(error)]
        return unsteady(folder, Path(again))


def record(scenario: Scenario, folder: Path, limit: int) -> None:
    """Build the host, play the conversations, and write what there was and what came of it."""
    expected = folder / "expected"
    expected.mkdir(parents=True, exist_ok=True)
    with KernelHost(scenario.universe) as kernel:
        load_sets(kernel, scenario.sets)
        load_rules(kernel, scenario.rules)
        rules = f"rules.v{scenario.universe.family}"
        (folder / rules).write_text(kernel.rules())
        kernel.snapshot(folder)
        start = time.time_ns() if scenario.area.wall else START
        player = Player(Random(scenario.seed), kernel, clock=scenario.area.clock, limit=limit)
        kernel.listen()
        with suppress(EnoughError):
            scenario.play(player)
        (expected / rules).write_text(kernel.rules())
        (expected / "conntrack.txt").write_text(kernel.connections())
        (expected / "ipset.save").write_text(kernel.sets())
    (expected / "kernel.log").write_text("".join(f"{tick}\t{line}\n" for tick, line in player.log))
    write_frames(folder / "in.pcapng", player.sent, start, Direction.INBOUND)
    write_frames(expected / "out.pcapng", player.emitted, start, Direction.OUTBOUND)


def load_sets(kernel: KernelHost, text: str) -> None:
    """Load sets; lines that this kernel refuses (a full set, say) are left out."""
    if text and not kernel.accepts("ipset", "restore", stdin=text):
        kernel.sh("ipset", "destroy")
        for line in text.splitlines():
            kernel.accepts("ipset", *line.replace('"', "").replace("some words", "words").split())


def load_rules(kernel: KernelHost, text: str) -> None:
    """Load a ruleset; rules that this kernel refuses (they ask what it does not have) are left out."""
    restore = f"{kernel.command}-restore"
    if kernel.accepts(restore, "-c", stdin=text):
        return
    skeleton = "\n".join(line for line in text.splitlines() if not line.startswith("-A"))
    kernel.sh(restore, stdin=skeleton + "\n")
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line
        elif line.startswith("-A"):
            kernel.accepts(restore, "-n", stdin=f"{table}\n{line}\nCOMMIT\n")


def write_frames(path: Path, frames: Iterable[Sent], start: int, direction: Direction) -> None:
    """Write a capture; what the host sends stands on an interface named ``local``, without a link layer."""
    with path.open("wb") as file:
        writer = CaptureWriter(file)
        for number, (tick, interface, data) in enumerate(frames, start=1):
            name, linktype = ("local", LinkType.RAW) if interface is None else (interface, LinkType.ETHERNET)
            way = Direction.OUTBOUND if interface is None else direction
            writer.write(Frame(number, start + tick * STEP_NS, name, linktype, way, data, len(data)))


def unsteady(one: Path, other: Path) -> list[str]:
    """What is different in two recordings of a scenario, packets by their place; what came in counts too.

    Where time is real a packet may come a step later: what it led to is what counts.
    """
    first, second = ([frame.data for frame in open_capture(folder / "in.pcapng")] for folder in (one, other))
    places = (n for n, (a, b) in enumerate(zip_longest(first, second), 1) if a != b)
    came = next((f"packet {place} that came in" for place in places), "")
    differing = by_place(one).differences(by_place(other))
    if came and (
        not differing or not differing[0].startswith("packet") or int(differing[0].split()[1]) >= int(came.split()[1])
    ):
        return [came]
    return differing


def by_place(folder: Path) -> Outcome:
    """What the kernel did, by the places of packets in the capture instead of their times."""
    outcome = kernel_outcome(folder)
    with open_capture(folder / "in.pcapng") as capture:
        times = [frame.time_ns for frame in capture]
    places = {round((time_ns - times[0]) / STEP_NS) + 1: place for place, time_ns in enumerate(times, start=1)}
    log = {places[tick]: lines for tick, lines in outcome.log.items()}
    frames = {places[tick]: sent for tick, sent in outcome.frames.items()}
    return Outcome(log, frames, outcome.rules, outcome.connections, outcome.sets)


def seeds(text: str) -> list[str]:
    """The seeds of ``1-20`` or of a list with commas."""
    found: list[str] = []
    for word in text.split(","):
        span = re.fullmatch(r"(\d+)-(\d+)", word)
        found += [str(n) for n in range(int(span[1]), int(span[2]) + 1)] if span else [word]
    return found
