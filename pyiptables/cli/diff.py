"""``pyipt diff``: which packets fare otherwise under another ruleset."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from pyiptables.cli.output import print_lines
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.lint.sources import read_source
from pyiptables.testing.comparison.changes import ASPECTS, Change, Differing
from pyiptables.testing.comparison.formats import FORMATS, Diffed
from pyiptables.testing.source import Source

HELP = f"""Say which packets fare otherwise under NEW than under OLD, exactly, and by which rules.

OLD and NEW are rulesets in iptables-save's format (of IPv4 or IPv6), or snapshot folders (of both). Each set of
packets whose fate changes is named with a packet of it, which pyipt trace takes, and with the rules responsible on both
sides. What is compared: {", ".join(ASPECTS)}. Comments, counters, names of chains and their order say nothing of packets.

The exit status is 0 when nothing changes, 1 when something does, 2 when it cannot be told.
"""
CHANGED, BROKEN = 1, 2
WIDEST, UNBROKEN = 120, 10_000
COLOURS: dict[str, dict[str, Any]] = {"title": {"bold": True}, "old": {"fg": "red"}, "new": {"fg": "green"}}


@click.command("diff", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="full", help="What to print (full).")
@click.option("-o", "--output", metavar="FILE", help="Write it to a file.")
@click.option(
    "--only", multiple=True, type=click.Choice(ASPECTS), help="Compare this alone; may be said several times."
)
@click.option("--ignore", multiple=True, type=click.Choice(ASPECTS), help="Compare all but this.")
@click.option("--host", metavar="FILE", help="Interfaces, addresses and routes of both, in TOML.")
@click.option("--ipset", metavar="FILE", help="The sets that the rules of both use, as ipset save prints them.")
@click.argument("old")
@click.argument("new")
@click.pass_obj
def command(scope: tuple[Family, str | None], /, old: str, new: str, **options: Any) -> int:
    """Compare two rulesets."""
    family, _ = scope
    about = [one for one in options["only"] or ASPECTS if one not in options["ignore"]]
    sides = [source_of(name, family, options["host"], options["ipset"]) for name in (old, new)]
    families = [one for one in sides[0].families if one in sides[1].families]
    if not families:
        raise Error(f"{old} and {new} have no rules of one family", hint="-6 before diff compares rules of ip6tables")
    lone = [(side, one) for side in sides for one in side.families if one not in families]
    for side, one in lone:
        click.echo(f"pyipt: only {side.rules_path(one)} has IPv{one.version} rules: they are not compared", err=True)
    changes = [change for one in families for change in Differing(sides[0], sides[1], one, about).changes()]
    paths = {one: str(sides[1].rules_path(one)) for one in families}
    _print(FORMATS[options["form"]], changes, (old, new), paths, options["output"])
    return CHANGED if changes else 0


def _print(
    form: Callable[[Diffed], Any],
    changes: Sequence[Change],
    names: tuple[str, str],
    paths: dict[Family, str],
    output: str | None,
) -> None:
    """To a file or the terminal, where lines are broken and coloured."""
    import shutil

    from pyiptables.cli.linting import coloured

    shown = output is None and sys.stdout.isatty()
    width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST) if shown else UNBROKEN
    colour = output is None and coloured(sys.stdout)
    diffed = Diffed(changes, *names, paths, width, _coloured if colour else lambda _, text: text)
    if output is None:
        print_lines(form(diffed))
        return
    try:
        Path(output).write_text("".join(form(diffed)), encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Error(f"cannot write {output}: {reason}") from error


def _coloured(part: str, text: str) -> str:
    return click.style(text, **COLOURS[part])


def source_of(name: str, family: Family, host: str | None, ipset: str | None) -> Source:
    """The firewall that a name on the command line means: a snapshot folder, or a ruleset.

    A file is of the family that is asked for, or of IPv6 where only that has such rules.
    """
    path = Path(name)
    if not path.exists():
        raise Error(f"there is no ruleset {name}")
    source = Source(snapshot=path)
    if not path.is_dir():
        six = family is Family.IPV6 or read_source(name).family is Family.IPV6
        source = Source(rules6=path) if six else Source(rules=path)
    source.host = Host.from_toml(host) if host is not None else None
    source.ipset = Path(ipset) if ipset is not None else None
    return source


def main(argv: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status, 2 for what cannot be read or told."""
    from pyiptables.cli.running import run

    return run(command, argv, family, file, broken=BROKEN)
