"""Running programs in turn, so that a slow moment of the machine falls on all of them, and what they took."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
"""Without settings of the interpreter: byte code is kept and output is buffered, as for users."""


class Failed(Exception):
    """A program ended with an error."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to be measured; ``before`` is done each time, unmeasured; its output is thrown away."""

    name: str
    words: tuple[str, ...]
    before: Callable[[], object] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the runs of one program took: the median in seconds from start to end, and the most memory in bytes."""

    seconds: float
    memory: int


def run(program: Program) -> Taken:
    """One run; Failed when it ends with an error."""
    program.before()
    begin = time.perf_counter()
    process = subprocess.Popen(
        program.words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise Failed(f"{' '.join(program.words)}: status {process.returncode}: {said.decode(errors='replace')[-300:]}")
    return Taken(seconds, usage.ru_maxrss * 1024)


def in_turn(programs: Sequence[Program], rounds: int) -> Mapping[str, Taken]:
    """The programs one after another, so many times; by their names."""
    runs: dict[str, list[Taken]] = {program.name: [] for program in programs}
    for _ in range(rounds):
        for program in programs:
            runs[program.name].append(run(program))
    return {
        name: Taken(statistics.median(one.seconds for one in some), max(one.memory for one in some))
        for name, some in runs.items()
    }
