"""Tests against the kernel need root and tools: they skip with the reason, or fail where they are required to run."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRED = os.environ.get("PYIPT_KERNEL_TESTS") == "required"


@pytest.fixture(autouse=True, scope="module")
def _able(request: pytest.FixtureRequest) -> None:
    """``TOOLS`` of a module are the programs it runs; ``LOG`` (true unless said) is whether it reads the kernel's log."""
    module = request.module
    missing = [tool for tool in module.TOOLS if not shutil.which(tool)]
    if os.geteuid() != 0:
        unable("needs root")
    if missing:
        unable(f"{', '.join(missing)}: not there")
    if getattr(module, "LOG", True) and not os.access("/dev/kmsg", os.R_OK):
        unable("/dev/kmsg cannot be read")


def unable(reason: str) -> None:
    """Skip for that reason, or fail."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)
