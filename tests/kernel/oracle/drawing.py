"""Drawing words of rules: the vocabulary's table, and templates whose braces are filled from a universe."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from oracle.universe import PORTS, Universe

VOCABULARY = Path(__file__).with_name("vocabulary.txt")
TABLES = {"r": "raw", "m": "mangle", "n": "nat", "f": "filter", "s": "security"}
HOOKS = {"P": "PREROUTING", "I": "INPUT", "F": "FORWARD", "O": "OUTPUT", "X": "POSTROUTING"}
MARKS = ("0x1", "0x2", "0x3", "0x10", "0xff", "0x8000", "0xffffffff")
_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the vocabulary: where it may stand, whose it is, and its template."""

    kind: str
    tables: frozenset[str]
    hooks: frozenset[str]
    protocol: str
    families: frozenset[int]
    areas: frozenset[str]
    text: str

    def fits(self, table: str, hooks: frozenset[str], protocol: str, family: int) -> bool:
        """Whether it may stand in a chain that is reached from ``hooks``, in a rule about a protocol."""
        return (
            table in self.tables
            and hooks <= self.hooks
            and self.protocol in ("-", protocol, "tcp" if protocol == "syn" else protocol)
            and family in self.families
        )


def vocabulary() -> list[Entry]:
    """Read the table."""
    found = []
    for line in VOCABULARY.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        kind, tables, hooks, protocol, family, areas, text = line.split(maxsplit=6)
        found.append(
            Entry(
                kind,
                frozenset(TABLES[letter] for letter in (TABLES if tables == "-" else tables)),
                frozenset(HOOKS[letter] for letter in (HOOKS if hooks == "-" else hooks)),
                protocol,
                frozenset({4, 6} if family == "-" else {int(family)}),
                frozenset(areas.split(",")),
                text,
            )
        )
    return found


class Draw:
    """Fills templates with values of a universe; ``sets`` are the names of sets with their number of dimensions."""

    def __init__(self, rng: Random, universe: Universe) -> None:
        self.rng = rng
        self.universe = universe
        self.sets: dict[str, int] = {}
        self.addable: dict[str, int] = {}
        self._values: dict[str, Callable[[], str]] = {
            "": str,
            "no": lambda: "! " if self.chance(0.15) else "",
            "addr": self.address,
            "local": lambda: rng.choice(universe.local),
            "remote": lambda: rng.choice(universe.remote),
            "near": lambda: rng.choice([address for link in universe.links.values() for address in link.near]),
            "net": self.network,
            "range": self.range,
            "bracketed": self.bracketed,
            "mask": lambda: rng.choice(["255.255.255.0", "255.255.0.0"] if universe.family == 4 else ["ffff:ffff::", "ffff::"]),
            "port": lambda: str(rng.choice(PORTS)),
            "ports": self.ports,
            "portlist": self.portlist,
            "mark": lambda: rng.choice(MARKS),
            "iface": lambda: rng.choice(universe.names),
            "uniq": lambda: f"u{rng.randrange(10**8)}",
            "number": lambda: str(universe.number),
            "hexnumber": lambda: f"{universe.number:x}",
            "set": lambda: self.reference(self.sets),
            "addable": lambda: self.reference(self.addable),
        }  # fmt: skip

    def chance(self, share: float) -> bool:
        """True with a probability."""
        return self.rng.random() < share

    def fill(self, template: str) -> str:
        """Fill the braces of a template, inner ones first."""
        while found := _BRACES.search(template):
            words = found[1]
            value = self.rng.choice(words.split("|")) if "|" in words else self._values.get(words, lambda: words)()  # noqa: B023 - called at once
            template = template[: found.start()] + value + template[found.end() :]
        return template

    def address(self) -> str:
        """Anybody's address."""
        return self.rng.choice(self.universe.local + self.universe.remote)

    def network(self) -> str:
        """An address or a network around one, with an odd mask now and then."""
        rng, address, six = self.rng, self.address(), self.universe.family == 6
        pick = rng.random()
        if pick < 0.45:
            return address
        if pick < 0.52:
            odd = ["ffff:ffff::ff", "::ffff", "ffff::"] if six else ["255.0.255.0", "0.0.0.255", "255.255.0.1"]
            return f"{address}/{rng.choice(odd)}"
        length = rng.choice([16, 32, 48, 56, 64, 64, 112, 126] if six else [8, 12, 16, 20, 24, 24, 28, 30])
        return str(ipaddress.ip_network(f"{address}/{length}", strict=False))

    def range(self) -> str:
        """Two addresses in order."""
        first, last = sorted(ipaddress.ip_address(self.address()) for _ in range(2))
        return f"{first}-{last}"

    def bracketed(self) -> str:
        """An address as it stands before a port."""
        return f"[{self.address()}]" if self.universe.family == 6 else self.address()

    def ports(self) -> str:
        """A port or a range of them."""
        rng = self.rng
        low, high = sorted(rng.sample(range(65536), 2) if self.chance(0.3) else rng.choices(PORTS, k=2))
        one = str(rng.choice(PORTS))
        return rng.choice([one, one, f"{low}:{high}", f":{high}", f"{low}:"])

    def portlist(self) -> str:
        """Ports with commas, a range among them now and then."""
        several = sorted({str(self.rng.choice(PORTS)) for _ in range(self.rng.randint(1, 6))})
        return ",".join(several + (["1000:6000"] if self.chance(0.3) else []))

    def reference(self, sets: dict[str, int]) -> str:
        """A set with a direction for each of its dimensions."""
        if not sets:
            return "none src"
        name, dimensions = self.rng.choice(sorted(sets.items()))
        return f"{name} {','.join(self.rng.choice(('src', 'dst')) for _ in range(dimensions))}"
