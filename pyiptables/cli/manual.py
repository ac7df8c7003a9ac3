"""``pyipt manual``: print the manual pages that are made from declarations."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pyiptables.cli.output import write_text
from pyiptables.cli.running import run
from pyiptables.hooks import Family
from pyiptables.render.manual import extensions_manual

SECTIONS = {"extensions": extensions_manual}


@click.command("manual", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--section", type=click.Choice(list(SECTIONS)), default="extensions", show_default=True, help="Which page."
)
@click.option("--output", metavar="FILE", help="Write it there instead of printing it.")
def command(section: str, output: str | None) -> int:
    """Print a manual page in roff: pyipt-extensions(8), which man -l reads."""
    text = "".join(SECTIONS[section]())
    if output is None:
        click.echo(text, nl=False)
        return 0
    write_text(output, [text])
    return 0


def main(words: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status."""
    return run(command, words, family, file)
