"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tables import HOSTS

from pyiptables.testing import items
from pyiptables.testing.firewall import Firewall

pytest_plugins = ("pytester",)
ROUTER = HOSTS / "home-router"
WEB = "eth0: 198.51.100.7:41000 > 203.0.113.10:443 tcp S"
SSH = "eth0: 198.51.100.7:41000 > 203.0.113.10:2222 tcp S"

RUNS = [
    # the test file, words for pytest, exit status, what the output has
    (f'@mark\ndef test(firewall):\n    assert firewall.accepts("{WEB}")\n', "", 0, ["1 passed"]),
    (
        f'@mark\ndef test(firewall):\n    assert firewall.accepts("{SSH}")\n',
        "",
        1,
        ["NAT had changed it from", "by filter LOGDROP rule 2", "assert <DROP: 198.51.100.7:41000 > 203.0.113.10:2222"],
    ),
    (f'@mark\ndef test(firewall):\n    assert not firewall.accepts("{WEB}")\n', "", 1, ["sent out of eth1"]),
    (f'@mark\ndef test(firewall):\n    assert firewall.blocks("{SSH}")\n', "", 0, ["1 passed"]),
    (
        f'@mark\ndef test(firewall):\n    firewall.send("{WEB}").is_accepted(out="eth2", ctstate="NEW")\n',
        "",
        1,
        ["- out = eth2", "+ out = eth1", "test_it.py:5: AssertionError", "sent out of eth1"],
    ),
    (
        f'@mark\ndef test(firewall):\n    firewall.send("{WEB}").is_accepted()\n'
        '    assert firewall.accepts("reply S.")\n    firewall.wait(30)\n'
        '    firewall.send("again .").is_accepted(ctstate="ESTABLISHED")\n',
        "",
        0,
        ["1 passed"],
    ),
    (f'def test(firewall):\n    assert firewall.accepts("{WEB}")\n', f"--pyipt-ruleset {ROUTER}", 0, ["1 passed"]),
    (f'def test(firewall):\n    assert firewall.accepts("{WEB}")\n', f"-o pyipt_ruleset={ROUTER}", 0, ["1 passed"]),
    ("def test(firewall):\n    pass\n", "", 1, ["the firewall fixture wants a ruleset", "1 error"]),
    ("def test(firewall):\n    pass\n", "--pyipt-ruleset /nowhere", 1, ["there is no ruleset /nowhere"]),
    (
        f'def test(make_firewall):\n    a, b = make_firewall("{ROUTER}"), make_firewall("{ROUTER}/rules.v4", seed=3)\n'
        f'    assert a.accepts("{WEB}")\n    assert a.source is not b.source\n',
        "",
        0,
        ["1 passed"],
    ),
    (f'def test(make_firewall):\n    make_firewall("{ROUTER}", hots="x")\n', "", 1, ["a firewall has no hots"]),
    (
        f'@mark\ndef test(firewall):\n    assert firewall.accepts("{WEB}")\n    assert 1 == 2\n',
        "",
        1,
        ["assert 1 == 2\n\ntest_it.py:6: AssertionError"],
    ),
    ("def test():\n    assert 1 == 2\n", "", 1, ["assert 1 == 2"]),
]


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """What the runs need, so that it is not imported anew for each: pytester forgets what came in a run."""
    assert Firewall.of(ROUTER).accepts(WEB) and items is not None


def run_pytest(pytester: pytest.Pytester, words: str) -> tuple[int, str]:
    """A run of pytest in this process, which is quicker: its status, and what it printed."""
    done = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--color=no", *words.split()
    )
    return int(done.ret), "\n".join((*done.outlines, *done.errlines)) + "\n"


@pytest.mark.parametrize(("text", "words", "status", "said"), RUNS)
def test_run(text: str, words: str, status: int, said: list[str], pytester: pytest.Pytester) -> None:
    mark = f'import pytest\nmark = pytest.mark.firewall("{ROUTER}")\n'
    (pytester.path / "test_it.py").write_text(mark + text)
    found, printed = run_pytest(pytester, words)
    assert found == status, printed
    assert [one for one in said if one not in printed] == []


def test_toml_files_are_items(pytester: pytest.Pytester) -> None:
    text = (ROUTER / "policy.pyipt.toml").read_text().replace('snapshot = "."', f'snapshot = "{ROUTER}"')
    (pytester.path / "policy.pyipt.toml").write_text(text)
    (pytester.path / "test_more.firewall.toml").write_text(text.replace('"eth1"', '"eth2"', 1))
    (pytester.path / "test_broken.firewall.toml").write_text("snapshto = 3\n")
    (pytester.path / "other.toml").write_text("nothing of ours\n")
    status, printed = run_pytest(pytester, "policy.pyipt.toml test_more.firewall.toml -k web --no-header")
    assert status == 1, printed
    assert "- out = eth2\n+ out = eth1" in printed and "1 failed, 1 passed" in printed
    status, printed = run_pytest(pytester, "-k web")
    assert 'nothing is called "snapshto"' in printed and "did you mean snapshot?" in printed
    assert "test_broken.firewall.toml:1:" in printed
    assert run_pytest(pytester, "-o pyipt_files=nothing.toml")[0] == 5


def test_its_own_process(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(RUNS[6][0])
    call = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", *RUNS[6][1].split()]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_unused_plugin_imports_nothing(tmp_path: Path) -> None:
    program = (
        "import pytest, sys\n"
        "pytest.main(['-q'])\n"
        "print([name for name in sys.modules if name.startswith('pyiptables')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['pyiptables', 'pyiptables.testing', 'pyiptables.testing.plugin']"
