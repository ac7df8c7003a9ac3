"""``pyipt completion SHELL``: print the script by which a shell completes pyipt's command lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from pyiptables.cli.running import run
from pyiptables.hooks import Family

PROGRAMS = ("pyipt", "pyip6t", "pyipt-save", "pyipt-restore", "pyip6t-save", "pyip6t-restore", "pyipt-xml")
SHELLS = ("bash", "zsh", "fish")
_SCRIPTS = Path(__file__).parent.parent / "data"

HELP = """Print the script by which a shell completes the command lines of pyipt and its companions.

\b
  source <(pyipt completion bash)         # in ~/.bashrc
  source <(pyipt completion zsh)          # in ~/.zshrc, behind compinit
  pyipt completion fish | source          # in ~/.config/fish/config.fish

It asks pyipt itself, which looks into the ruleset's file for chains and interfaces.
"""


@click.command("completion", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> int:
    """Print a completion script."""
    text = (_SCRIPTS / f"completion.{shell}").read_text(encoding="utf-8")
    click.echo(text.replace("{programs}", " ".join(PROGRAMS)), nl=False)
    return 0


def main(words: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status."""
    return run(command, words, family, file)
