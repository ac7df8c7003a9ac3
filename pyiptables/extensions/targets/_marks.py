"""What MARK and CONNMARK share: five ways to say which bits to clear and which to flip."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import RuleFacts, Target, opt
from pyiptables.extensions.kinds.marks import ALL_BITS, MarkMask
from pyiptables.extensions.kinds.numbers import UINT32

OPERATIONS = ("set_mark", "save_mark", "restore_mark", "and_mark", "or_mark", "xor_mark", "set_xmark")
"""Of these one target has only one, and only CONNMARK has the second and third."""


class Xmark(MarkMask):
    """A pair: the bits to flip, and the bits to clear before."""

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``0xV/0xM``, always with the mask."""
        return f"{value[0]:#x}/{value[1]:#x}"

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """``and 0xff``, ``or 0x1``, ``xor 0x1``, ``set 0x1`` or ``xset 0x1/0x3``: the simplest that does it."""
        mark, mask = value
        if not mark:
            return f"and {mask ^ ALL_BITS:#x}"
        if mark == mask:
            return f"or {mark:#x}"
        if not mask:
            return f"xor {mark:#x}"
        return f"set {mark:#x}" if mask == ALL_BITS else f"xset {self.save(value, facts)}"


XMARK = Xmark()


class MarkTarget(Target):
    """A target that changes a mark; the value of ``set_xmark`` is what all five say."""

    set_xmark = opt(
        "--set-xmark", kind=XMARK, excludes=OPERATIONS, help="clear the bits of the mask, flip those of the value"
    )
    set_mark = opt(
        "--set-mark", kind=XMARK, excludes=OPERATIONS, to="set_xmark",
        convert=lambda given: (given[0], given[0] | given[1]), help="clear the mask's bits, set the value's",
    )  # fmt: skip
    and_mark = opt(
        "--and-mark", kind=UINT32, excludes=OPERATIONS, to="set_xmark",
        convert=lambda bits: (0, bits ^ ALL_BITS), help="clear all other bits",
    )  # fmt: skip
    or_mark = opt(
        "--or-mark", kind=UINT32, excludes=OPERATIONS, to="set_xmark",
        convert=lambda bits: (bits, bits), help="set the bits",
    )  # fmt: skip
    xor_mark = opt(
        "--xor-mark", kind=UINT32, excludes=OPERATIONS, to="set_xmark",
        convert=lambda bits: (bits, 0), help="flip the bits",
    )  # fmt: skip
