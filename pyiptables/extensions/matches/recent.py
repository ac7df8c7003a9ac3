"""``-m recent``: source extensions/libxt_recent.c and net/netfilter/xt_recent.c."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, Option, RuleFacts, Services, opt
from pyiptables.extensions.kinds.host import HOST
from pyiptables.extensions.kinds.numbers import UINT32, Integer
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.extensions.matches._jiffies import jiffies
from pyiptables.extensions.matches._recent import Host, RecentList
from pyiptables.extensions.matches.limit import HZ

MOST_HITS = 65_535
DEEDS = ("set", "rcheck", "update", "remove")
WORDS = {"set": "SET", "rcheck": "CHECK", "update": "UPDATE", "remove": "REMOVE"}
WORD = 0xFFFFFFFF


def _deed(name: str, text: str) -> Option:
    return opt(f"--{name}", invertible=True, excludes=DEEDS, help=text)


class RecentMatch(Match):
    """Match hosts that a list remembers, and change the list."""

    name = "recent"
    stateful = True

    set = _deed("set", "put the host on the list; matches always")
    rcheck = _deed("rcheck", "match a host on the list")
    update = _deed("update", "the same, and note that it was seen again")
    remove = _deed("remove", "the same, and take it off")
    seconds = opt("--seconds", kind=Integer(1, WORD, "seconds"), help="only if it was seen in the last so many seconds")
    reap = opt("--reap", also=("seconds",), help="take a host off that was not seen for so long")
    hits = opt("--hitcount", kind=UINT32, neutral=0, default=0, help="only if it was seen so often")
    ttl = opt("--rttl", excludes=("set", "remove"), help="only if it has the same TTL")
    list_name = opt("--name", kind=PlainText(199), default="DEFAULT", help="name of the list")
    source = opt("--rsource", to="side", convert=lambda _: "source", help="the packet's source, as it is without this")
    destination = opt("--rdest", to="side", convert=lambda _: "dest", help="the packet's destination")
    mask = opt("--mask", kind=HOST, help="mask for the addresses")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        super().__init__(values, frozenset({"deed"}) if inverted else inverted)

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """The deed by its name, and what is left out."""
        deed = next((name for name in DEEDS if name in values), None)
        if deed is None:
            raise ParameterProblem("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'")
        found = {name: value for name, value in values.items() if name not in DEEDS}
        return {"list_name": "DEFAULT", "side": "source", "mask": (1 << facts.family.bits) - 1, **found, "deed": deed}

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """A name for a file, and conditions only where something is asked."""
        name = self.list_name
        if not name or name in (".", "..") or "/" in name:
            return f"{name!r} cannot be the name of a list"
        if self.hits > MOST_HITS:
            return f"a host is remembered {MOST_HITS} times at most"
        changes = self.values["deed"] in ("set", "remove")
        return "--set and --remove take no condition" if changes and (self.seconds or self.hits or self.reap) else None

    def save(self, facts: RuleFacts) -> str:
        """The deed, its conditions, the list."""
        seconds = f" --seconds {self.seconds}" if self.seconds else ""
        hits = f" --hitcount {self.hits}" if self.hits else ""
        return (
            f"{' !' if self.inverted else ''} --{self.values['deed']}{seconds}{' --reap' if self.reap else ''}{hits}"
            f"{' --rttl' if self.ttl else ''} --name {self.list_name} --mask {HOST.save(self.mask, facts)}"
            f" --r{self.values['side']}"
        )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``recent: UPDATE seconds: 60 reap name: foo side: dest mask: 255.255.255.255``."""
        seconds = f" seconds: {self.seconds}" if self.seconds else ""
        hits = f" hit_count: {self.hits}" if self.hits else ""
        return (
            f"{' !' if self.inverted else ''} recent: {WORDS[self.values['deed']]}{seconds}"
            f"{' reap' if self.reap else ''}{hits}{' TTL-Match' if self.ttl else ''} name: {self.list_name}"
            f" side: {self.values['side']} mask: {HOST.save(self.mask, facts)}"
        )

    def open(self, services: Services) -> RecentList:
        """The list of that name, which all rules that name it share; the mask is that of the first."""
        found: RecentList = services.shared(f"recent {self.list_name}", partial(RecentList, self.mask))
        found.make_room(self.hits)
        return found

    def step(self, skb: Any, state: RecentList, services: Services) -> bool:
        """Look the host up, and change the list (recent_mt)."""
        now, deed, inverted = jiffies(services.now), self.values["deed"], bool(self.inverted)
        address = skb.daddr if self.values["side"] == "dest" else skb.saddr
        # The TTL as it was before this host took one off.
        ttl = skb.ttl + 1 & 0xFF if skb.oif and skb.iif and skb.owner is None else skb.ttl
        host = state.find(address, ttl if self.ttl else 0)
        if host is None:
            if deed == "set":
                state.add(address, ttl, now)
            return inverted is not bool(deed == "set")
        if deed == "remove":
            state.remove(address)
            return not inverted
        found = deed == "set" or self._check(host, state, now, inverted)
        if deed == "set" or (deed == "update" and found != inverted):
            state.seen(address, host, ttl, now)
        return found is not inverted

    def _check(self, host: Host, state: RecentList, now: int, inverted: bool) -> bool:
        """Whether the host was seen often enough of late; a host that is not needed any more goes."""
        since = now - (self.seconds * HZ & WORD) if self.seconds else 0
        seen = sum(stamp >= since for stamp in host.stamps) if self.seconds else len(host.stamps)
        found = bool(seen >= max(self.hits, 1))
        if self.reap:
            state.reap(since, host if self.values["deed"] == "update" and found != inverted else None)
        return found
