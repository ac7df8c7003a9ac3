"""Names of interfaces, told apart as far as rules do: a name, those that begin so, all others, none."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

LONGEST = 15
USUAL = ("eth0", "eth1", "eth2", "wlan0", "ens3", "if0")
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Names:
    """The classes into which tests divide names.

    ``tests`` are pairs of a text and whether it need only be the beginning. ``examples[i]`` is a name of class ``i``;
    class 0 is no interface at all, class 1 ``lo``. Classes are in the order of their examples, so that those with a
    common beginning are neighbours.
    """

    def __init__(self, tests: Iterable[tuple[str, bool]]) -> None:
        exact: set[str] = {"lo"}
        self._prefixes: set[str] = {""}
        for text, begins in tests:
            (self._prefixes if begins else exact).add(text)
        exact.discard("")
        self._exact = exact
        found = {self._class(name): name for name in sorted(exact, reverse=True)}
        for prefix in self._prefixes:
            name = self._example(prefix)
            if name is not None:
                found[self._class(name)] = name
        others = sorted(name for name in found.values() if name != "lo")
        self.examples: tuple[str, ...] = ("", "lo", *others)
        self._codes = {self._class(name): code for code, name in enumerate(self.examples)}

    def _class(self, name: str) -> tuple[bool, str]:
        """Equal for names that no test tells apart: itself where it is asked for, else its longest beginning."""
        if name in self._exact or not name:
            return True, name
        return False, next(name[:end] for end in range(len(name), -1, -1) if name[:end] in self._prefixes)

    def _example(self, prefix: str) -> str | None:
        """A name of the class of a beginning, None where there is none."""
        wanted = (False, prefix)
        if prefix == "":
            for name in USUAL:
                if self._class(name) == wanted:
                    return name
        for more in range(1 if not prefix else 0, min(3, LONGEST - len(prefix)) + 1):
            for letters in product(_LETTERS, repeat=more):
                name = prefix + "".join(letters)
                if self._class(name) == wanted:
                    return name
        return None

    def code(self, name: str) -> int:
        """The class of a name."""
        return self._codes.get(self._class(name), 0)

    def alike(self, name: str, other: str) -> bool:
        """Whether no test tells two names apart."""
        return self._class(name) == self._class(other)

    def matching(self, text: str, prefix: bool) -> list[int]:
        """The classes of which all names pass a test that was among those given."""
        if not prefix:
            return [code for code, name in enumerate(self.examples) if name == text]
        return [code for code, name in enumerate(self.examples) if name.startswith(text)]
