"""Routes and rules in the words of ``ip route add`` and ``ip rule add``, made into the objects of ``ip -j``.

``default via 192.0.2.254 dev eth0 metric 100``, ``prohibit 10.66.0.0/16``,
``10.70.0.0/16 nexthop via 10.1.0.20 dev eth1 weight 2 nexthop via 192.0.2.20``;
``from 10.1.0.0/16 fwmark 0x1/0xff lookup 100 priority 200``, ``not iif eth0 prohibit``.
Source: ip-route(8), ip-rule(8).
"""

from __future__ import annotations

from typing import Any

from pyiptables.hooks import Family
from pyiptables.host.names import ACTIONS, ROUTE_TYPES
from pyiptables.host.reading import nearest, prefix

ROUTE_WORDS = {
    "dev": "dev",
    "src": "prefsrc",
    "metric": "metric",
    "priority": "metric",
    "preference": "metric",
    "table": "table",
    "scope": "scope",
    "tos": "tos",
    "dsfield": "tos",
    "proto": "protocol",
    "protocol": "protocol",
    "from": "from",
    "pref": "pref",
}
RULE_WORDS = {
    "iif": "iif",
    "dev": "iif",
    "oif": "oif",
    "tos": "tos",
    "dsfield": "tos",
    "ipproto": "ipproto",
    "priority": "priority",
    "preference": "priority",
    "order": "priority",
    "pref": "priority",
    "lookup": "table",
    "table": "table",
    "goto": "goto",
    "suppress_prefixlength": "suppress_prefixlen",
    "sup_pl": "suppress_prefixlen",
    "suppress_ifgroup": "suppress_ifgroup",
    "protocol": "protocol",
}
LINK_SCOPED = {"unicast", "broadcast", "multicast", "anycast"}


class Words:
    """Words taken one by one; running out is a ValueError that names what was expected."""

    __slots__ = ("_at", "_words")

    def __init__(self, text: str) -> None:
        self._words = text.split()
        self._at = 0

    def peek(self) -> str:
        """Look at the next word, "" at the end."""
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self, expected: str) -> str:
        """Take the next word."""
        word = self.peek()
        if not word:
            raise ValueError(f"expected {expected} at the end")
        self._at += 1
        return word


def route_object(text: str) -> dict[str, Any]:
    """Turn the words of a route into an object as ``ip -j route`` prints it; ValueError says what is wrong."""
    words = Words(text)
    entry: dict[str, Any] = {}
    if words.peek() in ROUTE_TYPES:
        entry["type"] = words.take("a type")
    if words.peek() == "to":
        words.take("to")
    entry["dst"] = words.take("a destination")
    hops: list[dict[str, Any]] = []
    while words.peek():
        word = words.take("a word")
        if word == "nexthop":
            hops.append({"flags": []})
        elif word == "onlink":
            pass
        elif word == "mtu":
            value = words.take("a number")
            entry["metrics"] = [{"mtu": words.take("a number") if value == "lock" else value}]
        elif word in {"via", "dev", "weight"}:
            _next_hop_word(word, words, hops[-1] if hops else entry)
        elif word in ROUTE_WORDS:
            entry[ROUTE_WORDS[word]] = words.take(f"a value of {word}")
        else:
            raise ValueError(_unknown(word, [*ROUTE_WORDS, "via", "nexthop", "onlink", "mtu", "weight"]))
    if hops:
        entry["nexthops"] = hops
    gatewayed = any("gateway" in hop or "via" in hop for hop in (*hops, entry))
    if entry.get("type", "unicast") in LINK_SCOPED and not gatewayed:
        entry.setdefault("scope", "link")
    return entry


def _next_hop_word(word: str, words: Words, hop: dict[str, Any]) -> None:
    value = words.take(f"a value of {word}")
    if word != "via":
        hop[word] = value
    elif value in {"inet", "inet6"}:
        hop["via"] = {"family": value, "host": words.take("an address")}
    else:
        hop["gateway"] = value


def rule_object(text: str) -> tuple[dict[str, Any], Family]:
    """Turn the words of a rule into an object as ``ip -j rule`` prints it, with its family.

    IPv6 when an address or a leading -6 says so. ValueError says what is wrong.
    """
    words = Words(text)
    entry: dict[str, Any] = {"src": "all"}
    six = words.peek() == "-6"
    if words.peek() in {"-6", "-4"}:
        words.take("-6")
    while words.peek():
        word = words.take("a word")
        if word == "not":
            entry["not"] = None
        elif word in {"from", "to"}:
            six |= _prefix_word("src" if word == "from" else "dst", words.take("a prefix"), entry)
        elif word == "fwmark":
            entry["fwmark"], slash, mask = words.take("a mark").partition("/")
            if slash:
                entry["fwmask"] = mask
        elif word in {"sport", "dport"}:
            low, _, high = words.take("a port").partition("-")
            entry[f"{word}_start"], entry[f"{word}_end"] = low, high or low
        elif word in ACTIONS and word not in {"lookup", "goto"}:
            entry["action"] = word
        elif word in RULE_WORDS:
            entry[RULE_WORDS[word]] = words.take(f"a value of {word}")
        else:
            raise ValueError(_unknown(word, [*RULE_WORDS, *ACTIONS, "not", "from", "to", "fwmark", "sport", "dport"]))
    return entry, Family.IPV6 if six else Family.IPV4


def _prefix_word(key: str, text: str, entry: dict[str, Any]) -> bool:
    if text in {"all", "any", "default"}:
        return False
    _, length, family = prefix(text)
    entry[key], entry[f"{key}len"] = text.partition("/")[0], length
    return family is Family.IPV6


def _unknown(word: str, known: list[str]) -> str:
    hint = nearest(word, known)
    return f"{word[:40]!r} is not known here" + (f", {hint}" if hint else "")
