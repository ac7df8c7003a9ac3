"""``pyipt compile``: show what is run for the chains of a ruleset when many packets are traced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from pyiptables.cli.inputs import assumed_host, read_host, read_ruleset
from pyiptables.cli.running import run
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.netfilter import Engine
from pyiptables.netfilter.prepared import PreparedChain
from pyiptables.render.compiled import compiled


@click.command("compile", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--snapshot", metavar="FOLDER", help="Rules and host, as its tools print them.")
@click.option("--rules", metavar="FILE", help="The ruleset, in iptables-save's format.")
@click.option("-t", "--table", metavar="TABLE", help="Only chains of this table.")
@click.option("--show", "names", multiple=True, metavar="CHAIN", help="Only this chain; may be given again.")
@click.option("--all", "whole", is_flag=True, help="Show all rules and values of long chains.")
@click.pass_obj
def command(
    scope: tuple[Family, str | None], /, snapshot: str | None, rules: str | None, table: str | None,
    names: tuple[str, ...], whole: bool,
) -> int:  # fmt: skip
    """Show what is run for chains when many packets are traced.

    That is: which rules are tested for which packets, and for which packets of open connections the answer is kept.
    """
    family, file = scope
    ruleset = read_ruleset(snapshot, rules, file, family)
    engine = Engine(ruleset, read_host(snapshot, None) or assumed_host(ruleset), record=False)
    for number, chain in enumerate(_chosen(engine, table, names)):
        if number:
            click.echo()
        for line in compiled(chain, ruleset.family, whole=whole):
            click.echo(line)
    return 0


def _chosen(engine: Engine, table: str | None, names: tuple[str, ...]) -> Iterator[PreparedChain]:
    """The chains asked for; Error where there is none of that name."""
    tables = [each for name, each in engine.tables.items() if table is None or name == table]
    if not tables:
        raise Error(f"the ruleset has no table {table}", hint=f"it has {', '.join(engine.tables) or 'none'}")
    for name in names:
        if not any(name in each.chains for each in tables):
            raise Error(f"there is no chain {name}")
    for each in tables:
        yield from (chain for name, chain in each.chains.items() if not names or name in names)


def main(words: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status."""
    return run(command, words, family, file)
