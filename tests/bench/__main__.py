"""``python -m tests.bench``: measure, and print medians, ratios and peak memory as a table."""

from __future__ import annotations

import compileall
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import click
from rich.console import Console
from rich.table import Table

import pyiptables

from . import cases
from .cases import Case, Place
from .measure import in_turn
from .namespace import namespace, usable

PARTS = ("loading", "saving", "starting", "tracing")
INTERPRETER = 20 << 20
"""Bytes that a run without rules takes."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--rounds", default=5, show_default=True, help="How often each program runs.")
@click.option(
    "--rules", multiple=True, type=int, default=(10_000, 100_000), show_default=True, help="Sizes of rulesets."
)
@click.option("--packets", default=1_000_000, show_default=True, help="Packets of the capture.")
@click.option("--flows", default=20_000, show_default=True, help="Flows of the capture.")
def main(parts: tuple[str, ...], rounds: int, rules: tuple[int, ...], packets: int, flows: int) -> None:
    """Measure pyipt beside the programs it stands for: all PARTS, or those named.

    Needs root for iptables' own programs, which run in a network namespace of their own; without, they are left out.
    """
    compileall.compile_dir(Path(pyiptables.__file__).parent, quiet=1)  # as pip does when it installs
    table = Table(
        "", "pyipt", "reference", "ratio", "at most", "memory", "a rule", title=machine(), caption=_caption(rounds)
    )
    for column in table.columns[1:]:
        column.justify = "right"
    with tempfile.TemporaryDirectory() as folder, namespace() if usable() else nullcontext() as inside:
        for case in _cases(Place(Path(folder), inside), parts or PARTS, tuple(sorted(rules)), packets, flows):
            for row in rows(case, rounds):
                table.add_row(*row)
    Console(width=None if os.isatty(1) else 140).print(table)


def _cases(place: Place, parts: Iterable[str], rules: tuple[int, ...], packets: int, flows: int) -> Iterator[Case]:
    if "loading" in parts:
        yield from cases.loading(place, rules)
    if "saving" in parts:
        yield from cases.saving(place, rules)
    if "starting" in parts:
        yield from cases.starting(place)
    if "tracing" in parts:
        yield from cases.tracing(place, packets, flows)


def rows(case: Case, rounds: int) -> Iterator[tuple[str, ...]]:
    """The table's rows for a case: one for each reference."""
    own, *others = case.programs
    taken = in_turn([*case.programs, *([case.less] if case.less else [])], rounds)
    seconds = taken[own.name].seconds - (taken[case.less.name].seconds if case.less else 0)
    memory = taken[own.name].memory
    of_a_rule = f"{(memory - INTERPRETER) / case.rules:.0f} B" if case.rules else ""
    known = memory > getrusage(RUSAGE_SELF).ru_maxrss * 1024  # what is less than this process has cannot be told
    ends = (f"{memory / 1e6:.0f} MB" if known else "", of_a_rule)
    if not others:
        yield (case.title, _shown(seconds), "-", "", f"{case.most:g}", *ends)
    for number, other in enumerate(others):
        reference = taken[other.name].seconds
        first = (case.title, _shown(seconds)) if number == 0 else ("", "")
        most = f"{case.most:g}" if number == 0 else ""
        ratio = f"{seconds / reference:.2f}"
        yield (*first, f"{_shown(reference)} {other.name}", ratio, most, *(ends if number == 0 else ("", "")))


def machine() -> str:
    """The machine in a line."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    python = f"Python {platform.python_version()}"
    return f"{len(names) or os.cpu_count()} x {names[0] if names else platform.machine()}, Linux {platform.release()}, {python}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _caption(rounds: int) -> str:
    return f"medians of {rounds} rounds, programs in turn, start of the interpreter included; most memory of any round"


if __name__ == "__main__":
    main()
