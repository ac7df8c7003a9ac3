"""The manual of the extensions, and what ``-h`` says of them, both from the declarations."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pyiptables.cli.iptables import main as iptables
from pyiptables.cli.manual import main as manual
from pyiptables.extensions.base import Match, Target
from pyiptables.extensions.loading import PACKAGES, find, names
from pyiptables.hooks import Family
from pyiptables.predicate import Unknown
from pyiptables.render.manual import extensions_manual

V4, V6 = Family.IPV4, Family.IPV6
PAGE = Path(__file__).parents[2] / "man" / "pyipt-extensions.8"
EXTENSIONS = [(base, name) for base in (Match, Target) for name in names(base)]


def test_page_is_up_to_date():
    """If not: pyipt manual --output man/pyipt-extensions.8."""
    assert PAGE.read_text(encoding="utf-8") == "".join(extensions_manual())


def test_output(tmp_path, capsys):
    assert manual([], V4) == 0
    printed = capsys.readouterr().out
    assert manual(["--section", "extensions", "--output", str(tmp_path / "page")], V4) == 0
    assert (tmp_path / "page").read_text() == printed
    assert manual(["--output", str(tmp_path)], V4) == 1
    assert capsys.readouterr().err == f"pyipt: cannot write {tmp_path}: Is a directory\n"
    assert manual(["--section", "nosuch"], V4) == 2


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_no_complaint():
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", str(PAGE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("base", "name"), EXTENSIONS)
def test_everything_is_described(base, name):
    for family in Family:
        extension = find(base, name, family)
        if extension is not None:
            assert extension.__doc__
            assert [option.names[0] for option in extension.options.values() if not option.help] == []
    uses_unknown = Unknown in vars(importlib.import_module(f"{PACKAGES[base]}.{name}")).values()
    assert not uses_unknown or extension is None or extension.unknown, "say in `unknown` what is not modelled"


@pytest.mark.parametrize(("base", "name"), EXTENSIONS)
def test_page_has_every_option(base, name):
    section = re.search(rf"^\.SS {name}( \(IPv4\))?\n(.*?)^\.S[SH] ", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    extension = find(base, name, V4) or find(base, name, V6)
    assert section is not None
    assert extension is not None
    for option in extension.options.values():
        for option_name in option.names:
            assert f"\\fB{option_name}\\fP".replace("-", "\\-") in section[2]


HELP = [
    # the words before -h, the family, and the text behind the general help
    ("-m ttl", V4, """
ttl match options:
--ttl-lt number                 less than this (0 to 255; not together with
                                --ttl-eq, --ttl-gt)
--ttl-gt number                 more than this (0 to 255; not together with
                                --ttl-eq, --ttl-lt)
[!] --ttl-eq number
 --ttl ...
                                this (0 to 255; not together with --ttl-lt,
                                --ttl-gt)
Match the time to live.
Family: IPv4 only
"""),
    ("-p tcp -m limit -j NOTRACK", V6, """
NOTRACK does not take any options
Keep the packet from being tracked. Goes on.
Tables: raw

limit match options:
--limit number[/second|/minute|/hour|/day]
                                packets a time (default 3/hour)
--limit-burst number            packets that match at once (0 to 10000; default
                                5)
Match until a token bucket is empty: each packet that matches costs a token,
time brings new ones.
pyipt trace: the answer hangs on what has passed before, or on the clock
"""),
    ("-p udp", V6, """
udp match options:
[!] --source-port port[:port]
 --sport ...
                                source port or range
[!] --destination-port port[:port]
 --dport ...
                                destination port or range
Match a UDP datagram. A later fragment never matches; a datagram that ends
inside the header is dropped.
Protocols: -p udp
Loaded by: -p udp, as soon as one of its options is used
"""),
    ("-m cgroup", V4, """
cgroup match options:
[!] --path text                 a group of version 2, or one below it
[!] --cgroup number             class of net_cls, not beside --path
Match by the control group of the process that sends. Without a socket it never
matches, inverted or not.
Hooks: INPUT, OUTPUT, POSTROUTING
pyipt trace: not modelled, so that it does not match: the control group of the
  process that sends
"""),
    ("-j REJECT", V6, """
REJECT target options:
--reject-with type              the answer; port unreachable unless given
                                (names: icmp6-no-route, icmp6-adm-prohibited,
                                icmp6-addr-unreachable, icmp6-port-unreachable,
                                tcp-reset, icmp6-policy-fail,
                                icmp6-reject-route)
Drop the packet and answer it with an ICMP error or a TCP reset.
Tables: filter
Hooks: INPUT, FORWARD, OUTPUT
Verdict: ends the packet's way through the table
pyipt trace: needs the host's routes, for the answer
"""),
    ("-j nosuch", V4, ""),
    ("", V4, ""),
]  # fmt: skip


@pytest.mark.parametrize(("words", "family", "text"), HELP)
def test_help(words, family, text, capsys):
    assert iptables(["-h"], family, None) == 0
    general = capsys.readouterr().out
    assert iptables([*words.split(), "-h"], family, None) == 0
    assert capsys.readouterr().out == general + text


@pytest.mark.parametrize(("base", "name"), EXTENSIONS)
def test_help_fits_a_terminal(base, name, capsys):
    for family in Family:
        if find(base, name, family) is not None:
            assert iptables(["-m" if base is Match else "-j", name, "-h"], family, None) == 0
            assert max(map(len, capsys.readouterr().out.expandtabs().splitlines())) <= 85
