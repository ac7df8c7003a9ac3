"""``python -m pyiptables`` is ``pyipt``."""

from __future__ import annotations

import sys

from pyiptables.cli import pyipt

if __name__ == "__main__":
    sys.exit(pyipt())
