"""``-j SET``: source extensions/libxt_SET.c and net/netfilter/xt_set.c."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, Target, opt
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.extensions.kinds.sets import SET_AND_SIDES
from pyiptables.extensions.targets._services import ActionServices
from pyiptables.extensions.targets._words import without_dashes
from pyiptables.hooks import Hook, Verdict

NO_TIMEOUT = 0xFFFFFFFF
LONGEST_TIMEOUT = NO_TIMEOUT // 1000
"""Seconds that fit into 32 bits of milliseconds; more is cut to it."""
SENDING_HOOKS = frozenset({Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING})


class Timeout(Kind):
    """Seconds; 0 is for ever."""

    metavar = "seconds"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number."""
        seconds = whole_number(texts[0], 0, NO_TIMEOUT - 1)
        if seconds is None:
            raise ParameterProblem(f"Invalid value for option --timeout or out of range 0-{NO_TIMEOUT - 1}")
        return seconds


def _set_option(name: str, help: str) -> Option:
    return opt(name, kind=SET_AND_SIDES, invertible=True, once=f"{name} can be specified only once", help=help)


class SetTarget(Target):
    """Add what the packet has to a set, delete it from one, or take marks from a set's element. Goes on.

    The program reads these options by itself: flags may be repeated, the last timeout counts, and ``!`` says nothing.
    """

    name = "SET"
    needs = "the sets: --ipset, or a snapshot's ipset.save"

    add = _set_option("--add-set", "add to this set")
    exist = opt("--exist", multi=True, invertible=True, help="renew what is there already")
    timeout = opt("--timeout", kind=Timeout(), multi=True, invertible=True, help="seconds until it is deleted again")
    delete = _set_option("--del-set", "delete from this set")
    map = _set_option("--map-set", "look up in this set, and take what its element says")
    map_mark = opt("--map-mark", multi=True, invertible=True, help="the packet's mark")
    map_prio = opt("--map-prio", multi=True, invertible=True, help="its priority")
    map_queue = opt("--map-queue", multi=True, invertible=True, help="the queue that it leaves by")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        super().__init__(values)

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """Of several uses the last counts."""
        return {name: value[-1:] if cls.options[name].multi else value for name, value in values.items()}

    def check(self, facts: RuleFacts) -> None:
        """One of the three at least, and nothing without what it belongs to."""
        given = self.values.keys()
        if not given & {"add", "delete", "map"}:
            raise ParameterProblem("You must specify either `--add-set' or `--del-set' or `--map-set'")
        for kind, name, owner in (("Flag", "exist", "add"), ("Option", "timeout", "add")):
            if name in given and owner not in given:
                raise ParameterProblem(f"{kind} `--{name}' can be used with `--{owner}-set' only")
        flags = [
            option for option in (type(self).map_mark, type(self).map_prio, type(self).map_queue) if self.has(option)
        ]
        if flags and "map" not in given:
            raise ParameterProblem(f"Flag `{flags[0].names[0]}' can be used with `--map-set' only")
        if "map" in given and not flags:
            raise ParameterProblem("You must specify flags `--map-mark' or '--map-prio` or `--map-queue'")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """Packets are changed in the mangle table."""
        return "--map-set belongs in the mangle table" if self.map and facts.table != "mangle" else None

    def allowed_hooks(self) -> frozenset[Hook] | None:
        """A priority or a queue is of use where the packet is sent."""
        return SENDING_HOOKS if self.map_prio or self.map_queue else None

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``add-set seen src exist timeout 60``."""
        return without_dashes(self, facts)

    def apply(self, skb: Any, state: None, services: ActionServices) -> Verdict | None:
        """Add, then delete, then look up (set_target_v3)."""
        if self.add is not None:
            timeout = min(self.timeout[0], LONGEST_TIMEOUT) if self.timeout else None
            services.set_add(skb, self.add, exist=bool(self.exist), timeout=timeout)
        if self.delete is not None:
            services.set_delete(skb, self.delete)
        values = services.set_values(skb, self.map) if self.map is not None else None
        if values is not None and self.map_mark:
            skb.mark = skb.mark & ~values.mark_mask ^ values.mark
        if values is not None and self.map_prio:
            skb.priority = values.priority or 0
        return None
