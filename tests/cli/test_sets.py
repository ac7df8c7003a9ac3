"""``--ipset FILE``: references to sets are checked as the real program checks them against the kernel's sets."""

from __future__ import annotations

import pytest

from pyiptables.cli.iptables import main as iptables
from pyiptables.cli.restore import main as restore
from pyiptables.cli.trace import main as trace
from pyiptables.hooks import Family

V4, V6 = Family.IPV4, Family.IPV6
SETS = """create a4 hash:ip family inet hashsize 1024 maxelem 65536
add a4 192.0.2.1
create a6 hash:net family inet6
create ap hash:ip,port
create pp bitmap:port range 1-100
create li list:set
add li a4
"""
MISSING = "Set {} doesn't exist.\n"
OTHER = "The protocol family of set {} is IPv{}, which is not applicable.\n"
SIDES = "You must specify (the comma separated list of) 'src' or 'dst'."
FEW = "Warning: set {} ({}) needs {} of src and dst, not {}: the rule never finds anything in it.\n"

MATCHES = [
    # the words of -m set, the message with iptables, and with ip6tables; "" where the rule is taken
    ("--match-set nope src", MISSING.format("nope"), MISSING.format("nope")),
    ("--match-set nope srd", MISSING.format("nope"), MISSING.format("nope")),
    ("--match-set nope src,src,src,src,src,src,src", MISSING.format("nope"), MISSING.format("nope")),
    ("--match-set nope", "--match-set requires two args.", "--match-set requires two args."),
    ("--match-set a4 src", "", OTHER.format("a4", 4)),
    ("--match-set a6 src", OTHER.format("a6", 6), ""),
    ("--match-set ap src,dst", "", OTHER.format("ap", 4)),
    ("--match-set pp src", "", ""),
    ("--match-set li src,src", "", ""),
    ("--match-set a4 src,dst,src", "", OTHER.format("a4", 4)),
    ("--match-set a4 src,bla", SIDES, OTHER.format("a4", 4)),
    ("--match-set nope src --match-set nope2 src", MISSING.format("nope"), MISSING.format("nope")),
    ("--match-set a4 src --match-set nope src", "--match-set can be specified only once", OTHER.format("a4", 4)),
    ("--match-set aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa src",
     *["setname `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' too long, max 31 characters."] * 2),
    ("--match-set 0 src", MISSING.format("0"), MISSING.format("0")),
]  # fmt: skip
TARGETS = [
    ("--add-set nope src", MISSING.format("nope"), MISSING.format("nope")),
    ("--add-set a4 src", "", OTHER.format("a4", 4)),
    ("--add-set a6 src", OTHER.format("a6", 6), ""),
    ("--del-set a4 src,src", "", OTHER.format("a4", 4)),
    ("--map-set nope src --map-mark", MISSING.format("nope"), MISSING.format("nope")),
    ("--map-set a6 src --map-mark", OTHER.format("a6", 6), ""),
]
CASES = [(f"-m set {words}", *messages) for words, *messages in MATCHES] + [
    (f"-j SET {words}", *messages) for words, *messages in TARGETS
]


@pytest.fixture
def sets(tmp_path):
    path = tmp_path / "ipset.save"
    path.write_text(SETS)
    return str(path)


@pytest.mark.parametrize("command", "ADC")
@pytest.mark.parametrize(("words", "v4", "v6"), CASES)
def test_command(words, v4, v6, command, sets, tmp_path, capsys):
    for family, message in ((V4, v4), (V6, v6)):
        name = family.command
        status = iptables(["-t", "mangle", f"-{command}", "INPUT", *words.split()], family, str(tmp_path / name), sets)
        err = capsys.readouterr().err
        if message:
            hint = f"Try `{name} -h' or '{name} --help' for more information.\n"
            assert (status, err) == (2, f"{name} v1.8.13 (legacy): {message}\n{hint}")
        else:
            assert status == (command != "A")


@pytest.mark.parametrize(
    ("words", "warning"),
    [
        ("-m set --match-set ap src", FEW.format("ap", "hash:ip,port", 2, 1)),
        ("-j SET --del-set ap dst", FEW.format("ap", "hash:ip,port", 2, 1)),
        ("-m set --match-set ap src,dst", ""),
        ("-m set --match-set ap src,dst,src", ""),
    ],
)
def test_number_of_sides(words, warning, sets, tmp_path, capsys):
    assert iptables(["-A", "INPUT", *words.split()], V4, str(tmp_path / "rules"), sets) == 0
    assert capsys.readouterr() == ("", warning)


def rules(tmp_path, *lines):
    path = tmp_path / "given.rules"
    path.write_text("".join(f"{line}\n" for line in ("*filter", *lines, "COMMIT")))
    return str(path)


def test_restore(sets, tmp_path, capsys):
    path = rules(tmp_path, *["-A INPUT -m set --match-set a4 src"] * 2, "-A INPUT -m set --match-set a44 src")
    assert restore(["--ipset", sets, "--file", str(tmp_path / "rules"), path], V4) == 2
    assert capsys.readouterr().err == (
        "iptables-restore v1.8.13 (legacy): Set a44 doesn't exist.\n\nError occurred at line: 4\n"
        "Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n"
        f"{path}:4:29: Set a44 doesn't exist.\n    -A INPUT -m set --match-set a44 src\n{' ' * 32}^\n"
        "    expected a set; did you mean a4?\n"
    )


def test_rules_of_the_file(sets, tmp_path, capsys):
    path = rules(tmp_path, "-A INPUT -m set --match-set a4 src", "-A INPUT -j SET --add-set gone src")
    assert iptables(["-S"], V4, path, None) == 0
    assert iptables(["-S"], V4, path, sets) == 1
    assert f"{path}:3:27: Set gone doesn't exist." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("-t", "Sets are not checked without --ipset FILE: the rules name one, two\n"),
        ("-v", "Sets are not checked without --ipset FILE: the rules name one, two\n"),
        ("", ""),
    ],
)
def test_without_sets(options, said, tmp_path, capsys):
    path = rules(tmp_path, *(f"-A INPUT -m set --match-set {name} src" for name in ("one", "two", "one")))
    assert restore([*options.split(), "--file", str(tmp_path / "rules"), path], V4) == 0
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "iptables: cannot read {}: No such file or directory\n"),
        ("create x foo\n", "iptables: {}:1: Syntax error: typename 'foo' is unknown"),
        ("create x hash:ip\ncreate x hash:ip\n", "iptables: {}:2: Set cannot be created"),
    ],
)
def test_broken_sets(text, message, tmp_path, capsys):
    path = tmp_path / "sets"
    if text is not None:
        path.write_text(text)
    assert iptables(["-S"], V4, str(tmp_path / "rules"), str(path)) == 1
    assert capsys.readouterr().err.startswith(message.format(path))


TRACED = [
    # a rule, and what a trace says about its sets before anything else
    ("-m set --match-set a4 src", ""),
    ("-m set --match-set gone src", "assumed: sets that are not given are empty: gone"),
    ("-m set --match-set ap src",
     "pyipt: warning: rule 1 of INPUT never finds anything in set ap (hash:ip,port), which needs 2 of src and dst"),
    ("-j SET --add-set a6 src",
     "pyipt: warning: rule 1 of INPUT never finds anything in set a6 (hash:net), which is for IPv6"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "said"), TRACED)
def test_trace(rule, said, sets, tmp_path, capsys):
    path = rules(tmp_path, f"-A INPUT {rule}")
    packet = "-i eth0 -p tcp -s 192.0.2.7 -d 192.0.2.1 --dport 80"
    assert trace(["--rules", path, "--ipset", sets, *packet.split()], V4) == 0
    err = capsys.readouterr().err
    assert [line for line in err.splitlines() if " set" in line] == ([said] if said else [])


def test_strict_trace_wants_all_sets(tmp_path, capsys):
    (tmp_path / "rules.v4").write_text("*filter\n-A INPUT -m set --match-set gone src\nCOMMIT\n")
    (tmp_path / "host.toml").write_text('[interfaces.eth0]\naddresses = ["192.0.2.1/24"]\n')
    words = ["--rules", str(tmp_path / "rules.v4"), "--host", str(tmp_path / "host.toml"), "--strict"]
    assert trace([*words, "-i", "eth0", "-p", "udp", "-s", "192.0.2.7", "-d", "192.0.2.1", "--dport", "53"], V4) == 1
    assert "sets that are not given are empty: gone" in capsys.readouterr().err
