"""Scenarios of fresh seeds, recorded from the machine's own kernel and replayed by pyipt.

The seed is the date, or ``PYIPT_SEED``; it stands in each scenario's name, and ``record_seeds.py`` records it again. A
recording that differs is kept in pytest's cache, to be replayed by ``python tests/netfilter/recorded.py FOLDER``.
"""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "netfilter")]

from oracle.areas import AREAS, scenario
from oracle.recording import record_steady
from recorded import arguments, first_difference, kernel_outcome, start_of, traced_outcome

from pyiptables.cli.trace import main
from pyiptables.hooks import Family

SEED = os.environ.get("PYIPT_SEED") or f"{datetime.now(UTC):%Y%m%d}"
TOOLS = ("ip", "iptables-legacy", "ip6tables-legacy", "ipset", "conntrack", "nft", "ethtool", "sysctl", "unshare")
TRIES = ("", "a", "b")
"""What is put behind the seed, one after the other, until the kernel repeats what it did."""
CASES = [
    pytest.param(area, family, id=f"{area}-v{family}-{SEED}") for area, one in AREAS.items() for family in one.families
]

MOST_PARTED = 0.025
LEAST = 35
AGREED: list[str] = []
PARTED: list[str] = []

pytestmark = pytest.mark.kernel


def recording(area: str, family: int, folder: Path) -> Path:
    """Record the scenario of the seed, or the next one that the kernel repeats."""
    unsteady: list[str] = []
    for more in TRIES:
        drawn = scenario(area, family, SEED + more)
        unsteady = record_steady(drawn, folder / drawn.name)
        if not unsteady:
            return folder / drawn.name
    pytest.skip(f"the kernel does not repeat itself in {', '.join(unsteady[:3])}")


@pytest.mark.parametrize(("area", "family"), CASES)
def test_as_the_kernel(
    area: str,
    family: int,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    folder = recording(area, family, tmp_path)
    results = tmp_path / "results"
    results.mkdir()
    capfd.readouterr()
    status = main(arguments(folder, results), Family.IPV6 if family == 6 else Family.IPV4)
    said = capfd.readouterr()
    if status:
        differs = f"exit status {status}: {said.err}"
    else:
        differs = first_difference(kernel_outcome(folder), traced_outcome(results, said.out, start_of(folder)))
    if differs:
        kept = pytestconfig.cache.mkdir("kernel-recordings") / folder.name
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept)
        PARTED.append(folder.name)
        pytest.xfail(f"{differs}; the recording: {kept}")
    AGREED.append(folder.name)
    shutil.rmtree(tmp_path)


def test_share_that_agrees() -> None:
    """A fresh seed may find something new, which is then kept to be mended; that much at once means that code broke."""
    total = len(AGREED) + len(PARTED)
    assert len(PARTED) <= total * MOST_PARTED, f"{len(PARTED)} of {total} differ: {', '.join(PARTED)}"
    assert total >= LEAST, f"only {total} scenarios were compared"
