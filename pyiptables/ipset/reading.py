"""Sets from the text that ``ipset save`` prints and ``ipset restore`` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from pyiptables.errors import Error
from pyiptables.ipset.bitmaps import MacBitmapStore
from pyiptables.ipset.elements import read_element
from pyiptables.ipset.members import MemberList
from pyiptables.ipset.model import Header, Refusal
from pyiptables.ipset.options import EXIST, element_words, read_entry, read_header, read_type
from pyiptables.ipset.sets import Sets
from pyiptables.ipset.store import Store
from pyiptables.ipset.values import nearest

MAX_SPREAD = 1 << 20
"""How many elements the ranges and prefixes of a text may stand for together, beyond one for each line."""
_NAME_LENGTH = 31
_SNIPPET = 200


def load(lines: Iterable[str], source: str | None = None, *, now: int = 0) -> Sets:
    """The sets that a text makes, timeouts counted from ``now`` (nanoseconds on the capture's clock).

    A line that ``ipset restore`` would refuse raises Error with the source's name, the line and what was expected.
    """
    reader = _Reader(now)
    for number, line in enumerate(lines, 1):
        try:
            reader.read(line)
        except Error as error:
            snippet = line.rstrip("\r\n")[:_SNIPPET]
            raise Error(error.text, source=source, line=number, snippet=snippet, hint=error.hint) from None
    return reader.sets


def split(line: str) -> list[str]:
    """The words of a line; what stands in double quotes is one word, or part of one."""
    if '"' not in line:
        return line.split()
    words: list[str] = []
    word: str | None = None
    quoted = False
    for character in line.rstrip("\r\n"):
        if character == '"':
            quoted = not quoted
            word = word or ""
        elif character.isspace() and not quoted:
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + character
    if quoted:
        raise Error("A quoted text does not end", hint='expected: "')
    return words if word is None else [*words, word]


class _Reader:
    """Carries out one line after the other."""

    def __init__(self, now: int) -> None:
        self.sets = Sets()
        self.now = now
        self.spread = MAX_SPREAD
        self.commands: dict[str, tuple[Callable[[list[str]], None], int]] = {
            "create": (self.create, 2),
            "add": (self.add, 2),
            "del": (self.delete, 2),
            "flush": (self.flush, 0),
            "destroy": (self.destroy, 0),
            "rename": (self.rename, 2),
            "swap": (self.swap, 2),
        }

    def read(self, line: str) -> None:
        """One line: a command, a comment or nothing."""
        words = split(line)
        if not words or words[0].startswith("#") or words == ["COMMIT"]:
            return
        if words[0] in EXIST:
            words.append(words.pop(0))
        name = _SHORT.get(words[0], words[0].removeprefix("--"))
        if name not in self.commands:
            raise Error(
                f"No command specified: unknown argument {words[0]}",
                hint=nearest(name, self.commands) or f"expected: {', '.join(self.commands)}",
            )
        command, needed = self.commands[name]
        if len(words) <= needed:
            which = ("", "first ", "second ")[len(words)] if len(words) < 3 else ""
            raise Error(f"Missing {which}mandatory argument to command {name}", hint=f"expected: {_USAGE[name]}")
        command(words[1:])

    def create(self, words: list[str]) -> None:
        """``create NAME TYPE OPTIONS``."""
        name, kind = words[0], read_type(words[1])
        if len(name.encode("utf-8", "surrogateescape")) > _NAME_LENGTH:
            raise Error(f"Syntax error: setname {name!r} is longer than {_NAME_LENGTH} characters")
        header, exist = read_header(name, kind, words[2:])
        if name in self.sets:
            if exist and _comparable(header) == _comparable(self.sets[name].header):
                return
            raise Error("Set cannot be created: set with the same name already exists", hint="expected: a new name")
        self.sets.create(name, header)

    def add(self, words: list[str]) -> None:
        """``add NAME ELEMENT OPTIONS``."""
        found = self._set(words[0])
        options = element_words(found.header, words[2:])
        entry = read_entry(found.header, options, self.now)
        exist = "exist" in options
        if isinstance(found, MemberList):
            self._known_member(words[1])
            before, after = options.get("before", ""), options.get("after", "")
            _check(found.insert(words[1], entry, self.now, exist=exist, before=before, after=after))
            return
        several = False
        for key in self._elements(found, words[1]):
            element = entry.copy() if several else entry
            several = True
            place = key
            if isinstance(found, MacBitmapStore):
                place, element.mac = key[:1], key[1] if len(key) > 1 else None
            present = found.lookup(place)
            if present is not None:
                for counter in {"packets", "bytes"} - options.keys():
                    setattr(element, counter, getattr(present, counter))
            _check(found.insert(place, element, self.now, exist=exist))

    def delete(self, words: list[str]) -> None:
        """``del NAME ELEMENT``."""
        found = self._set(words[0])
        exist = "exist" in element_words(found.header, words[2:])
        if isinstance(found, MemberList):
            refusals = [found.remove(words[1], self.now)]
        else:
            length = 1 if isinstance(found, MacBitmapStore) else None
            refusals = [found.remove(key[:length], self.now) for key in self._elements(found, words[1])]
        for refusal in refusals:
            if not (exist and refusal is Refusal.MISSING):
                _check(refusal)

    def flush(self, words: list[str]) -> None:
        """``flush [NAME]``: no elements, in one set or all."""
        for name in words[:1] or list(self.sets):
            self._set(name).flush()

    def destroy(self, words: list[str]) -> None:
        """``destroy [NAME]``: away with a set, or with all."""
        if words:
            self._set(words[0])
            self.sets.destroy(words[0])
        else:
            self.sets = Sets()

    def rename(self, words: list[str]) -> None:
        """``rename FROM TO``."""
        self._set(words[0])
        self.sets.rename(words[0], words[1])

    def swap(self, words: list[str]) -> None:
        """``swap ONE OTHER``."""
        self._set(words[0])
        self._set(words[1])
        self.sets.swap(words[0], words[1])

    def _set(self, name: str) -> Store | MemberList:
        if name not in self.sets:
            raise Error("The set with the given name does not exist", hint=nearest(name, list(self.sets)))
        return self.sets[name]

    def _known_member(self, name: str) -> None:
        if name not in self.sets:
            raise Error(
                "Set to be added/deleted/tested as element does not exist.", hint=nearest(name, list(self.sets))
            )
        if isinstance(self.sets[name], MemberList):
            raise Error("Sets with list:set type cannot be added to the set.", hint="expected: a set of another type")

    def _elements(self, found: Store, text: str) -> Iterable[tuple[int, ...]]:
        """The elements that a text stands for, charged to what ranges may stand for."""
        keys, count = read_element(found.header, text, self.spread + 1)
        self.spread -= count - 1
        return keys


_SHORT = {"-N": "create", "-A": "add", "-D": "del", "-F": "flush", "-X": "destroy", "-E": "rename", "-W": "swap"}
_USAGE = {
    "create": "create NAME TYPE [OPTIONS]",
    "add": "add NAME ELEMENT [OPTIONS]",
    "del": "del NAME ELEMENT",
    "rename": "rename FROM TO",
    "swap": "swap ONE OTHER",
}


def _comparable(header: Header) -> Header:
    """A header without what two sets may differ in and still be the same."""
    return replace(header, hashsize=0, initval=0, bucketsize=0)


def _check(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise Error(refusal.value)
