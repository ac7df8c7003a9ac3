"""``pyipt lint``: find what is wrong with rulesets and the scripts that make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from pyiptables.cli.linting import Job
from pyiptables.cli.running import run
from pyiptables.hooks import Family
from pyiptables.lint.reporters import FORMATS

COULD_NOT_RUN = 2
PROFILES = {"cis": "P", "co-tenants": "K", "counters": "U"}
HELP = """Find mistakes in rulesets.

PATH is a file that iptables-save or ip6tables-save wrote (or - for standard input), a shell script of iptables
commands, which is read and never run, or a folder: a snapshot as pyipt trace takes. Files that do not contradict one
another are taken together as one host, so are those whose names differ in v4 and v6 alone.

\b
  pyipt lint /etc/iptables/rules.v4 /etc/iptables/rules.v6
  pyipt lint --format sarif --output findings.sarif firewall.sh
  pyipt lint --diff rules.v4            what --fix would change

Every finding has a code with a page of its own: pyipt rule CODE. A finding is kept silent by a comment line above the
rule, # pyipt: ignore[CODE] reason, by the same text in the rule's -m comment, or by the settings in pyproject.toml
([tool.pyipt.lint]) or .pyipt.toml ([lint]).

Ends with 0 when nothing was found, 1 when something was, 2 when it could not run.
"""


@click.command("lint", help=HELP, context_settings={"help_option_names": ["-h", "--help"]}, options_metavar="[OPTIONS]")
@click.option("--select", metavar="CODES", help="Only these checks: codes or beginnings of codes, by commas; ALL.")
@click.option("--extend-select", metavar="CODES", help="These beside those that are on.")
@click.option("--ignore", metavar="CODES", help="Not these.")
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), multiple=True, help="Checks that are off unless asked for."
)
@click.option("--severity", type=click.Choice(["info", "warning", "error"]), help="The least to report (warning).")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to print findings (full).")
@click.option("--output", metavar="FILE", help="Write them there instead of printing them.")
@click.option(
    "--report",
    "reports",
    type=(click.Choice(FORMATS), str),
    multiple=True,
    metavar="FORMAT FILE",
    help="Write the findings to a file as well, in a format.",
)
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, and report the rest.")
@click.option("--diff", is_flag=True, help="Print what --fix would change, and change nothing.")
@click.option("--unsafe-fixes", is_flag=True, help="Mend also what may change counters or the order of lines.")
@click.option("--statistics", is_flag=True, help="Only how often each check found something.")
@click.option("--exit-zero", is_flag=True, help="End with 0 though something was found.")
@click.option("--baseline", metavar="FILE", help="Findings that are known: only others are reported.")
@click.option("--write-baseline", metavar="FILE", help="Write today's findings as a baseline, and end with 0.")
@click.option("--config", metavar="FILE", help="Settings (the nearest .pyipt.toml or pyproject.toml).")
@click.option("--isolated", is_flag=True, help="No file of settings.")
@click.option("-4", "--ipv4", is_flag=True, help="The files are IPv4's, whatever they seem to be.")
@click.option("-6", "--ipv6", is_flag=True, help="The files are IPv6's.")
@click.option("--separate", is_flag=True, help="Each file is a host of its own.")
@click.option("--noflush", is_flag=True, help="The files are loaded with --noflush, on top of other rules.")
@click.option("--foreign", is_flag=True, help="Judge the chains of other programs too (Docker, kube-proxy, ufw ...).")
@click.option("--kernel", metavar="VERSION", help="The Linux that the rules are for, such as 5.10.")
@click.option("--ipset", metavar="FILE", help="The sets that rules use, as ipset save prints them.")
@click.option("--host", metavar="FILE", help="Interfaces, addresses and routes, in TOML.")
@click.option("--must-reach", multiple=True, metavar="SERVICE", help="A service that must stay open, such as tcp/22.")
@click.option(
    "--listening", multiple=True, metavar="SERVICE", help="A service that listens, which P104 wants a rule for."
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.pass_obj
def command(scope: tuple[Family, str | None], /, paths: tuple[str, ...], **options: Any) -> int:
    """Find mistakes in rulesets."""
    family, file = scope
    paths = paths or ((file,) if file is not None else ())
    if not paths:
        raise click.UsageError("name a ruleset, a script or a snapshot folder")
    forced = Family.IPV4 if options["ipv4"] else Family.IPV6 if options["ipv6"] or family is Family.IPV6 else None
    options["extend_select"] = ",".join(
        filter(None, (options["extend_select"], *(PROFILES[name] for name in options["profile"])))
    )
    return Job(paths, forced, options).run()


def main(words: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status."""
    return run(command, words, family, file, broken=COULD_NOT_RUN)
