"""`pyipt diff`: sets of packets whose fate changes, each with a packet whose trace shows it, and the rules responsible."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tables import HOSTS, blocks
from test_claims import ruleset_text

from pyiptables.hooks import Family
from pyiptables.testing.differing import Change, Differing
from pyiptables.testing.source import Source


def written(text: str, folder: Path) -> tuple[Path, Path]:
    old, _, new = text.partition("---\n")
    (folder / "old.v4").write_text(ruleset_text(old))
    (folder / "new.v4").write_text(ruleset_text(new))
    return folder / "old.v4", folder / "new.v4"


def changes_of(text: str, folder: Path) -> list[Change]:
    old, new = written(text, folder)
    return list(Differing(Source(rules=old), Source(rules=new), Family.IPV4).changes())


@pytest.mark.parametrize(
    ("said", "text"), [pytest.param(head, text, id=f"line {line}") for line, head, text in blocks("diffs.txt")]
)
def test_changes(said: str, text: str, tmp_path: Path) -> None:
    changes = changes_of(text, tmp_path)
    expected = [one.rsplit(": ", 1) for one in said.split(" ; ") if one]
    assert sorted(change.title for change in changes) == sorted(head for head, _ in expected)
    for head, packets in expected:
        found = [change for change in changes if change.title == head]
        assert any(change.packets.startswith(packets) for change in found), [change.packets for change in found]
    assert [change.witness for change in changes if not change.confirmed and "perhaps" not in head_of(change)] == []


def head_of(change: Change) -> str:
    return f"{change.before} {change.after}"


def run(*words: str, command: str = "diff") -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "pyiptables", command, *words]
    return subprocess.run(call, capture_output=True, text=True, check=False)


CHANGED = ":INPUT DROP\n---\n:INPUT DROP\n-A INPUT -p tcp --dport 8080 -j ACCEPT\n"


def test_command(tmp_path: Path) -> None:
    old, new = (str(path) for path in written(CHANGED, tmp_path))
    done = run(old, new)
    assert done.returncode == 1 and done.stdout.startswith("INPUT: DROP -> ACCEPT\n"), done.stderr
    assert "  old      -P INPUT DROP (policy of filter INPUT)\n" in done.stdout
    assert "  new      -A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT (filter INPUT rule 1)\n\n1 change\n" in done.stdout
    (change,) = json.loads(run("--format", "json", old, new).stdout)["changes"]
    assert (change["hook"], change["after"], change["confirmed"]) == ("INPUT", "ACCEPT", True)
    github = run("--format", "github", old, new).stdout
    assert github.startswith(f"::warning file={new},title=diff-verdict::INPUT: DROP -> ACCEPT: tcp/8080%0A")
    same = run(old, old)
    assert (same.returncode, same.stdout) == (0, "no packet fares otherwise\n")
    missing = run(old, str(tmp_path / "nowhere"))
    assert (missing.returncode, "there is no ruleset" in missing.stderr) == (2, True)
    broken = tmp_path / "broken"
    broken.write_text("*filter\n-A INPUT -p tpc -j DROP\nCOMMIT\n")
    assert run(old, str(broken)).returncode == 2


QUERIES = [
    # words, status, what the output has
    ("services", 0, "INPUT: who may begin to talk\n  service            in\n  anything           eth1\n"),
    ("reach PORTFORWARD 2", 0, "tcp/2222 (NEW)  192.168.1.10  eth0"),
    ("reach --rule nothing", 2, "there is no rule 'nothing'"),
    ("reach --rule NAS:_wbe", 2, "did you mean NAS: web?"),
    ("reach INPUT 77", 2, "there is no rule"),
    ("reach INPUT", 2, "expected CHAIN and the rule's NUMBER"),
    ("reach -t nat POSTROUTING 2", 0, "packets that match it, by POSTROUTING"),
    ("accepted FORWARD", 0, "accepted at FORWARD"),
    ("accepted INPTU", 2, "expected one of PREROUTING"),
    ("services --format json", 0, '"service": "icmp/echo-request"'),
]


@pytest.mark.parametrize(("words", "status", "said"), QUERIES)
def test_query(words: str, status: int, said: str) -> None:
    split = [word.replace("_", " ") for word in words.split()]
    done = run("--snapshot", str(HOSTS / "home-router"), *split, command="query")
    assert (done.returncode, said in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
