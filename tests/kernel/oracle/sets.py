"""Drawing sets of every type that the machine's kernel has, with entries of a universe."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache

from oracle.drawing import Draw


@dataclass(frozen=True, slots=True)
class SetType:
    """A type of sets: its dimensions, what ``create`` is told, and the form of its entries."""

    name: str
    dimensions: int
    create: str
    entry: str


_PORT = "{tcp:{port}|udp:{port}|tcp:5000-5002|{icmp}|sctp:80|udplite:53}"
TYPES = (
    SetType("hash:ip", 1, "{family}", "{addr}"),
    SetType("hash:ip", 1, "{family} netmask {24|28|30}", "{addr}"),
    SetType("hash:mac", 1, "", "02:aa:00:00:0{0|1|2}:0{0|1|2|3}"),
    SetType("hash:ip,mark", 2, "{family}{| markmask 0xff}", "{addr},{mark}"),
    SetType("hash:ip,mac", 2, "{family}", "{addr},02:aa:00:00:0{0|1|2}:0{0|1|2|3}"),
    SetType("hash:net", 1, "{family}", "{plainnet}{|| nomatch}"),
    SetType("hash:net,net", 2, "{family}", "{plainnet},{plainnet}{|| nomatch}"),
    SetType("hash:ip,port", 2, "{family}", f"{{addr}},{_PORT}"),
    SetType("hash:net,port", 2, "{family}", f"{{plainnet}},{_PORT}{{|| nomatch}}"),
    SetType("hash:ip,port,ip", 3, "{family}", f"{{addr}},{_PORT},{{addr}}"),
    SetType("hash:ip,port,net", 3, "{family}", f"{{addr}},{_PORT},{{plainnet}}{{|| nomatch}}"),
    SetType("hash:net,port,net", 3, "{family}", f"{{plainnet}},{_PORT},{{plainnet}}{{|| nomatch}}"),
    SetType("hash:net,iface", 2, "{family}", "{plainnet},{iface}{|| nomatch}"),
    SetType("bitmap:ip", 1, "range {bitmap}{|| netmask 28}", "{inbitmap}"),
    SetType("bitmap:ip,mac", 2, "range {bitmap}", "{inbitmap}{|,02:aa:00:00:0{0|1|2}:0{0|1|2|3}}"),
    SetType("bitmap:port", 1, "range 0-{65535|9000}", "{port}"),
)


@cache
def known_types() -> frozenset[str]:
    """The types that this machine's kernel and ipset know."""
    return frozenset({kind.name for kind in TYPES if _known(kind.name)})


def _known(name: str) -> bool:
    options = {"bitmap:port": "range 0-9", "bitmap:ip": "range 10.0.0.0/24", "bitmap:ip,mac": "range 10.0.0.0/24"}
    words = ("unshare", "-n", "ipset", "create", "probe", name, *options.get(name, "").split())
    return not subprocess.run(words, capture_output=True, check=False).returncode


def draw_sets(draw: Draw, count: int, *, seconds: bool = False) -> str:
    """Draw sets in the words of ``ipset restore``, and tell the drawing of rules about them.

    With ``seconds``, what packets add expires within a recording; what is there has longer, as ``ipset save`` tells
    whole seconds only.
    """
    lines: list[str] = []
    six = draw.universe.family == 6
    kinds = [kind for kind in TYPES if kind.name in known_types() and not (six and kind.name.startswith("bitmap:ip"))]
    for number in range(count):
        kind = draw.rng.choice(kinds)
        name = f"set{number}"
        lines += _one(draw, name, kind, seconds=seconds)
        draw.sets[name] = kind.dimensions
        if kind.name != "bitmap:ip,mac":
            draw.addable[name] = kind.dimensions
    return "\n".join(lines + _list(draw)) + "\n"


def _one(draw: Draw, name: str, kind: SetType, *, seconds: bool) -> list[str]:
    words = [draw.fill(_with_values(draw, kind.create))]
    timeout = draw.chance(0.9 if seconds else 0.3)
    extras = {"counters": draw.chance(0.5), "comment": draw.chance(0.2), "skbinfo": draw.chance(0.4)}
    words += [f"timeout {draw.rng.choice((0, 1, 2) if seconds else (0, 3600))}"] if timeout else []
    words += [word for word, wanted in extras.items() if wanted]
    words += ["maxelem 4"] if kind.name.startswith("hash") and draw.chance(0.1) else []
    lines = [f"create {name} {kind.name} {' '.join(words)}"]
    for _ in range(draw.rng.randint(0, 6)):
        entry = draw.fill(_with_values(draw, kind.entry))
        rest = []
        if timeout and (seconds or draw.chance(0.5)):
            rest.append(f"timeout {draw.rng.choice((0, 7200))}")
        if extras["counters"] and draw.chance(0.3):
            rest.append(f"packets {draw.rng.randint(0, 5)} bytes {draw.rng.randint(0, 500)}")
        if extras["comment"] and draw.chance(0.5):
            rest.append('comment "some words"')
        if extras["skbinfo"] and "nomatch" not in entry:
            rest.append(draw.fill("skbmark 0x{1|10/0xff|ffffffff} skbprio {1:2|0:0} skbqueue {0|3}"))
        lines.append(f"add -exist {name} {entry} {' '.join(rest)}")
    return lines


def _with_values(draw: Draw, template: str) -> str:
    """Put in what only sets speak of."""
    n, six = draw.universe.number, draw.universe.family == 6
    network = draw.network()
    while network.count("/") and (":" in network.rpartition("/")[2] or "." in network.rpartition("/")[2]):
        network = draw.network()  # sets know prefixes only
    other = draw.address()
    return (
        template.replace("{family}", f"family inet{'6' if six else ''}")
        .replace("{bitmap}", f"10.{n}.0.0/24")
        .replace(
            "{inbitmap}", f"10.{n}.0.{{10|11|12|13|14|1|20-30}}" if "mac" not in template else f"10.{n}.0.{{10|11|12}}"
        )
        .replace("{icmp}", "icmpv6:echo-request" if six else "icmp:echo-request")
        .replace("{plainnet}", network, 1)
        .replace("{plainnet}", other)
    )


def _list(draw: Draw) -> list[str]:
    """A list of those sets that have one dimension, and its entries."""
    members = [name for name, dimensions in draw.sets.items() if dimensions == 1]
    if not members or not draw.chance(0.6):
        return []
    draw.sets["list"] = 1
    some = draw.rng.sample(members, min(len(members), 3))
    return [f"create list list:set size 8{draw.fill('{| counters}')}", *(f"add list {name}" for name in some)]
