"""``python -m tests.bench``: measure, and print medians, ratios and peak memory as a table."""

from __future__ import annotations

import compileall
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

import pyiptables

from . import cases
from .cases import Case, Place
from .measure import Failed, Program, Runner
from .namespace import namespace, usable

PARTS = ("loading", "saving", "starting", "tracing", "growing")
COLUMNS = ("", "pyipt", "reference", "ratio", "at most", "memory", "a rule")
BUSY = 1.0
"""A load of so much for each processor before anything is measured means that others take part of the machine."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--rounds", default=5, show_default=True, help="How often each program runs.")
@click.option(
    "--rules", multiple=True, type=int, default=(10_000, 100_000), show_default=True, help="Sizes of rulesets."
)
@click.option("--packets", default=1_000_000, show_default=True, help="Packets of the capture.")
@click.option("--flows", default=20_000, show_default=True, help="Flows of the capture.")
@click.option("--quick", is_flag=True, help="Everything once and small, to see that it runs: half a minute.")
@click.option("--markdown", is_flag=True, help="Print the table in Markdown, for README.")
def main(
    parts: tuple[str, ...], rounds: int, rules: tuple[int, ...], packets: int, flows: int, quick: bool, markdown: bool
) -> None:
    """Measure pyipt beside the programs it stands for: all PARTS, or those named.

    Needs root for iptables' own programs, which run in a network namespace of their own. What is missing is left out,
    and the table says so.
    """
    if quick:
        rounds, rules, packets, flows = 1, (2_000,), 20_000, 500
    compileall.compile_dir(Path(pyiptables.__file__).parent, quiet=1)  # as pip does when it installs
    busy = load()
    found: list[tuple[str, ...]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        namespace() if usable() else nullcontext() as inside,
        closing(Runner()) as runner,
    ):
        interpreter = runner.run(Program("python", (sys.executable, "-c", "pass"))).memory
        for case in _cases(Place(Path(folder), inside), parts or PARTS, tuple(sorted(rules)), packets, flows):
            if sys.stderr.isatty():
                print(case.title, file=sys.stderr)
            found += rows(case, rounds, runner, interpreter)
    missing = [] if inside else ["iptables' own programs (they want root, iptables, iproute2 and util-linux)"]
    notes = [
        f"{machine()}.",
        f"Medians of {rounds} rounds, programs in turn, start of the interpreter included; most memory of any round,"
        f" a rule's share over the {interpreter / 1e6:.0f} MB of an empty interpreter.",
        *(
            [f"The machine was busy with other things as well: a load of {busy:.1f} at the beginning."]
            if busy > BUSY * (os.cpu_count() or 1)
            else []
        ),
        *(["What it may take at most is said of the usual sizes, not of these."] if quick else []),
        *(f"Not there: {name}." for name in missing),
    ]
    (print_markdown if markdown else print_table)(found, notes)


def _cases(place: Place, parts: Iterable[str], rules: tuple[int, ...], packets: int, flows: int) -> Iterator[Case]:
    if "loading" in parts:
        yield from cases.loading(place, rules)
    if "saving" in parts:
        yield from cases.saving(place, rules)
    if "starting" in parts:
        yield from cases.starting(place)
    if "tracing" in parts:
        yield from cases.tracing(place, packets, flows)
    if "growing" in parts:
        yield from cases.growth(place, rules[-1], packets, flows)


def rows(case: Case, rounds: int, runner: Runner, interpreter: int) -> Iterator[tuple[str, ...]]:
    """The table's rows for a case: one for each reference; one that says what failed, where ours did."""
    own, *others = case.programs
    try:
        taken = runner.in_turn([*case.programs, *filter(None, (case.less, case.their_less))], rounds)
    except Failed as error:
        yield (case.title, "failed", str(error)[:100], "", "", "", "")
        return
    seconds = taken[own.name].seconds - (taken[case.less.name].seconds if case.less else 0)
    memory = taken[own.name].memory
    of_a_rule = f"{(memory - interpreter) / case.rules:.0f} B" if case.rules else ""
    first = (case.title, _shown(seconds))
    ends = (f"{memory / 1e6:.0f} MB", of_a_rule)
    if not others:
        yield (*first, f"{case.missing} is not there", "", f"{case.most:g}", *ends)
    for number, other in enumerate(others):
        reference = taken[other.name].seconds
        if case.their_less is not None:
            reference -= taken[case.their_less.name].seconds
        most = f"{case.most:g}" if number == 0 else ""
        yield (*first, f"{_shown(reference)} {other.name}", f"{seconds / reference:.2f}", most, *ends)
        first, ends = ("", ""), ("", "")


def print_table(found: Iterable[tuple[str, ...]], notes: Iterable[str]) -> None:
    """For the terminal."""
    table = Table(*COLUMNS, caption="\n".join(notes))
    for column in table.columns[1:]:
        column.justify = "right"
    for row in found:
        table.add_row(*row)
    Console(width=None if os.isatty(1) else 140).print(table)


def print_markdown(found: Iterable[tuple[str, ...]], notes: Iterable[str]) -> None:
    """For README."""
    print(f"| {' | '.join(COLUMNS)} |\n|---{'|--:' * (len(COLUMNS) - 1)}|")
    for row in found:
        print(f"| {' | '.join(row)} |")
    print()
    print("\n".join(notes))


def machine() -> str:
    """The machine in a line."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    processor = f"{len(names) or os.cpu_count()} x {names[0] if names else platform.machine()}"
    return f"{processor}, Linux {platform.release()}, Python {platform.python_version()}"


def load() -> float:
    """How many processes want to run, as an average over the last minute; 0 where that is not known."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return 0.0


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


if __name__ == "__main__":
    main()
