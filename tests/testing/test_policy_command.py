"""`pyipt test`: statuses, options, and each format with the same failures."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tables import HOSTS, called

POLICY = HOSTS / "home-router" / "policy.pyipt.toml"
BROKEN_RULE = 'destination = "192.168.1.10:8443"'


def run(words: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    if not environment:
        with contextlib.chdir(folder):
            return called("test", *words)
    environment.pop("ITS_OWN_PROCESS", None)
    return subprocess.run(
        [sys.executable, "-m", "pyiptables", "test", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(HOSTS.parent), **environment},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = POLICY.read_text().replace('snapshot = "."', f'snapshot = "{HOSTS / "home-router"}"')
    (tmp_path / "good.pyipt.toml").write_text(text)
    (tmp_path / "bad.pyipt.toml").write_text(text.replace(BROKEN_RULE, 'destination = "192.168.1.10:80"'))
    (tmp_path / "bad.pyipt.toml").touch()
    return tmp_path


CALLS = [
    # words, exit status, what standard output has, what standard error has
    ("good.pyipt.toml", 0, "15 tests: 14 passed, 1 skipped\n", ""),
    ("good.pyipt.toml -q", 0, "", ""),
    ("bad.pyipt.toml", 1, "- destination = 192.168.1.10:80\n  + destination = 192.168.1.10:8443\n", ""),
    ("bad.pyipt.toml", 1, "   ACCEPT         sent out of eth1\n\n15 tests: 13 passed, 1 failed, 1 skipped\n", ""),
    (
        "bad.pyipt.toml -q",
        1,
        "bad.pyipt.toml:4: failed: web to the NAS from outside: destination: expected 192.168.1.10:80, got ",
        "",
    ),
    ("bad.pyipt.toml -k vpn", 0, "1 test: 1 passed\n", ""),
    ("bad.pyipt.toml -k NAS --list", 0, "bad.pyipt.toml:4  web to the NAS from outside\n", ""),
    ("bad.pyipt.toml -x", 1, "1 test: 1 failed\n", ""),
    (". -v", 1, "30 tests: 27 passed, 1 failed, 2 skipped\n", ""),
    ("good.pyipt.toml -v", 0, "skipped  good.pyipt.toml:28  ssh to the NAS from outside  (the FORWARD rule", ""),
    ("good.pyipt.toml -k nowhere", 2, "", "no test has such a name"),
    ("nowhere.toml", 2, "", "nowhere.toml: cannot read it: No such file or directory"),
    ("", 2, "", "Missing argument 'FILE...'"),
    ("good.pyipt.toml --format html", 2, "", "'html' is not one of 'full'"),
    ("good.pyipt.toml -o /nowhere/report", 2, "", "cannot write /nowhere/report"),
    ("/dev/null", 2, "", "/dev/null: the file does not say which ruleset it tests"),
]


@pytest.mark.parametrize(("words", "status", "out", "err"), CALLS)
def test_call(words: str, status: int, out: str, err: str, folder: Path) -> None:
    done = run(words.split(), folder)
    assert (done.returncode, out in done.stdout, err in done.stderr) == (status, True, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "\x1b" not in done.stdout


FORMATS = [
    ("full", "FAILED bad.pyipt.toml:4  web to the NAS from outside\n"),
    ("concise", "bad.pyipt.toml:4: failed: web to the NAS from outside: "),
    ("json", '"status": "failed"'),
    ("junit", 'type="failed" message="destination: '),
    ("github", "::error file=bad.pyipt.toml,line=6,title=test-failed::web to the NAS from outside: "),
    ("gitlab", '"check_name": "test-failed"'),
    ("checkstyle", 'severity="error" message="web to the NAS from outside: destination: '),
]


@pytest.mark.parametrize(("form", "said"), FORMATS)
def test_format(form: str, said: str, folder: Path) -> None:
    done = run(["--format", form, "bad.pyipt.toml", "-o", "report"], folder)
    text = (folder / "report").read_text()
    assert (done.returncode, done.stdout, said in text) == (1, "", True), text
    if form in ("json", "gitlab"):
        json.loads(text)
    if form in ("junit", "checkstyle"):
        ElementTree.fromstring(text)


def test_its_own_process(folder: Path) -> None:
    done = run(["good.pyipt.toml"], folder, ITS_OWN_PROCESS="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "15 tests: 14 passed, 1 skipped\n", "")


def test_names_cannot_break_a_format(folder: Path) -> None:
    nasty = 'a <b> & "c" % :: , \\u0001 \\n ]]> é'
    text = (folder / "bad.pyipt.toml").read_text().replace("web to the NAS from outside", nasty.replace('"', '\\"'))
    (folder / "bad.pyipt.toml").write_text(text)
    for form in ("junit", "checkstyle"):
        root = ElementTree.fromstring(run(["--format", form, "bad.pyipt.toml"], folder).stdout)
        assert 'a <b> & "c" % :: , \ufffd ]]> é' in ElementTree.tostring(
            root, encoding="unicode", method="xml"
        ).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", '"')
    lines = run(["--format", "github", "bad.pyipt.toml"], folder).stdout.splitlines()
    assert len(lines) == 1 and " %25 :: " in lines[0]


def test_colour_only_where_it_is_wanted(folder: Path) -> None:
    for environment, coloured in (({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)):
        assert ("\x1b[" in run(["bad.pyipt.toml"], folder, **environment).stdout) is coloured
