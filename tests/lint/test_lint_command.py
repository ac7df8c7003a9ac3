"""``pyipt lint`` and ``pyipt rule`` from end to end: statuses, suppressions, baseline, fixes, hosts, the manual."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_rulesets import BAD, BITS, CLEAN, codes

from pyiptables.cli.lint import main as lint
from pyiptables.cli.rule import main as rule
from pyiptables.hooks import Family
from pyiptables.lint.check import all_checks
from pyiptables.lint.pages import manual, page_text, title

ROOT = Path(__file__).parents[2]
STATUSES = [
    ("clean", 0),
    ("bad", 1),
    ("bad --exit-zero", 0),
    ("nothing-there", 2),
    ("clean nothing-there", 2),
    ("bad --select Z9", 2),
    ("bad --config nothing-there", 2),
    ("bad --severity grave", 2),
    ("", 2),
    ("bad --ignore E,W", 0),
    ("bits --severity error", 0),
    ("bits --select W103", 1),
    ("bits --select host-bits", 1),
    ("bits --select E", 0),
    ("empty", 0),
    ("empty --select S203", 1),
    ("empty --severity info", 1),
    ("empty --extend-select S2", 1),
    ("empty --severity info --ignore S", 0),
    ("clean --profile cis", 1),
    ("bits --diff", 1),
    ("clean --diff", 0),
    ("bits --fix", 0),
    ("bad --statistics", 1),
    (".", 2),
]


@pytest.mark.parametrize(("words", "status"), STATUSES)
def test_status(words, status, here, capsys):
    assert lint(words.split(), Family.IPV4) == status


SUPPRESSED = [
    # text, codes left
    ("# pyipt: ignore[W103] the gateway\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", []),
    ("# pyipt: ignore[W] the gateway\n# and more\n\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", []),
    ("# pyipt: ignore the gateway\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", []),
    ('-A INPUT -s 10.1.2.3/8 -m comment --comment "gw pyipt: ignore[W103] the gateway" -j ACCEPT', []),
    ("# pyipt: ignore[W103,R303]\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", ["X002"]),
    ("# pyipt: ignore[R303] why\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", ["W103", "X001"]),
    ("# pyipt: ignore[R303,X001] why\n-A INPUT -s 10.0.0.0/8 -j ACCEPT", []),
    ("# pyipt: ignore-file[W103] why\n-A INPUT -j LOG\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", []),
    ("# pyipt: ignore[W103] why\n-A INPUT -j LOG\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", ["W103", "X001"]),
    ("# pyipt: ignore[E001] a new iptables\n-A INPUT -p tcp --dprt 22", []),
    ("# pyipt: ignore[host-bits] the gateway\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", []),
    ("# pyipt: ignore[W193] the gateway\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", ["W103", "X001"]),
    ("# pyipt: ignoring nothing\n-A INPUT -s 10.1.2.3/8 -j ACCEPT", ["W103"]),
]


@pytest.mark.parametrize(("text", "left"), SUPPRESSED)
def test_suppressed(text, left, here, capsys):
    (here / "rules").write_text(f"*filter\n{text}\nCOMMIT\n")
    lint(["rules", "--format", "concise"], Family.IPV4)
    assert sorted(codes(capsys)) == sorted(left)


def test_suppression_in_a_script(here, capsys):
    (here / "fw.sh").write_text(
        "#!/bin/sh\niptables -A INPUT -s 10.1.2.3/8 -j DROP # pyipt: ignore[W103] the gateway\n"
    )
    assert lint(["fw.sh"], Family.IPV4) == 0
    assert "1 suppressed" in capsys.readouterr().out


def test_baseline(here, capsys):
    assert lint(["bad", "--write-baseline", "base.json"], Family.IPV4) == 0
    assert lint(["bad", "--baseline", "base.json"], Family.IPV4) == 0
    assert "2 in the baseline" in capsys.readouterr().out
    (here / "bad").write_text(BAD.replace("*filter\n", "*filter\n# moved\n-A INPUT -s 10.1.2.4/8 -j ACCEPT\n"))
    assert lint(["bad", "--baseline", "base.json", "--format", "concise"], Family.IPV4) == 1
    assert codes(capsys) == ["W103"]
    (here / ".pyipt.toml").write_text('[lint]\nbaseline = "base.json"\n')
    assert lint(["bits"], Family.IPV4) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1, "findings": {"a": "b"}}', '{"version": 2, "findings": {}}']
)
def test_broken_baseline(text, here, capsys):
    (here / "base.json").write_text(text)
    assert lint(["bad", "--baseline", "base.json"], Family.IPV4) == 2
    assert "base.json" in capsys.readouterr().err


def test_fix_and_diff(here, capsys):
    before = (here / "bits").read_text()
    assert lint(["bits", "--diff"], Family.IPV4) == 1
    out = capsys.readouterr().out
    assert "--- bits\n+++ bits\n" in out and "+-A INPUT -s 10.0.0.0/8 -j ACCEPT\n" in out
    assert (here / "bits").read_text() == before
    subprocess.run(["patch", "-s", "bits"], input=out, text=True, check=True)
    patched = (here / "bits").read_text()
    (here / "bits").write_text(before)
    assert lint(["bits", "--fix"], Family.IPV4) == 0
    assert (here / "bits").read_text() == patched == BITS.replace("10.1.2.3/8", "10.0.0.0/8")


def test_standard_input_is_mended_to_standard_output(here, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BITS.encode())))
    assert lint(["-", "--fix"], Family.IPV4) == 0
    said = capsys.readouterr()
    assert said.out == BITS.replace("10.1.2.3/8", "10.0.0.0/8")
    assert "1 mended" in said.err and "Nothing found" in said.err


def test_fix_keeps_what_it_does_not_mend(here):
    raw = b'*filter\n-A INPUT -m comment --comment "\xff\xfe" -s 10.1.2.3/8 -j ACCEPT\nCOMMIT\n'
    (here / "odd").write_bytes(raw)
    lint(["odd", "--fix"], Family.IPV4)
    assert (here / "odd").read_bytes() == raw.replace(b"10.1.2.3/8", b"10.0.0.0/8")


def test_reports_are_written_beside(here, capsys):
    words = ["bad", "--format", "concise", "--report", "sarif", "a.sarif", "--report", "full", "a.txt"]
    assert lint(words, Family.IPV4) == 1
    assert codes(capsys) == ["W103", "E001"]
    assert len(json.loads((here / "a.sarif").read_text())["runs"][0]["results"]) == 2
    assert "warning[W103]" in (here / "a.txt").read_text()
    assert lint(["bad", "--report", "html", "a"], Family.IPV4) == 2


def test_statistics(here, capsys):
    assert lint(["bad", "bits", "--statistics"], Family.IPV4) == 1
    assert capsys.readouterr().out == "     2 W103 warning host-bits\n     1 E001 error   unknown-word\n"
    lint(["bits", "--statistics", "--format", "json"], Family.IPV4)
    assert json.loads(capsys.readouterr().out) == [
        {"code": "W103", "name": "host-bits", "severity": "warning", "count": 1}
    ]


COLOURS = [
    # environment, whether there is colour where standard output is no terminal
    ({}, False),
    ({"FORCE_COLOR": "1"}, True),
    ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
]


@pytest.mark.parametrize(("environment", "colour"), COLOURS)
def test_colour(environment, colour, here, capsys, monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    lint(["bad"], Family.IPV4)
    assert ("\x1b[" in capsys.readouterr().out) is colour


def test_snapshots_are_hosts_of_their_own(here, capsys):
    for name, rules, text in (
        ("one", "rules.v4", CLEAN),
        ("two", "rules.v6", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"),
    ):
        shutil.copytree(ROOT / "rulesets" / "home-router", here / name, ignore=lambda *_: ["rules.v4", "rules.v6"])
        (here / name / rules).write_text(text)
    lint(["one/rules.v4", "two/rules.v6", "--format", "concise", "--select", "V"], Family.IPV4)
    assert codes(capsys) != []
    lint(["one", "two", "--format", "concise", "--select", "V"], Family.IPV4)
    assert codes(capsys) == []


HOSTS = [
    # names of files, what they hold, how many hosts: a chain that is referenced in another file of the same table counts
    (("rules.v4", "rules.v6"), 1),
    (("a.v4", "a.v6", "b.v4", "b.v6"), 2),
    (("iptables.rules", "ip6tables.rules", "other.rules"), 2),
]


@pytest.mark.parametrize(("names", "count"), HOSTS)
def test_hosts(names, count, here):
    from pyiptables.lint.sources import hosts, read_source

    text = {
        False: "*filter\n-A INPUT -s 192.0.2.1 -j DROP\nCOMMIT\n",
        True: "*filter\n-A INPUT -s 2001:db8::1 -j DROP\nCOMMIT\n",
    }
    sources = [read_source(name, None, text["6" in name]) for name in names]
    assert len(hosts(sources)) == count
    assert len(hosts(sources, apart=True)) == len(names)


FAMILIES = [
    ("rules", "-A INPUT -s 192.0.2.1 -j DROP", "ipv4"),
    ("rules", "-A INPUT -s 2001:db8::1 -j DROP", "ipv6"),
    ("rules.v6", "-A INPUT -p tcp --dport 22 -j DROP", "ipv6"),
    ("ip6tables.rules", "-A INPUT -p tcp --dport 22 -j DROP", "ipv6"),
    ("rules.v6", "-A INPUT -s 192.0.2.1 -j DROP", "ipv4"),
    ("x", "-A INPUT -j REJECT --reject-with icmp6-adm-prohibited", "ipv6"),
    ("x", "-A INPUT -j REJECT --reject-with icmp-admin-prohibited", "ipv4"),
    ("net-2016.rules", "-A INPUT -p tcp --dport 22 -j DROP", "ipv4"),
]


@pytest.mark.parametrize(("name", "line", "family"), FAMILIES)
def test_family(name, line, family, here, capsys):
    (here / name).write_text(f"*filter\n-A INPUT -p tcp\n{line}\nCOMMIT\n")
    lint([name, "--select", "S204", "--format", "json"], Family.IPV4)
    assert [each["family"] for each in json.loads(capsys.readouterr().out)] == [family]


def test_family_can_be_said(here):
    (here / "x").write_text("*filter\n-A INPUT -s 192.0.2.1 -j DROP\nCOMMIT\n")
    assert lint(["x"], Family.IPV4) == 0
    assert lint(["x", "-6"], Family.IPV4) == 1
    assert lint(["x"], Family.IPV6) == 1


def test_snapshot_folder(here, capsys):
    folder = ROOT / "rulesets" / "home-router"
    assert lint([str(folder), "--format", "concise"], Family.IPV4) in (0, 1)
    assert "is no snapshot" not in capsys.readouterr().err


def test_standard_input(here):
    command = [sys.executable, "-m", "pyiptables", "lint", "-", "--format", "concise"]
    done = subprocess.run(command, input=BITS, text=True, capture_output=True, check=False, cwd=here)
    assert (done.returncode, done.stdout.split(": ")[0]) == (1, "<stdin>:2:13")
    assert done.stderr == ""


def test_colour_only_on_a_terminal(here, capsys, monkeypatch):
    lint(["bad"], Family.IPV4)
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    lint(["bad"], Family.IPV4)
    assert "\x1b[31m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    lint(["bad"], Family.IPV4)
    assert "\x1b" not in capsys.readouterr().out


def test_rule_pages(capsys):
    assert rule([], Family.IPV4) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table] == [check.code for check in all_checks()]
    assert rule(["w103", "old-negation"], Family.IPV4) == 0
    out = capsys.readouterr().out
    assert "W103 host-bits" in out and "E011 old-negation" in out
    assert rule(["W13"], Family.IPV4) == 1
    assert "did you mean" in capsys.readouterr().err


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.code)
def test_every_check_has_a_page(check):
    text = page_text(check)
    assert title(check).endswith(".") and len(title(check)) < 130
    assert all(f"\n{heading}:\n    " in text for heading in ("Bad", "Good", "Suppress when"))
    assert check.name == check.name.lower() and " " not in check.name


def test_codes_and_names_are_unique():
    assert (
        len({check.name for check in all_checks()}) == len({check.code for check in all_checks()}) == len(all_checks())
    )


def test_manual_is_up_to_date():
    """``pyipt rule --manual --output man/pyipt-lint.7`` brings it up to date."""
    assert (ROOT / "man" / "pyipt-lint.7").read_text(encoding="utf-8") == manual()


TRACED = [
    # files, words for lint, what the trace says (the rule that decides)
    ({"a b.v4": CLEAN.replace("COMMIT", "-A INPUT -s 192.0.2.1 -p tcp --dport 22 -j DROP\nCOMMIT")}, "", "ACCEPT"),
    (
        {
            "it's.v6": "*filter\n-A INPUT -s 2001:db8::/32 -j DROP\n-A INPUT -s 2001:db8::1 -p udp --dport 53 -j ACCEPT\nCOMMIT\n"
        },
        "",
        "by filter INPUT rule 1",
    ),
    (
        {
            "rules.v4": CLEAN.replace("COMMIT", "-A INPUT -s 192.0.2.1 -p tcp --dport 22 -j DROP\nCOMMIT"),
            "rules.v6": CLEAN.replace("COMMIT", "-A INPUT -s 2001:db8::1 -p tcp --dport 22 -j DROP\nCOMMIT"),
        },
        "",
        "ACCEPT",
    ),
    (
        {
            "rules.v4": "*filter\n-A INPUT -p udp -m set --match-set bad src -j DROP\n-A INPUT -s 192.0.2.0/24 -j DROP\n"
            "-A INPUT -s 192.0.2.7 -p tcp -j ACCEPT\nCOMMIT\n",
            "sets": "create bad hash:net\nadd bad 192.0.2.0/24\n",
        },
        "--ipset sets",
        "by filter INPUT rule 2",
    ),
]


@pytest.mark.parametrize(("files", "words", "said"), TRACED)
def test_trace_is_a_call_that_runs(files, words, said, here, capsys):
    for name, text in files.items():
        (here / name).write_text(text)
    lint([*(name for name in files if name != "sets"), *words.split()], Family.IPV4)
    calls = [line.split("trace: ")[1] for line in capsys.readouterr().out.splitlines() if "    trace: " in line]
    assert len(calls) == sum(name != "sets" for name in files)
    for call in calls:
        program, *rest = shlex.split(call)
        assert program == "pyipt"
        done = subprocess.run([sys.executable, "-m", "pyiptables", *rest], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and said in done.stdout, call + done.stdout + done.stderr


def test_no_trace_is_named_where_one_file_is_not_all(here, capsys):
    (here / "fw.sh").write_text("#!/bin/sh\niptables -A INPUT -j DROP\niptables -A INPUT -p udp -j ACCEPT\n")
    lint(["fw.sh"], Family.IPV4)
    assert "    packet: " in (said := capsys.readouterr().out) or "trace:" not in said
