"""Command lines as data: what words mean, and what is refused with which message."""

from __future__ import annotations

import shlex

import pytest

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.ruleset.model import Counters
from pyiptables.syntax.messages import complaint
from pyiptables.syntax.reader import Reader

MEANING = [
    ("-L", {"letter": "L", "chain": None}),
    ("-Lnv", {"letter": "L", "chain": "nv"}),
    ("-nvL INPUT --line", {"letter": "L", "chain": "INPUT", "numeric": True, "verbose": 1, "line_numbers": True}),
    ("-L INPUT 3", {"letter": "L", "chain": "INPUT", "number": 3}),
    ("--list-r INPUT", {"letter": "S", "chain": "INPUT"}),
    ("-L -Z INPUT", {"letter": "L", "zero": "all", "chain": "INPUT"}),
    ("-Z -L INPUT 1", {"letter": "L", "zero": "all", "chain": "INPUT", "number": 1}),
    ("-L -Z INPUT 1", {"letter": "Z", "zero": "", "chain": "INPUT", "number": 1}),
    ("-D INPUT 2", {"letter": "D", "number": 2, "specs": ()}),
    ("-I INPUT -j ACCEPT", {"letter": "I", "number": 1}),
    ("-P INPUT DROP -c 5 6", {"letter": "P", "policy": "DROP", "counters": Counters(5, 6)}),
    ("-A INPUT -c 5,6", {"counters": Counters(5, 6)}),
    ("-E foo bar", {"letter": "E", "chain": "foo", "new_name": "bar"}),
    ("-tnat --table=raw -S", {"letter": "S", "table": "raw"}),
    ("-w -S", {"wait": -1}),
    ("-w 0x10 -S", {"wait": 16}),
    ("-w3x -S", {"wait": 3}),
    ("-S", {"wait": None}),
    ("! -V", {"letter": "V", "inverted": True}),
    ("-A INPUT -h", {"letter": "h"}),
]


@pytest.mark.parametrize(("line", "fields"), MEANING)
def test_meaning(line: str, fields: dict[str, object]) -> None:
    command = Reader(Family.IPV4).read(shlex.split(line))
    assert {name: getattr(command, name) for name in fields} == fields


SPECS = [
    # what is written, and another way to write the same
    ("-A C -p tcp --dport 22", "-A C -p tcp -m tcp --dport 22"),
    ("-A C -p 6 --dport ssh", "-A C -p tcp -m tcp --destination-port=22"),
    ("-A C -ptcp -s1.2.3.4", "-A C --protocol=tcp --source 1.2.3.4/32"),
    ("--app C --ju ACCEPT", "-A C -j ACCEPT"),
    ("-A C -s 10.0.0.5/8", "-A C --src 10.0.0.0/255.0.0.0"),
    ("-A C -m tcp -p tcp ! --dp 1:2 --sp 3", "-A C -p tcp -m tcp --sport 3 ! --dport 1:2"),
    ("-A C -p tcp --tcp-flags SYN,ACK SYN --sport 1", "-A C -p tcp -m tcp --sport 1 --tcp-flags SYN,ACK SYN"),
    ("-A C -p all -s 0/0", "-A C"),
    ("-A C -j CONTINUE", "-A C"),
    ("-fA C", "-A C --fragments"),
    ("-A C -p tcp --dest 22", "-A C -p tcp -d 22.0.0.0"),
]


@pytest.mark.parametrize(("written", "plain"), SPECS)
def test_same_rule(written: str, plain: str) -> None:
    reader = Reader(Family.IPV4)
    assert reader.read(written.split()).specs == reader.read(plain.split()).specs


def test_addresses_give_several_rules() -> None:
    specs = Reader(Family.IPV4).read(shlex.split("-A C -s 1.1.1.1,2.2.2.2 -d 3.3.3.3,4.4.4.4")).specs
    assert [(s.source.address >> 24, s.destination.address >> 24) for s in specs if s.source and s.destination] == [
        (1, 3), (1, 4), (2, 3), (2, 4),
    ]  # fmt: skip


def test_same_words_give_the_same_match() -> None:
    reader = Reader(Family.IPV4)
    one, other, third = (reader.read(f"-A C -p {p} -m tcp --dport 1".split()).specs[0] for p in ("tcp", "tcp", "6"))
    assert one.matches[0] is other.matches[0] is third.matches[0]
    assert one.protocol is other.protocol


V4, V6 = Family.IPV4, Family.IPV6
REFUSED = [
    (V4, "", "no command specified"),
    (V4, "-aL", 'unknown option "-a"'),
    (V4, "-A", 'option "-A" requires an argument'),
    (V4, "-A INPUT --dport 22", 'unknown option "--dport"'),
    (V4, "-A INPUT -p icmp --dport 22", 'unknown option "--dport"'),
    (V4, "-A INPUT -p tcp --dp 1 --foo=3", 'unknown option "--foo=3"'),
    (V4, "--li INPUT", 'unknown option "--li"'),
    (V4, "-A INPUT --in eth0", 'unknown option "--in"'),
    (V4, "--verb=3 -S", 'unknown option "-v"'),
    (V4, "-A INPUT -p tcp --dport", 'option "--dport" requires an argument'),
    (V4, "-A INPUT -D OUTPUT", "Cannot use -D with -A"),
    (V4, "-L -Z -A x", "Cannot use -A with -Z"),
    (V4, "-A INPUT -s 1.2.3.4 -s 5.6.7.8", "multiple --source options not allowed"),
    (V4, "-A INPUT -g a -j b", "multiple --jump options not allowed"),
    (V4, "-A INPUT ! ! -s 1.2.3.4", "multiple consecutive ! not allowed"),
    (V4, "-A INPUT !", "nothing appropriate following !"),
    (V4, "! -A INPUT", "unexpected '!' flag"),
    (V4, "-A INPUT ! -j ACCEPT", "cannot have ! before --jump"),
    (V4, "-A INPUT ! -m tcp", "unexpected ! flag before --match"),
    (V4, "-A INPUT ! -s 1.2.3.4,5.6.7.8", "! not allowed with multiple source or destination IP addresses"),
    (V4, "-A INPUT -- x", "unknown arguments found on commandline"),
    (V4, "-P INPUT DROP -s 1.2.3.4", "Illegal option `--source' with this command"),
    (V4, "-A INPUT -n -x", "Illegal option `--numeric' with this command"),
    (V4, "-D INPUT 1 -j ACCEPT", "Illegal option `--jump' with this command"),
    (V4, "-A INPUT -o eth0", "Can't use --out-interface with INPUT"),
    (V4, "-A OUTPUT -i eth0", "Can't use --in-interface with OUTPUT"),
    (V4, "-A INPUT -i ''", "Empty interface is likely to be undesired"),
    (V4, "-A INPUT -i sixteencharacter", "interface name `sixteencharacter' must be shorter than 16 characters"),
    (V4, "-A INPUT ! -p all", "rule would never match protocol"),
    (V4, "-A INPUT -p 256", 'unknown protocol "256" specified'),
    (V4, "-A INPUT -m nosuch", "Couldn't load match `nosuch':No such file or directory\n"),
    (V4, "-A INPUT -m icmpv6", "Couldn't load match `icmp6':No such file or directory\n"),
    (V4, "-A INPUT -m thismatchnameismuchtoolongtobevalid",
     'Invalid match name "thismatchnameismuchtoolongtobevalid" (28 chars max)'),
    (V4, "-A INPUT -j ''", "Invalid target name (too short)"),
    (V4, "-A INPUT -j 'a b'", "Invalid target name `a b'"),
    (V4, "-N twentyninecharacterchainname1",
     "chain name `twentyninecharacterchainname1' too long (must be under 29 chars)"),
    (V4, "-N ACCEPT", "chain name may not clash with target name"),
    (V4, "-N '!foo'", "chain name not allowed to start with `!'"),
    (V4, "-E foo 'a b'", "Invalid chain name `a b'"),
    (V4, "-R INPUT -j DROP", "-R requires a rule number"),
    (V4, "-L INPUT 0", "Invalid rule number `0'"),
    (V4, "-D INPUT 1:2", "Rule ranges are not supported"),
    (V4, "-A INPUT -c 7", "--set-counters requires packet and byte counter"),
    (V4, "-A INPUT -c x 1", "--set-counters packet counter not numeric"),
    (V4, "-w x -L", "wait seconds not numeric"),
    (V4, "-W 5 -L", "--wait-interval only makes sense with --wait\n"),
    (V4, "-t nat -P PREROUTING DROP",
     '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n'),
    (V6, "-A INPUT -f", "`-f' is not supported in IPv6, use -m frag instead"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "line", "message"), REFUSED)
def test_refused(family: Family, line: str, message: str) -> None:
    with pytest.raises(Error) as caught:
        Reader(family).read(shlex.split(line))
    name = family.command
    hint = f"Try `{name} -h' or '{name} --help' for more information.\n"
    assert complaint(caught.value, name) == (f"{name} v1.8.13 (legacy): {message}\n{hint}", 2)


BARE = [
    (V4, "-A INPUT foo", "Bad argument `foo'\n"),
    (V4, "-L -v FORWARD", "Bad argument `FORWARD'\n"),
    (V4, "-", "Bad argument `-'\n"),
    (V4, "-6 -L", ""),
    (V6, "-4 -L", ""),
]


@pytest.mark.parametrize(("family", "line", "message"), BARE)
def test_refused_without_a_name(family: Family, line: str, message: str) -> None:
    with pytest.raises(Error) as caught:
        Reader(family).read(line.split())
    assert complaint(caught.value, "x") == (f"{message}Try `x -h' or 'x --help' for more information.\n", 2)


def test_warnings() -> None:
    reader = Reader(V6)
    reader.read(["-A", "C", "-p", "ipv6-frag", "-i", "eth 0"])
    assert reader.warnings == [
        "Warning: never matched protocol: ipv6-frag. use extension match instead.\n",
        "Warning: weird character in interface `eth 0' ('/' and ' ' are not allowed by the kernel).\n",
    ]
