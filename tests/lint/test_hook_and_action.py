"""The pre-commit hooks and the GitHub action, run in a repository as their runners would: red, then mended, then green."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACTION = (ROOT / "action.yml").read_text()
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text()
RED = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -s 192.0.2.1 -p tcp --dport 22 -j DROP\nCOMMIT\n"
GREEN = RED.replace("-A INPUT -s 192.0.2.1 -p tcp --dport 22 -j DROP\n", "")
BITS = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.1.2.3/8 -j ACCEPT\nCOMMIT\n"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@pytest.fixture
def repository(tmp_path):
    """A folder with a ruleset in it, and a program pyipt beside it."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "rules.v4").write_text(RED)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "pyipt"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m pyiptables "$@"\n'
    )
    program.chmod(0o755)
    return folder


def called(words, folder, **environment):
    path = f"{folder.parent / 'bin'}:{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "NO_COLOR")}
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env={**kept, "PATH": path, **environment}
    )


# the action


def script():
    """The lines of the action's last step, as bash gets them."""
    lines = ACTION.partition("      run: |\n")[2].split("\n")
    return "\n".join(line.removeprefix("        ") for line in lines)


def inputs():
    """The action's inputs with their defaults, None for those that must be given."""
    block = ACTION.partition("\ninputs:\n")[2].partition("\noutputs:")[0]
    found = {}
    for name, body in re.findall(r"^  ([\w-]+):\n((?:    .*\n?)+)", block, re.MULTILINE):
        default = re.search(r'^    default: "?(.*?)"?$', body, re.MULTILINE)
        found[name] = default[1] if default else None
    return found


def acted(folder, **given):
    """The action as GitHub runs it, with some inputs: the run, its outputs, its summary."""
    values = {name: given.get(name, default) for name, default in inputs().items()}
    assert None not in values.values() and not given.keys() - values.keys()
    names = re.findall(r"^        (\w+): \$\{\{ inputs\.([\w-]+) \}\}", ACTION, re.MULTILINE)
    output, summary = folder.parent / "output", folder.parent / "summary"
    for file in (output, summary):
        file.write_text("")
    environment = {key: values[name] for key, name in names}
    environment |= {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(folder)}
    done = called(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script()], folder, **environment)
    return done, output.read_text(), summary.read_text()


def test_action_is_red_and_then_green(repository):
    done, output, summary = acted(repository, paths="rules.v4")
    assert (done.returncode, output) == (1, "status=1\n"), done.stderr
    assert done.stdout.startswith("::error file=rules.v4,line=4,") and len(done.stdout.splitlines()) == 1
    assert "error[R301]" in summary and all(line.startswith("    ") for line in summary.splitlines()[2:])
    (repository / "rules.v4").write_text(GREEN)
    done, output, summary = acted(repository, paths="rules.v4")
    assert (done.returncode, done.stdout, output, summary) == (0, "", "status=0\n", "")


ACTED = [
    # inputs, status, what standard output has, what standard error has
    ({"paths": "*.v4"}, 1, "::error file=rules.v4,", ""),
    ({"paths": "*.v4\nrules.v6"}, 2, "::error file=rules.v4,", "cannot read rules.v6"),
    ({"paths": "etc/*.rules"}, 2, "", "cannot read etc/*.rules"),
    ({"paths": "rules.v4", "args": "--ignore R*"}, 2, "", "there is no check R*"),
    ({"paths": "rules.v4", "args": "--ignore R --severity error"}, 0, "", ""),
    ({"paths": "rules.v4", "args": "--exit-zero"}, 0, "::error file=", ""),
    ({"paths": "rules.v4", "format": "concise"}, 1, "rules.v4:4:1: R301 ", ""),
    ({"paths": "rules.v4", "format": "html"}, 2, "", "'html' is not one of"),
    ({"paths": "$(touch hacked) ;touch hacked `touch hacked`"}, 2, "", "cannot read"),
    ({"paths": "rules.v4", "args": "$(touch hacked)"}, 2, "", ""),
]


@pytest.mark.parametrize(("given", "status", "out", "err"), ACTED)
def test_action(given, status, out, err, repository):
    done, output, _ = acted(repository, **given)
    assert (done.returncode, output) == (status, f"status={status}\n")
    assert out in done.stdout and err in done.stderr and "Traceback" not in done.stderr
    assert sorted(path.name for path in repository.iterdir()) == ["rules.v4"]


def test_action_writes_sarif(repository):
    done, _, _ = acted(repository, paths=str(repository / "rules.v4"), sarif="a b.sarif")
    (found,) = json.loads((repository / "a b.sarif").read_text())["runs"][0]["results"]
    where = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert (done.returncode, found["ruleId"], where) == (1, "R301", "rules.v4")
    assert "file=rules.v4," in done.stdout


# the hooks


def hooks():
    """The hooks: what is run, and which files, by name."""
    found = {}
    for block in HOOKS.split("- id: ")[1:]:
        values = dict(re.findall(r"^  (\w+): (.*)$", block, re.MULTILINE))
        found[block.partition("\n")[0]] = (values["entry"], re.compile(values["files"]))
    return found


def hooked(name, folder):
    """A hook as pre-commit runs it: its words, then the files that it is about."""
    entry, files = hooks()[name]
    wanted = [path.name for path in sorted(folder.iterdir()) if files.search(path.name)]
    return called([*shlex.split(entry), *wanted], folder)


def test_hook_is_red_and_then_green(repository):
    (repository / "other.txt").write_text("nothing of ours\n")
    done = hooked("pyipt-lint", repository)
    assert done.returncode == 1 and done.stdout.startswith("rules.v4:4:1: R301 "), done.stderr
    (repository / "rules.v4").write_text(GREEN)
    done = hooked("pyipt-lint", repository)
    assert (done.returncode, done.stdout) == (0, "")


def test_hook_mends(repository):
    (repository / "rules.v4").write_text(BITS)
    assert hooked("pyipt-lint-fix", repository).returncode == 0
    assert (repository / "rules.v4").read_text() == BITS.replace("10.1.2.3/8", "10.0.0.0/8")


FILES = [
    ("rules.v4", True),
    ("etc/iptables/rules.v6", True),
    ("iptables.rules", True),
    ("ip6tables-save.save", True),
    ("hosts/Firewall.sh", True),
    ("home.iptables", True),
    ("rules.v4.orig", False),
    ("README.md", False),
    ("deploy.sh", False),
    ("my.rules.v4.txt", False),
]


@pytest.mark.parametrize(("file", "wanted"), FILES)
def test_files_of_the_hooks(file, wanted):
    assert [bool(files.search(file)) for _, files in hooks().values() if files.search("rules.v4")] == [wanted] * 2


# the documents


def test_readme_shows_what_is_there():
    text = (ROOT / "README.md").read_text()
    for name in re.findall(r"\{ id: ([\w-]+) \}", text):
        assert name in hooks()
    (given,) = re.findall(r"- uses: OWNER/pyiptables@REVISION\n +with: \{ (.*) \}", text)
    assert {each.partition(":")[0] for each in given.split(", ")} <= inputs().keys()


def test_readme_shows_what_is_printed():
    text = (ROOT / "README.md").read_text().partition("    $ pyipt lint rulesets/home-router\n")[2]
    shown = "".join(f"{line[4:]}\n" for line in text.partition("\n\n")[0].split("\n"))
    words = [sys.executable, "-m", "pyiptables", "lint", "rulesets/home-router"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(shown) and shown.startswith("rulesets/home-router/rules.v4:54:")
