"""``pyipt query``: which packets come to a rule, which a hook accepts, who may talk to whom on which port."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from pyiptables.cli.diff import source_of
from pyiptables.cli.output import print_lines
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.testing.asking import MATRIX, Asking, Found
from pyiptables.testing.outcome import Step
from pyiptables.testing.rulenames import step_text

HELP = """Ask about a ruleset, of all packets at once.

\b
  pyipt query reach INPUT 3            the packets that come to rule 3 of INPUT, and those that match it
  pyipt query reach --rule "NAS: web"  the same for rules by comment or text
  pyipt query accepted FORWARD         the packets that FORWARD accepts
  pyipt query services                 who may begin to talk to whom, on which port

Packets are told as they arrive at the host, before NAT, or leave a process of it.
"""
BROKEN = 2
HOOKS = tuple(hook.name for hook in Hook)
COLUMNS = ("service", "from", "to", "in", "out")


@click.command("query", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--snapshot", metavar="FOLDER", help="Rules, addresses, routes and sets of a host, as its tools print them."
)
@click.option("--rules", metavar="FILE", help="The ruleset, in iptables-save's format.")
@click.option("--host", metavar="FILE", help="Interfaces, addresses and routes, in TOML.")
@click.option("--ipset", metavar="FILE", help="The sets that rules use, as ipset save prints them.")
@click.option("-t", "--table", type=click.Choice(list(TABLES)), default="filter", help="The table of CHAIN (filter).")
@click.option("--rule", metavar="TEXT", help="A rule by its comment or its text, in place of CHAIN NUMBER.")
@click.option("--all", "everything", is_flag=True, help="Packets of connections that are there, too.")
@click.option(
    "--most", type=click.IntRange(1, 10_000), default=50, metavar="N", help="At most so many rows a set (50)."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="What to print.")
@click.argument("question", type=click.Choice(["reach", "accepted", "services"]))
@click.argument("words", nargs=-1, metavar="[CHAIN NUMBER | HOOK]")
@click.pass_obj
def command(scope: tuple[Family, str | None], /, question: str, words: tuple[str, ...], **options: Any) -> int:
    """Answer a question."""
    family, file = scope
    name = options["rules"] or options["snapshot"] or file
    if name is None:
        raise click.UsageError("name a ruleset: --rules FILE or --snapshot FOLDER")
    source = source_of(name, family, options["host"], options["ipset"])
    if options["rules"] and options["snapshot"]:
        source.snapshot = source_of(options["snapshot"], family, None, None).snapshot
    if family not in source.families and source.families:
        family = source.families[0]
    asking = Asking(source, family)
    if question == "reach":
        answers = _reach(asking, words, options)
    elif question == "accepted":
        answers = _accepted(asking, words, options)
    else:
        if words:
            raise click.UsageError("services takes no words")
        answers = (
            ("services", None, asking.accepted(hook, new=not options["everything"], most=options["most"]))
            for hook in MATRIX
        )
    print_lines((_json if options["form"] == "json" else _text)(answers, family))
    return 0


Answers = Iterable[tuple[str, Step | None, Found | None]]


def _reach(asking: Asking, words: Sequence[str], options: dict[str, Any]) -> Answers:
    if options["rule"] is not None:
        if words:
            raise click.UsageError("--rule stands in place of CHAIN NUMBER")
        steps = list(asking.rule(options["rule"]))
    else:
        if len(words) != 2 or not words[1].isdecimal():
            raise click.UsageError("expected CHAIN and the rule's NUMBER, or --rule TEXT")
        steps = list(asking.rule(f"{options['table']} {words[0]} {int(words[1])}"))
    for step in steps:
        for label, matching in (("come to it", False), ("match it", True)):
            found = list(asking.arriving(step, matching=matching, most=options["most"]))
            yield from ((label, step, one) for one in found)
            if not found:
                yield label, step, None


def _accepted(asking: Asking, words: Sequence[str], options: dict[str, Any]) -> Answers:
    if len(words) != 1 or words[0] not in HOOKS:
        raise click.UsageError(f"expected one of {', '.join(HOOKS)}")
    yield "accepted", None, asking.accepted(Hook[words[0]], new=not options["everything"], most=options["most"])


def _text(answers: Answers, family: Family) -> Iterator[str]:
    before = None
    for label, step, found in answers:
        if step is not None and step != before:
            before = step
            yield f"{step_text(step, family)}\n"
        if found is None:
            yield f"\nno packets {label}\n"
            continue
        yield f"\n{_title(label, found)}\n"
        yield from _table(found)
        if found.witness is not None:
            yield f"  such as {found.witness}\n"


def _title(label: str, found: Found) -> str:
    if label == "services":
        return f"{found.hook.name}: who may begin to talk"
    if label == "accepted":
        return f"accepted at {found.hook.name}" + (
            "" if found.surely else " (some perhaps not: a limit, or what is not modelled)"
        )
    return f"packets that {label}, by {found.hook.name}" + ("" if found.surely else " (some perhaps not)")


def _table(found: Found) -> Iterator[str]:
    """The rows in columns, those left out that say nothing."""
    if not found.rows:
        yield "  nothing\n"
        return
    rows = [
        (
            (row.service or "anything") + (f" ({row.states})" if row.states else "") + (" *" if row.narrowed else ""),
            row.source or "any",
            row.destination or "any",
            row.in_interface or "any",
            row.out_interface or "any",
        )
        for row in found.rows
    ]
    kept = [column for column in range(5) if not column or any(row[column] != "any" for row in rows)]
    widths = [min(max(len(row[column]) for row in (*rows, COLUMNS)), 44) for column in kept]
    for row in (COLUMNS, *rows):
        cells = (f"{row[column]:<{width}}" for column, width in zip(kept, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip() + "\n"
    if any(row.narrowed for row in found.rows):
        yield "  * under further conditions\n"
    if found.more:
        yield "  and others (--most shows more)\n"


def _json(answers: Answers, family: Family) -> Iterator[str]:
    listed = []
    for label, step, found in answers:
        one: dict[str, Any] = {"question": label}
        if step is not None:
            one["rule"] = step_text(step, family)
        if found is not None:
            one |= {"hook": found.hook.name, "rows": [asdict(row) for row in found.rows], "more": found.more}
            one |= {"witness": found.witness, "surely": found.surely}
        listed.append(one)
    yield json.dumps(listed, indent=2) + "\n"


def main(argv: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status, 2 for what cannot be read or told."""
    from pyiptables.cli.running import run

    return run(command, argv, family, file, broken=BROKEN)
