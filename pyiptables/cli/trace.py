"""``pyipt trace``: walk a capture, or one typed packet, through a ruleset on a host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

import click

from pyiptables.cli.running import run
from pyiptables.cli.tracing import FEW, Job
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.packet.capture import CaptureWriter
from pyiptables.packet.conversation import is_notation

HELP = """Show which way packets go, rule by rule, and which rule decides.

CAPTURE is a pcap or pcapng file, or - for standard input. Instead of a capture one packet can be typed, in iptables'
own words; with -i it arrives there, without it a process of the host sends it:

\b
  pyipt trace --snapshot rulesets/home-router -i eth0 -p tcp \\
      -s 198.51.100.7 --sport 40000 -d 192.0.2.1 --dport 443 --syn

Or packets stand in one line each, parted by " ; ", as findings of pyipt lint and diff name them:

\b
  pyipt trace --snapshot rulesets/home-router \\
      "eth0: 198.51.100.7:40000 > 192.0.2.1:443 tcp S"
"""


def split_words(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The capture, or the words of a typed packet."""
    if len(words) == 1 and (words[0] == "-" or not words[0].startswith("-")):
        return words[0], ()
    return None, words


@click.command(
    "trace",
    help=HELP,
    context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]},
    options_metavar="[OPTIONS]",
)
@click.option(
    "--snapshot",
    metavar="FOLDER",
    help="Rules, addresses, routes, sets and connections of a host, as its tools print them.",
)
@click.option("--rules", metavar="FILE", help="The ruleset, in iptables-save's format.")
@click.option("--ipset", metavar="FILE", help="The sets that rules use, as ipset save prints them.")
@click.option("--host", metavar="FILE", help="Interfaces, addresses and routes, in TOML.")
@click.option("--format", type=click.Choice(["text", "json", "kernel"]), default="text", help="What to print.")
@click.option("--summary", is_flag=True, help=f"One line a packet (the default over {FEW} packets).")
@click.option("--flows", is_flag=True, help="One line a connection.")
@click.option("--packet", type=click.IntRange(1), metavar="N", help="Only the story of packet N.")
@click.option("--explain", is_flag=True, help="Show the rules that did not match, with what failed.")
@click.option(
    "-i", "--interface", metavar="NAME", help="The interface of captures that name none; where a packet arrives."
)
@click.option("--strict", is_flag=True, help="Assume nothing: what is not given or not modelled is an error.")
@click.option(
    "--kernel-time-zone", metavar="+HH:MM", help="The kernel's time zone, for --kerneltz of the time match (UTC)."
)
@click.option("--seed", type=int, default=0, metavar="N", help="What chance begins with (random ports, say).")
@click.option("--owner", metavar="UID[:GID]", help="Whose processes send what the host itself sends (root, 0:0).")
@click.option("--write", metavar="OUT.pcapng", help="Write the frames that leave the host.")
@click.option("--save-rules", metavar="FILE", help="Write the rules with their counters after the last packet.")
@click.option("--save-conntrack", metavar="FILE", help="Write the connections, as conntrack -L lists them.")
@click.option("--save-ipset", metavar="FILE", help="Write the sets, as ipset save prints them.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="CAPTURE | PACKET | LINE")
@click.pass_obj
def command(scope: tuple[Family, str | None], /, words: tuple[str, ...], **options: Any) -> int:
    """Walk packets through a ruleset."""
    family, file = scope
    name, typed = split_words(words)
    options["writer"] = None
    target: IO[bytes] | None = None
    job = Job(family, file, options)
    try:
        if options["write"]:
            target = open(options["write"], "wb")  # noqa: SIM115 - closed below, after the last frame
            options["writer"] = CaptureWriter(target, name=options["write"])
        if is_notation(" ".join(words)):
            job.notation(" ".join(words))
        elif name is not None:
            job.capture(name)
        elif typed or options["interface"]:
            job.typed([*(("-i", options["interface"]) if options["interface"] else ()), *typed])
        else:
            raise click.UsageError("name a capture, or type a packet (-i eth0 -p tcp -s ... -d ... --dport 443)")
    except OSError as error:
        raise Error(f"{error.filename or 'standard output'}: {error.strerror}") from error
    finally:
        if target is not None:
            target.close()
    return job.status


def main(argv: Sequence[str], family: Family, file: str | None = None) -> int:
    """Run the command; its exit status."""
    return run(command, argv, family, file)
