"""``pyipt diff``: which packets fare otherwise under another ruleset."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pyiptables.cli.output import print_lines
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.render.trace import wrapped
from pyiptables.reports.entry import Entry
from pyiptables.reports.github import github
from pyiptables.testing.differing import Change, Differing
from pyiptables.testing.source import Source

HELP = """Say which packets fare otherwise under NEW than under OLD, exactly, and by which rules.

OLD and NEW are rulesets in iptables-save's format, or snapshot folders. Each set of packets whose fate changes is named
with a packet of it, which pyipt trace takes, and with the rules responsible on both sides.

The exit status is 0 when nothing changes, 1 when something does, 2 when it cannot be told.
"""
CHANGED, BROKEN = 1, 2


@click.command("diff", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", help="What to print.")
@click.option("--host", metavar="FILE", help="Interfaces, addresses and routes of both, in TOML.")
@click.option("--ipset", metavar="FILE", help="The sets that the rules of both use, as ipset save prints them.")
@click.argument("old")
@click.argument("new")
@click.pass_obj
def command(scope: tuple[Family, str | None], /, old: str, new: str, **options: Any) -> int:
    """Compare two rulesets."""
    family, _ = scope
    sides = [source_of(name, family, options["host"], options["ipset"]) for name in (old, new)]
    families = [one for one in sides[0].families if one in sides[1].families]
    if not families:
        raise Error(f"{old} and {new} have no rules of one family", hint="-6 before diff compares rules of ip6tables")
    changes = [change for one in families for change in Differing(sides[0], sides[1], one).changes()]
    print_lines(_FORMATS[options["form"]](changes, old, new))
    return CHANGED if changes else 0


def source_of(name: str, family: Family, host: str | None, ipset: str | None) -> Source:
    """The firewall that a name on the command line means: a snapshot folder, or a ruleset of the family."""
    path = Path(name)
    if not path.exists():
        raise Error(f"there is no ruleset {name}")
    source = Source(snapshot=path)
    if not path.is_dir():
        source = Source(rules=path) if family is Family.IPV4 else Source(rules6=path)
    source.host = Host.from_toml(host) if host is not None else None
    source.ipset = Path(ipset) if ipset is not None else None
    return source


def _text(changes: Sequence[Change], old: str, new: str) -> Iterator[str]:
    for change in changes:
        yield f"{_title(change)}\n"
        for label, text in _lines(change, old, new):
            for number, row in enumerate(wrapped(text, 100 if sys.stdout.isatty() else 1000)):
                yield f"  {label if not number else '':<9}{row}\n"
        yield "\n"
    yield f"{_count(changes)}\n"


def _title(change: Change) -> str:
    family = f"IPv{change.family.version} " if change.family is Family.IPV6 else ""
    return f"{family}{change.hook}: {change.before} -> {change.after}"


def _lines(change: Change, old: str, new: str) -> Iterator[tuple[str, str]]:
    yield "packets", change.packets
    if change.witness is not None:
        yield "such as", change.witness + ("" if change.confirmed else "   (its trace does not show the change)")
    yield "old", change.old
    yield "new", change.new


def _count(changes: Sequence[Change]) -> str:
    total = len(changes)
    return f"{total} change{'' if total == 1 else 's'}" if total else "no packet fares otherwise"


def _json(changes: Sequence[Change], old: str, new: str) -> Iterator[str]:
    listed = [asdict(change) | {"family": f"IPv{change.family.version}"} for change in changes]
    yield json.dumps({"old": old, "new": new, "changes": listed}, indent=2) + "\n"


def _github(changes: Iterable[Change], old: str, new: str) -> Iterator[str]:
    for change in changes:
        details = tuple(f"{label}: {text}" for label, text in _lines(change, old, new))
        yield from github([Entry(new, "warning", "diff", _title(change), details=details)])


_FORMATS = {"text": _text, "json": _json, "github": _github}


def main(argv: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status, 2 for what cannot be read or told."""
    from pyiptables.cli.running import run

    return run(command, argv, family, file, broken=BROKEN)
