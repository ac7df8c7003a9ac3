"""``pyipt rule``: what a check of ``pyipt lint`` finds, and why."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.lint import pages
from pyiptables.lint.check import find_check, like


@click.command("rule", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--manual", is_flag=True, help="Print the manual page of all checks, pyipt-lint(7), in roff.")
@click.option("--output", metavar="FILE", help="Write it there instead of printing it.")
@click.argument("codes", nargs=-1, metavar="[CODE]...")
def command(codes: tuple[str, ...], manual: bool, output: str | None) -> int:
    """Print the page of a check, by its code or name; without one, a table of all."""
    if manual:
        text = pages.manual()
    elif codes:
        text = "\n".join(_page(code) for code in codes)
    else:
        rows = list(pages.table())
        width = max(len(row[1]) for row in rows)
        text = "".join(f"{code}  {severity:7}  {name:{width}}  {title}\n" for code, name, severity, title in rows)
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Error(f"cannot write {output}: {error.strerror}") from error
    return 0


def _page(code: str) -> str:
    check = find_check(code)
    if check is None:
        raise Error(f"there is no check {code}", hint=like(code))
    return pages.page_text(check)


def main(words: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status."""
    from pyiptables.cli.running import run

    return run(command, words, family, file)
