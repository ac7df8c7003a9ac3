"""``pyipt test``: run files of tests, and say what does not hold."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from pyiptables.cli.output import print_lines
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.testing.formats import FORMATS, reporter
from pyiptables.testing.reading import read_suite
from pyiptables.testing.results import Result, Status
from pyiptables.testing.running import run as run_suite
from pyiptables.testing.suite import Suite

PATTERN = "*.pyipt.toml"
HELP = f"""Run tests of a policy: files of packets, and of what a firewall must do with them.

FILE is a TOML file, or a folder in which all {PATTERN} are run. A file names a ruleset or a snapshot folder, and cases:

\b
  snapshot = "rulesets/home-router"

\b
  [[case]]
  name = "web to the NAS from outside"
  packet = "eth0: 198.51.100.7:40000 > 203.0.113.10:443 tcp S"
  verdict = "ACCEPT"
  rule = "NAS: web"

The exit status is 0 when all hold, 1 when one does not, 2 when something could not be run.
"""
FAILED, BROKEN = 1, 2


@click.command("test", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--format", "form", type=click.Choice(FORMATS), default="full", help="What to print (full).")
@click.option("-o", "--output", metavar="FILE", help="Write it to a file.")
@click.option(
    "-k", "words", default="", metavar="WORDS", help='Only tests with these words in their names ("web not nas").'
)
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first that does not hold.")
@click.option("-q", "--quiet", is_flag=True, help="One line each for what does not hold, and nothing where all does.")
@click.option("-v", "--verbose", is_flag=True, help="Name the tests that hold, too.")
@click.option("--list", "listing", is_flag=True, help="Name the tests, and run none.")
@click.option("--ipset", hidden=True)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def command(files: tuple[str, ...], **options: Any) -> int:
    """Run tests."""
    suites = [read_suite(path) for path in found_files(files)]
    if options["listing"]:
        print_lines(
            f"{suite.label}:{test.line or 1}  {test.title}\n"
            for suite in suites
            for test in suite.chosen(options["words"])
        )
        return 0
    seen: list[Result] = []
    results = _results(suites, seen, options["words"], first=options["exitfirst"])
    if options["output"]:
        _write(options["output"], _lines(results, options))
    elif options["form"] == "full" and not options["quiet"]:
        _show(_lines(results, options))
    else:
        print_lines(_lines(results, options))
    if not seen:
        raise Error("no test has such a name" if options["words"] else "there are no tests")
    return 0 if all(result.status.good for result in seen) else FAILED


def found_files(names: Iterable[str]) -> list[Path]:
    """The files that are named, and those in folders that are."""
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        try:
            inside = sorted(path.rglob(PATTERN)) if path.is_dir() else [path]
        except (OSError, ValueError) as error:
            raise Error(f"cannot read {name}: {error}") from error
        if not inside:
            raise Error(f"there is no {PATTERN} in {name}")
        found.update(dict.fromkeys(inside))
    return list(found)


def _results(suites: Iterable[Suite], seen: list[Result], words: str, *, first: bool) -> Iterator[Result]:
    for suite in suites:
        for result in run_suite(suite, words):
            seen.append(result)
            yield result
            if first and not result.status.good:
                return


def _lines(results: Iterable[Result], options: dict[str, Any]) -> Iterator[str]:
    if options["form"] == "full" and not options["quiet"]:
        from pyiptables.testing.formats.full import report

        return report(results, verbose=options["verbose"], width=_width())
    return reporter("concise" if options["form"] == "full" else options["form"])(results)


def _width() -> int:
    import shutil

    return min(max(shutil.get_terminal_size((80, 24)).columns, 60), 120) if sys.stdout.isatty() else 80


def _show(lines: Iterable[str]) -> None:
    """Lines with colour where the terminal has it."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
    if not console.is_terminal or console.no_color:
        print_lines(lines)
        return
    for line in lines:
        console.print(line, style=_style(line), end="")


def _style(line: str) -> str:
    """The colour of a line, by how it begins; the words say the same."""
    text = line.strip()
    begins = {
        "FAILED": "bold red",
        "UNKNOWN": "bold yellow",
        "- ": "red",
        "+ ": "green",
        "ok ": "green",
        "skipped": "yellow",
    }
    for word, style in begins.items():
        if text.startswith(word) and (word[0] not in "-+" or line.startswith(f"  {word}")):
            return style
    if text.split(" ")[1:2] in (["tests:"], ["test:"]):
        return "bold red" if any(f" {status.value}" in text for status in Status if not status.good) else "bold green"
    return ""


def _write(name: str, lines: Iterable[str]) -> None:
    text = "".join(lines)
    try:
        Path(name).write_text(text, encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Error(f"cannot write {name}: {reason}") from error


def main(argv: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status, 2 for what cannot be read."""
    from pyiptables.cli.running import run

    return run(command, argv, family, file, broken=BROKEN)
