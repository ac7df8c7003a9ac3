"""The pytest plugin: a ``firewall`` fixture, and TOML files of tests as items.

    @pytest.mark.firewall("rulesets/home-router")
    def test_web(firewall):
        firewall.send("eth0: 198.51.100.7:40000 > 203.0.113.10:443 tcp S").is_accepted(rule="NAS: web")
        assert firewall.accepts("reply S.")

In pytest's configuration ``pyipt_ruleset`` names the ruleset file or snapshot folder where no marker does, and
``pyipt_files`` the patterns of TOML files that are collected. Nothing else is imported until one of these is used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyiptables.testing.firewall import Firewall
    from pyiptables.testing.items import FirewallFile

PATTERNS = ["*.pyipt.toml", "test_*.firewall.toml"]
MAKER = "make_firewall"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the lines of the configuration."""
    group = parser.getgroup("pyipt", "rulesets of iptables")
    group.addoption(
        "--pyipt-ruleset",
        metavar="PATH",
        help="the ruleset file or snapshot folder of the firewall fixture, in place of pyipt_ruleset",
    )
    parser.addini("pyipt_ruleset", "the ruleset file or snapshot folder of the firewall fixture", default="")
    parser.addini("pyipt_files", "patterns of TOML files of firewall tests", type="args", default=PATTERNS)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "firewall(path, host=None, ipset=None, rules6=None, seed=0, time=0): what the firewall fixture is made of",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> FirewallFile | None:
    """Collect TOML files of tests."""
    if file_path.suffix != ".toml":
        return None
    if not any(fnmatch(file_path.name, pattern) for pattern in parent.config.getini("pyipt_files")):
        return None
    from pyiptables.testing.items import FirewallFile

    found: FirewallFile = FirewallFile.from_parent(parent, path=file_path)
    return found


@pytest.fixture
def make_firewall(request: pytest.FixtureRequest) -> Callable[..., Firewall]:
    """Make firewalls: ``make_firewall("rulesets/home-router")``, with the keywords of the marker.

    Paths are relative to the test's own folder, or else to pytest's root folder.
    """
    from pyiptables.testing.fixture import Maker

    maker = Maker(request.config, request.path.parent)
    request.node.stash[_made] = maker.made
    return maker


@pytest.fixture
def firewall(request: pytest.FixtureRequest) -> Firewall:
    """The firewall of the marker, of ``--pyipt-ruleset``, or of ``pyipt_ruleset``; without connections at first."""
    make: Any = request.getfixturevalue(MAKER)
    marker = request.node.get_closest_marker("firewall")
    found: Firewall = make.marked(*marker.args, **marker.kwargs) if marker is not None else make.configured()
    return found


_made: pytest.StashKey[list[Firewall]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Add to a failed assertion the trace of the packet that was judged last."""
    try:
        return (yield)
    except AssertionError as error:
        judged = [made.judged for made in item.stash.get(_made, []) if made.judged is not None]
        if judged and repr(judged[-1]) in str(error):
            error.add_note("\n".join(["", *judged[-1].outcome.story()]))
        raise
