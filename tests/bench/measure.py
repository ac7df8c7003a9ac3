"""Running programs in turn, so that a slow moment of the machine falls on all of them, and what they took."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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


class Runner:
    """Runs programs in a process of its own: see runner.py."""

    def __init__(self) -> None:
        words = [sys.executable, "-I", "-S", str(Path(__file__).with_name("runner.py"))]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True
        )

    def run(self, program: Program) -> Taken:
        """One run; Failed when it ends with an error."""
        program.before()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(program.words) + "\n")
        self._process.stdin.flush()
        seconds, memory, status, said = json.loads(self._process.stdout.readline())
        if status:
            raise Failed(f"{' '.join(program.words)}: status {status}: {said}")
        return Taken(seconds, memory)

    def in_turn(self, programs: Sequence[Program], rounds: int) -> Mapping[str, Taken]:
        """The programs one after another, so many times; by their names."""
        runs: dict[str, list[Taken]] = {program.name: [] for program in programs}
        for _ in range(rounds):
            for program in programs:
                runs[program.name].append(self.run(program))
        return {
            name: Taken(statistics.median(one.seconds for one in some), max(one.memory for one in some))
            for name, some in runs.items()
        }

    def close(self) -> None:
        """End it."""
        self._process.communicate()
