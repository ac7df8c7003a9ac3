"""The commands from end to end: sessions as at a prompt, and what happens when the world does not play along."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyiptables.cli import own_options
from pyiptables.cli.iptables import main as iptables
from pyiptables.cli.restore import main as restore
from pyiptables.hooks import Family

V4, V6 = Family.IPV4, Family.IPV6
HINT = "Try `iptables -h' or 'iptables --help' for more information.\n"
POLICIES = "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"
INVALID = "iptables: Invalid argument. Run `dmesg' for more information.\n"
NO_ENTRY = "No chain/target/match by that name.\n"
MEASURE = "-j RATEEST --rateest-interval 1s --rateest-ewmalog 4s --rateest-name"

SESSIONS = [
    # commands, of which the last one's status and output count
    ("-S", 0, POLICIES, ""),
    ("-V", 0, "iptables v1.8.13 (legacy)\n", ""),
    ("-A INPUT -p tcp --dport 22 -j ACCEPT; -S INPUT", 0,
     "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n", ""),
    ("-A INPUT -s 1.1.1.1,2.2.2.2; -S INPUT", 0, "-P INPUT ACCEPT\n-A INPUT -s 1.1.1.1/32\n-A INPUT -s 2.2.2.2/32\n", ""),
    ("-I INPUT -s 1.1.1.1,2.2.2.2; -S INPUT", 0, "-P INPUT ACCEPT\n-A INPUT -s 2.2.2.2/32\n-A INPUT -s 1.1.1.1/32\n", ""),
    ("-N web; -A INPUT -j web; -X web", 1, "", "iptables: Too many links.\n"),
    ("-N web; -v -A INPUT -g web", 0, "web  all opt -- in * out *  0.0.0.0/0  -> 0.0.0.0/0  [goto] \n", ""),
    ("-N a; -N b; -v -X", 0, "Deleting chain `a'\nDeleting chain `b'\n", ""),
    ("-N LOG2; -A INPUT -j LOG2; -S INPUT 1", 0, "-A INPUT -j LOG2\n", ""),
    ("-A INPUT -j ACCEPT -c 5 6; -v -Z -L INPUT 1 -n", 0,
     "    5     6 ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0           \nZeroing chain `INPUT'\n", ""),
    ("-A INPUT -j ACCEPT -c 5 6; -Z; -S INPUT -v", 0, "-P INPUT ACCEPT -c 0 0\n-A INPUT -c 0 0 -j ACCEPT\n", ""),
    ("-A INPUT -j ACCEPT; -C INPUT -j ACCEPT", 0, "", ""),
    ("-C INPUT -j ACCEPT", 1, "", "iptables: Bad rule (does a matching rule exist in that chain?).\n"),
    ("-L none", 1, "", "iptables: No chain/target/match by that name.\n"),
    ("-t foo -L", 3, "",
     "iptables v1.8.13 (legacy): can't initialize iptables table `foo': Table does not exist (do you need to insmod?)\n"
     "Perhaps iptables or your kernel needs to be upgraded.\n"),
    ("-A INPUT -j nosuch", 2, "",
     f"iptables v1.8.13 (legacy): Couldn't load target `nosuch':No such file or directory\n\n{HINT}"),
    ("-A INPUT -j DNAT --to 1.2.3.4", 1, "", "iptables: Invalid argument. Run `dmesg' for more information.\n"),
    ("-A INPUT -j DNAT --to 1.2.3.4; -S", 0, POLICIES, ""),
    ("-P INPUT DROP; -N x; -E x y; -S", 0, "-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-N y\n", ""),
    ("-A INPUT -m set --match-set any src -j SET --add-set other src; -S INPUT", 0,
     "-P INPUT ACCEPT\n-A INPUT -m set --match-set any src -j SET --add-set other src\n", ""),
    ("-A INPUT -i +; -L INPUT 1 -n -v", 0,
     "    0     0            all  --  +      *       0.0.0.0/0            0.0.0.0/0           \n", ""),
    ("-A INPUT -i +; -D INPUT; -S INPUT", 0, "-P INPUT ACCEPT\n", ""),
    ("-A INPUT -p ipcomp -m ipcomp --ipcompspi :; -S INPUT 1", 0, "-A INPUT -p ipcomp -m ipcomp\n", ""),
    (f"-A INPUT {MEASURE} a; -A INPUT {MEASURE} b;"
     " -I INPUT -m rateest --rateest1 a --rateest-lt --rateest-bps --rateest2 b; -S INPUT 1",
     0, "-A INPUT -m rateest --rateest1 a --rateest-lt --rateest-bps --rateest2 b\n", ""),
    (f"-A INPUT {MEASURE} a; -I INPUT -m rateest --rateest a --rateest-bps --rateest-gt; -D INPUT 2;"
     " -A INPUT -m rateest --rateest a --rateest-pps --rateest-lt", 0, "", ""),
    (f"-t raw -A OUTPUT {MEASURE} a; -A INPUT -m rateest --rateest a --rateest-gt --rateest-bps; -t raw -F;"
     " -A INPUT -m rateest --rateest a --rateest-pps --rateest-lt", 0, "", ""),
    ("-A INPUT -m rateest --rateest a --rateest-gt --rateest-bps", 1, "", f"iptables: {NO_ENTRY}"),
    (f"-A INPUT {MEASURE} a; -A INPUT -m rateest --rateest1 a --rateest2 b --rateest-gt --rateest-bps", 1, "", f"iptables: {NO_ENTRY}"),
    (f"-A INPUT {MEASURE} a; -A INPUT -j RATEEST --rateest-interval 2s --rateest-ewmalog 8s --rateest-name a", 1, "", INVALID),
    (f"-A INPUT {MEASURE} a; -A FORWARD {MEASURE} a", 0, "", ""),
    ("-A INPUT -j IDLETIMER --timeout 5 --label x; -A INPUT -j IDLETIMER --timeout 7 --label x", 0, "", ""),
    ("-A INPUT -j IDLETIMER --timeout 5 --label x; -A INPUT -j IDLETIMER --timeout 7 --label x --alarm", 1, "", INVALID),
    ("-A INPUT -j HL --hl-set 5", 2, "", f'iptables v1.8.13 (legacy): unknown option "--hl-set"\n{HINT}'),
    ("-W 5 -w 1 -S INPUT", 0, "-P INPUT ACCEPT\n", "Ignoring deprecated --wait-interval option.\n"),
]  # fmt: skip


@pytest.mark.parametrize(("commands", "status", "out", "err"), SESSIONS)
def test_session(
    commands: str, status: int, out: str, err: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = 0
    for command in re.split("; *", commands):
        capsys.readouterr()
        ended = iptables(command.split(), V4, str(tmp_path / "rules"))
    assert (ended, *capsys.readouterr()) == (status, out, err)


@pytest.mark.parametrize(
    ("words", "file", "sets", "family", "rest"),
    [
        ("--file f -6 -L", "f", None, V6, "-L"),
        ("-6 --file=f -L -6", "f", None, V6, "-L -6"),
        ("--ipset s --file f -L", "f", "s", V4, "-L"),
        ("--ipset=s -L", None, "s", V4, "-L"),
        ("-L --file f", None, None, V4, "-L --file f"),
        ("trace x", None, None, V4, "trace x"),
        ("--file", None, None, V4, "--file"),
        ("", None, None, V4, ""),
    ],
)
def test_own_options(words: str, file: str | None, sets: str | None, family: Family, rest: str) -> None:
    assert own_options(words.split(), V4) == (file, sets, family, rest.split())


def test_help_names_the_program_and_the_options_of_matches(capsys: pytest.CaptureFixture[str]) -> None:
    assert iptables(["-p", "tcp", "-h"], V6, None) == 0
    text = capsys.readouterr().out
    assert text.startswith("ip6tables v1.8.13 (legacy)\n\nUsage: ip6tables -[ACD] chain")
    assert "--fragment" not in text
    assert "--dport" in text


RULES = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dprot 22\nCOMMIT\n"
MESSAGE = (
    'iptables-restore v1.8.13 (legacy): unknown option "--dprot"\nError occurred at line: 3\n'
    "Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n"
)


@pytest.mark.parametrize(
    ("program", "wanted", "explained"),
    [
        ("pyipt-restore", "", True),
        ("iptables-restore", "", False),
        ("iptables-restore", "1", True),
        ("pyipt-restore", "0", False),
    ],
)
def test_a_bad_line_of_a_file_is_explained(
    program: str, wanted: str, explained: bool,
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "argv", [program])
    monkeypatch.setenv("PYIPT_DIAGNOSE", wanted)
    source = tmp_path / "bad.rules"
    source.write_text(RULES)
    assert restore(["--file", str(tmp_path / "rules"), str(source)], V4) == 2
    diagnosis = (
        f'{source}:3:17: unknown option "--dprot"\n'
        "    -A INPUT -p tcp --dprot 22\n"
        "                    ^\n"
        "    expected an option; did you mean --dport?\n"
    )
    assert capsys.readouterr().err == MESSAGE + (diagnosis if explained else "")
    assert not (tmp_path / "rules").exists()


def test_a_table_committed_before_the_bad_line_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "bad.rules"
    source.write_text("*nat\n-A PREROUTING -j RETURN\nCOMMIT\n" + RULES)
    assert restore([f"--file={tmp_path / 'rules'}", str(source)], V4) == 2
    capsys.readouterr()
    assert iptables(["-t", "nat", "-S", "PREROUTING"], V4, str(tmp_path / "rules")) == 0
    assert capsys.readouterr().out == "-P PREROUTING ACCEPT\n-A PREROUTING -j RETURN\n"
    assert "*filter" not in (tmp_path / "rules").read_text()


def test_a_broken_ruleset_file_is_explained_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules"
    file.write_text(RULES)
    for words in ("-S", "-A INPUT", "-F"):
        assert iptables(words.split(), V4, str(file)) == 1
        assert capsys.readouterr().err.startswith(f'iptables: {file}:3:17: unknown option "--dprot"\n')
    assert file.read_text() == RULES


def test_listing_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    assert iptables(["-L", "-n"], V4, str(file)) == 0
    assert not file.exists()
    file.write_text("*filter\nCOMMIT\n")
    assert iptables(["-t", "nat", "-S"], V4, str(file)) == 0
    assert file.read_text() == "*filter\nCOMMIT\n"


def run(words: str, file: Path, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pyiptables", "--file", str(file), *words.split()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, **pipes)  # type: ignore[call-overload, no-any-return]


def test_concurrent_changes_all_land(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    running = [run(f"-A INPUT -s 10.0.0.{number}", file) for number in range(12)]
    assert [process.wait() for process in running] == [0] * 12
    assert file.read_text().count("-A INPUT") == 12


def test_nobody_reads_the_output(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = run("-S", tmp_path / "rules", stdout=writing)
    os.close(writing)
    assert process.communicate()[1] == b""
    assert process.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_the_output_is_full(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        process = run("-S", tmp_path / "rules", stdout=full)
        assert process.communicate()[1].endswith(b"cannot write: No space left on device\n")
    assert process.returncode == 1


def test_heavy_packages_are_not_loaded(tmp_path: Path) -> None:
    script = (
        "import sys; from pyiptables.cli.iptables import main; from pyiptables.hooks import Family\n"
        f"main(['-A', 'INPUT', '-p', 'tcp', '--dport', '22'], Family.IPV4, {str(tmp_path / 'rules')!r})\n"
        f"main(['-L', '-v'], Family.IPV4, {str(tmp_path / 'rules')!r})\n"
        "print(sorted({'click', 'rich', 'pyparsing', 'difflib', 'argparse'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
