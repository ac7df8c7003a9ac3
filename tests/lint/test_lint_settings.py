"""Files of settings for ``pyipt lint``: what they change, and how one that is broken is told."""

from __future__ import annotations

import pytest
from small_rulesets import BAD, codes

from pyiptables.cli.lint import main as lint
from pyiptables.hooks import Family

CONFIGS = [
    # file, text, words, codes found in "bad"
    (".pyipt.toml", "", "", ["W103", "E001"]),
    (".pyipt.toml", '[lint]\nignore = ["W1"]\n', "", ["E001"]),
    ("pyproject.toml", '[tool.pyipt.lint]\nselect = ["W"]\n', "", ["W103"]),
    ("pyproject.toml", "[tool.other]\n", "", ["W103", "E001"]),
    (".pyipt.toml", '[lint]\nseverity = "error"\n', "", ["E001"]),
    (".pyipt.toml", '[lint]\nseverity = "error"\n', "--severity warning", ["W103", "E001"]),
    (".pyipt.toml", '[lint.severities]\nW103 = "info"\n', "", ["E001"]),
    (".pyipt.toml", '[[lint.except]]\ncodes = ["W103"]\nchain = "INP*"\n', "", ["E001"]),
    (".pyipt.toml", '[[lint.except]]\ncodes = ["W103"]\nchain = "OUTPUT"\n', "", ["W103", "E001"]),
    (".pyipt.toml", '[[lint.except]]\ncodes = ["ALL"]\nfile = "ba*"\ntable = "filter"\n', "", []),
    (".pyipt.toml", '[lint]\nignore = ["W1"]\n', "--isolated", ["W103", "E001"]),
]


@pytest.mark.parametrize(("name", "text", "words", "expected"), CONFIGS)
def test_config(name, text, words, expected, here, capsys):
    (here / name).write_text(text)
    lint(["bad", "--format", "concise", *words.split()], Family.IPV4)
    assert codes(capsys) == expected


BROKEN_CONFIGS = [
    # text, place and message, hint
    ("[lint", "1:6: is no TOML: Expected ']'", ""),
    ('[lint]\nignore = ["E"\n', "2:14: is no TOML: Unclosed array", ""),
    ("[lint]\nselct = []\n", "2:1: there is no setting selct", "did you mean select?"),
    ("[lnt]\nselect = []\n", "1:2: there is no setting lnt", "did you mean lint?"),
    ("select = []\n", "1:1: there is no setting select", "expected [lint] above the settings"),
    ('[lint]\nselect = "W"\n', "2:10: select is no list of texts", 'expected select = ["..."]'),
    ('[lint]\nselect = ["Q1"]\n', "2:12: there is no check Q1", "pyipt rule lists all of them"),
    ('[lint]\nignore = [\n  "E",\n  "W1033",\n]\n', "4:4: there is no check W1033", "did you mean W103?"),
    (
        '[lint]\nignore = ["unreachable-rul"]\n',
        "2:12: there is no check unreachable-rul",
        "did you mean unreachable-rule?",
    ),
    ('[lint]\nseverity = "loud"\n', "2:12: severity is no severity", "expected info, warning or error"),
    ('[lint.severities]\nR31 = "info"\n', "2:1: there is no check R31", "did you mean R301?"),
    ('[lint.severities]\nR301 = "inf"\n', "2:8: severities.R301 is no severity", "expected info"),
    ("[lint]\nnoflush = 1\n", "2:11: noflush is neither true nor false", ""),
    ('[lint]\nkernel = "new"\n', "2:10: kernel is no version of Linux", 'expected "6.1"'),
    ('[lint]\nformat = "html"\n', "2:10: format is none that there is", "expected one of full"),
    ('[lint]\nmust-reach = ["tpc/22"]\n', "2:16: tpc/22 is no service", "expected tcp/22"),
    ('[lint]\nrequired = ["fliter:x"]\n', "2:14: required has 'fliter:x'", "did you mean filter?"),
    ("[lint]\nbaseline = 7\n", "2:12: baseline is no text", ""),
    ('[[lint.except]]\nchain = "x"\n', "1:1: except has no codes", "expected codes"),
    (
        '[[lint.except]]\ncodes = ["E"]\n[[lint.except]]\ncodes = ["E"]\nwhy = "x"\n',
        "5:1: except has no setting why",
        "",
    ),
    ('[lint]\nexcept = [{ codes = ["Q"] }]\n', "2:23: there is no check Q", ""),
    ("lint = 1\n", "1:8: lint is no table", ""),
]


@pytest.mark.parametrize(("text", "message", "hint"), BROKEN_CONFIGS)
def test_broken_config(text, message, hint, here, capsys):
    (here / ".pyipt.toml").write_text(text)
    assert lint(["clean"], Family.IPV4) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"pyipt: .pyipt.toml:{message}") and f"\n  {hint}" in said


BROKEN_FILES = [
    ("pyproject.toml", b"tool = 3\n", 0, ""),
    ("pyproject.toml", b"[tool]\npyipt = 3\n", 2, "pyproject.toml:2:9: pyipt is no table"),
    (
        "pyproject.toml",
        b"[tool.pyipt.lint]\nignore = ['R', 'R3o1']\n",
        2,
        "pyproject.toml:2:17: there is no check R3o1",
    ),
    (".pyipt.toml", b"# \xff\n", 2, ".pyipt.toml: is no UTF-8 text (byte 2)"),
    (".pyipt.toml", b"a = " + b"[" * 5000, 2, ".pyipt.toml: is nested too deeply"),
]


@pytest.mark.parametrize(("name", "data", "status", "said"), BROKEN_FILES)
def test_broken_file_of_settings(name, data, status, said, here, capsys):
    (here / name).write_bytes(data)
    assert lint(["clean"], Family.IPV4) == status
    assert said in capsys.readouterr().err


def test_settings_name_files_from_their_own_folder(here, capsys, monkeypatch):
    inner = here / "etc" / "fw"
    inner.mkdir(parents=True)
    (inner / "bad").write_text(BAD)
    monkeypatch.chdir(inner)
    lint(["bad", "--write-baseline", "../../base.json"], Family.IPV4)
    (here / ".pyipt.toml").write_text('[lint]\nbaseline = "base.json"\n')
    assert lint(["bad"], Family.IPV4) == 0
    (here / ".pyipt.toml").write_text('[[lint.except]]\ncodes = ["ALL"]\nfile = "etc/*/bad"\n')
    assert lint(["bad"], Family.IPV4) == lint([str(inner / "bad")], Family.IPV4) == 0
