"""The set types: what an element is made of, and which options a set of the type is created with.

Source: net/netfilter/ipset/ip_set_{bitmap,hash,list}_*.c, and the order in which ``ipset save`` prints options.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyiptables.hooks import Family

_EXTENSIONS = ("timeout", "counters", "comment", "skbinfo")
_HASH = ("family", "hashsize", "maxelem", *_EXTENSIONS, "forceadd", "bucketsize", "initval")


@dataclass(frozen=True, slots=True)
class SetType:
    """A type of sets.

    ``parts`` are what an element is made of (ip, net, port, mac, mark, iface, set), one for each dimension.
    ``family`` is the one that its sets all have; None when they are created for one (``families``) or have none.
    ``options`` are those of ``create``, in the order in which they are saved.
    """

    name: str
    parts: tuple[str, ...]
    options: tuple[str, ...]
    family: Family | None = None

    @property
    def method(self) -> str:
        """How it keeps its elements: bitmap, hash or list."""
        return self.name.partition(":")[0]

    @property
    def dimension(self) -> int:
        """How many directions a rule must give at least."""
        return len(self.parts)

    @property
    def families(self) -> bool:
        """Whether a set is created for one family (``family inet6``)."""
        return "family" in self.options

    @property
    def nomatch(self) -> bool:
        """Whether an element may be an exception (``nomatch``): types with networks have them."""
        return "net" in self.parts


def _hash(name: str, options: tuple[str, ...] = _HASH) -> SetType:
    return SetType(name, tuple(name.partition(":")[2].split(",")), options)


_MASKED = (*_HASH, "netmask", "bitmask")
_ALL = (
    SetType("bitmap:ip", ("ip",), ("range", "netmask", *_EXTENSIONS), Family.IPV4),
    SetType("bitmap:ip,mac", ("ip", "mac"), ("range", *_EXTENSIONS), Family.IPV4),
    SetType("bitmap:port", ("port",), ("range", *_EXTENSIONS)),
    _hash("hash:ip", ("family", "hashsize", "maxelem", "netmask", "bitmask", *_HASH[3:])),
    _hash("hash:ip,mac"),
    _hash("hash:ip,mark", ("family", "markmask", *_HASH[1:])),
    _hash("hash:ip,port", _MASKED),
    _hash("hash:ip,port,ip"),
    _hash("hash:ip,port,net"),
    _hash("hash:mac", _HASH[1:]),
    _hash("hash:net"),
    _hash("hash:net,iface"),
    _hash("hash:net,net", _MASKED),
    _hash("hash:net,port"),
    _hash("hash:net,port,net"),
    SetType("list:set", ("set",), ("size", *_EXTENSIONS)),
)

TYPES = {kind.name: kind for kind in _ALL}
"""The types by name."""

ALIASES = {
    "ipmap": "bitmap:ip",
    "macipmap": "bitmap:ip,mac",
    "portmap": "bitmap:port",
    "iphash": "hash:ip",
    "nethash": "hash:net",
    "ipporthash": "hash:ip,port",
    "ipportiphash": "hash:ip,port,ip",
    "ipportnethash": "hash:ip,port,net",
    "setlist": "list:set",
}
"""Names that the types had before ipset 4."""
