"""A network namespace of its own for the programs whose rules live in the kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def usable() -> bool:
    """Whether there can be one: as root, with iproute2, util-linux and iptables."""
    return os.geteuid() == 0 and all(map(shutil.which, ("ip", "nsenter", "iptables-legacy-restore")))


@contextmanager
def namespace() -> Iterator[tuple[str, ...]]:
    """A new namespace: the words to put before a command that shall run in it."""
    name = f"pyipt-bench-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield ("nsenter", f"--net={Path('/run/netns') / name}")
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
