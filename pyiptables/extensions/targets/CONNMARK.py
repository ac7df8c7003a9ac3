"""``-j CONNMARK``: source extensions/libxt_CONNMARK.c and net/netfilter/xt_connmark.c."""

from __future__ import annotations

from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import RuleFacts, Services, opt
from pyiptables.extensions.kinds.marks import ALL_BITS
from pyiptables.extensions.kinds.numbers import UINT32, Integer
from pyiptables.extensions.targets._marks import OPERATIONS, XMARK, MarkTarget
from pyiptables.hooks import Verdict

SHIFT = Integer(0, 32)


class ConnmarkTarget(MarkTarget):
    """Change the connection's mark, or copy it from or to the packet's, and go on."""

    name = "CONNMARK"

    save_mark = opt("--save-mark", excludes=OPERATIONS, help="copy the packet's mark to the connection's")
    restore_mark = opt("--restore-mark", excludes=OPERATIONS, help="copy the connection's mark to the packet's")
    left_shift = opt(
        "--left-shift-mark", kind=SHIFT, default=0, help="shift what is set or copied left by so many bits"
    )
    right_shift = opt("--right-shift-mark", kind=SHIFT, default=0, help="shift what is set or copied right")
    ctmask = opt("--ctmask", kind=UINT32, excludes=("mask",), default=ALL_BITS, help="bits of the connection's mark")
    nfmask = opt("--nfmask", kind=UINT32, excludes=("mask",), default=ALL_BITS, help="bits of the packet's mark")
    mask = opt("--mask", kind=UINT32, excludes=("ctmask", "nfmask"), help="bits of both marks")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """A mask and an operation each overwrite what came before; of two shifts the last counts."""
        found: dict[str, Any] = {}
        for name, value in values.items():
            match name:
                case "mask":
                    found |= {"ctmask": value, "nfmask": value}
                case "left_shift" | "right_shift":
                    found = {key: kept for key, kept in found.items() if not key.endswith("shift")}
                    found |= {name: value} if value else {}
                case "set_xmark":
                    found |= {name: value, "ctmask": value[1]}
                case _:
                    found[name] = value
        if "set_xmark" in found:
            found["set_xmark"] = (found["set_xmark"][0], found.pop("ctmask"))
            found.pop("nfmask", None)
        else:
            found = {"ctmask": ALL_BITS, "nfmask": ALL_BITS} | found
        return found

    def check(self, facts: RuleFacts) -> None:
        """Something must be done, and a shift alone is nothing."""
        if not self.values.keys() & set(OPERATIONS):
            raise ParameterProblem("CONNMARK target: No operation specified")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """A mark has 32 bits."""
        return "a mark cannot be shifted by 32 bits" if 32 in (self.left_shift, self.right_shift) else None

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def save(self, facts: RuleFacts) -> str:
        """The operation with its masks, and the shift."""
        if self.set_xmark is not None:
            text = f" --set-xmark {XMARK.save(self.set_xmark, facts)}"
        else:
            text = f" --{self._copies}-mark --nfmask {self.nfmask:#x} --ctmask {self.ctmask:#x}"
        return text + self._shift_text("--")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``CONNMARK set 0x1``, ``CONNMARK save``, ``CONNMARK restore mask 0xff left-shift-mark 3``."""
        text = (
            XMARK.list(self.set_xmark, facts, numeric)
            if self.set_xmark is not None
            else self._copies + self._masks_text()
        )
        return f" CONNMARK {text}{self._shift_text('')}"

    @property
    def _copies(self) -> str:
        return "save" if self.save_mark else "restore"

    def _masks_text(self) -> str:
        kept, written = ("nfmask", "ctmask") if self.save_mark else ("ctmask", "nfmask")
        first, second = self.values[kept], self.values[written]
        if first == second:
            return "" if first == ALL_BITS else f" mask {first:#x}"
        return f" {kept} {first:#x} {written} ~{second:#x}"

    def _shift_text(self, dashes: str) -> str:
        for direction, bits in (("left", self.left_shift), ("right", self.right_shift)):
            if bits:
                return f" {dashes}{direction}-shift-mark {bits}"
        return ""

    def _shifted(self, mark: int) -> int:
        return int(mark << self.left_shift >> self.right_shift) & ALL_BITS

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Set or copy, and go on; nothing for a packet without a connection (connmark_tg_shift)."""
        entry = skb.nfct
        if entry is None:
            return None
        if self.set_xmark is not None:
            mark, mask = self.set_xmark
            entry.mark = self._shifted(entry.mark & ~mask ^ mark)
        elif self.save_mark:
            entry.mark = entry.mark & ~self.ctmask ^ self._shifted(skb.mark & self.nfmask)
        else:
            skb.mark = skb.mark & ~self.nfmask ^ self._shifted(entry.mark & self.ctmask)
        return None
