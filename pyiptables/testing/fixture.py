"""Making firewalls for tests, each file being read once in a run of pytest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyiptables.errors import Error
from pyiptables.testing.firewall import Firewall
from pyiptables.testing.source import Source

_sources: pytest.StashKey[dict[tuple[Any, ...], Source]] = pytest.StashKey()


class Maker:
    """Makes firewalls from paths. ``made`` are those that it has made."""

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.made: list[Firewall] = []

    def __call__(self, path: str | Path, *, seed: int = 0, time: int = 0, **files: Any) -> Firewall:
        """A new firewall; ``host``, ``ipset`` and ``rules6`` name more files of it."""
        unknown = files.keys() - {"host", "ipset", "rules6"}
        if unknown:
            pytest.fail(
                f"a firewall has no {', '.join(sorted(unknown))}; known are host, ipset, rules6, seed, time",
                pytrace=False,
            )
        known = self.config.stash.setdefault(_sources, {})
        place = self._found(path)
        more = {name: self._found(value) if isinstance(value, (str, Path)) else value for name, value in files.items()}
        key = (
            place,
            *sorted((name, id(value) if not isinstance(value, Path) else value) for name, value in more.items()),
        )
        try:
            if key not in known:
                known[key] = Firewall.of(place, **more).source
        except Error as error:
            pytest.fail(str(error), pytrace=False)
        firewall = Firewall(known[key], seed=seed, time=time)
        self.made.append(firewall)
        return firewall

    def marked(self, *paths: str | Path, **keywords: Any) -> Firewall:
        """The firewall that a marker names; where it names no path, that of the configuration."""
        return self(paths[0] if paths else self._configured(), **keywords)

    def configured(self) -> Firewall:
        """The firewall of the command line or the configuration."""
        return self(self._configured())

    def _configured(self) -> Path:
        named = self.config.getoption("--pyipt-ruleset")
        if named:
            return Path(self.config.invocation_params.dir, named)
        named = self.config.getini("pyipt_ruleset")
        if not named:
            pytest.fail(
                'the firewall fixture wants a ruleset: mark the test with @pytest.mark.firewall("PATH"), '
                "or set pyipt_ruleset in pytest's configuration",
                pytrace=False,
            )
        return Path(self.config.rootpath if self.config.inipath is None else self.config.inipath.parent, named)

    def _found(self, path: str | Path) -> Path:
        """A path beside the test, or under pytest's root folder."""
        beside = self.folder / path
        return beside if beside.exists() else self.config.rootpath / path
