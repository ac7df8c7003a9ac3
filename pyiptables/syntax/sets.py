"""The sets that references in rules (``-m set``, ``-j SET``) are checked against.

Source of the messages: extensions/libxt_set.h of iptables 1.8. That a set is asked with too few sides is no error there:
the kernel takes the rule, which then never matches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from pyiptables.errors import Error, OperationFailed, ParameterProblem
from pyiptables.extensions.kinds.sets import SetReference
from pyiptables.hooks import Family
from pyiptables.ipset.reading import load
from pyiptables.ipset.sets import Sets
from pyiptables.ruleset.model import Ruleset
from pyiptables.syntax.messages import Misspelt

_ELEMENTS = ("add ", "-A ")
_MOST_NAMED = 10
_NAMING = frozenset(("set", "SET"))


class KnownSets:
    """The sets of a text that ``ipset save`` has printed; only names and types are looked at."""

    def __init__(self, lines: Iterable[str], source: str) -> None:
        self._sets = load(_without_elements(lines), source)

    def refer(self, name: str, family: Family) -> None:
        """ParameterProblem when there is no set of that name, or it holds the other family's addresses."""
        found = self._sets.describe(name)
        if found is None:
            raise Misspelt(f"Set {name} doesn't exist.\n", name, "set", lambda: self._sets)
        if found.family not in (None, family):
            raise ParameterProblem(
                f"The protocol family of set {name} is IPv{found.family.version}, which is not applicable.\n",
                hint=f"the set is a {found.type} of IPv{found.family.version}",
            )

    def compare(self, name: str, sides: int) -> str:
        """A warning about a set that needs more sides of a packet than it is asked with; else nothing."""
        found = self._sets.describe(name)
        if found is None or sides >= found.dimension:
            return ""
        return (
            f"Warning: set {name} ({found.type}) needs {found.dimension} of src and dst, not {sides}: "
            "the rule never finds anything in it.\n"
        )


class UnknownSets:
    """In place of sets that were not given: takes every reference, and notes the names."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def note(self) -> str:
        """What was not checked, in a line; empty when no set was named."""
        if not self._names:
            return ""
        return f"Sets are not checked without --ipset FILE: the rules name {_listed(self._names)}\n"

    def refer(self, name: str, family: Family) -> None:
        """Note the name."""
        self._names[name] = None

    def compare(self, name: str, sides: int) -> str:
        """Nothing is known."""
        return ""


def read_sets(path: str) -> KnownSets:
    """The sets of a file; OperationFailed when it cannot be read, or ipset would not take it."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return KnownSets(file, path)
    except Error as error:
        raise OperationFailed(f"{error}{f' ({error.hint})' if error.hint else ''}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have that name"
        raise OperationFailed(f"cannot read {path}: {reason}") from error


def missing(ruleset: Ruleset, sets: Sets | None) -> str:
    """What has to be assumed about sets that rules name and that are not given; empty when all are."""
    names = dict.fromkeys(reference.name for _, _, reference in _references(ruleset))
    absent = [name for name in names if sets is None or name not in sets]
    return f"sets that are not given are empty: {_listed(absent)}" if absent else ""


def unfit(ruleset: Ruleset, sets: Sets | None) -> Iterator[str]:
    """Warnings about rules that can never find anything in the set they name, for each set the first such rule."""
    warned: set[str] = set()
    for chain, number, reference in _references(ruleset):
        found = sets.describe(reference.name) if sets is not None else None
        if found is None or reference.name in warned:
            continue
        why = ""
        if found.family not in (None, ruleset.family):
            why = f"is for IPv{found.family.version}"
        elif len(reference.sides) < found.dimension:
            why = f"needs {found.dimension} of src and dst"
        if why:
            warned.add(reference.name)
            yield f"rule {number} of {chain} never finds anything in set {reference.name} ({found.type}), which {why}"


def _references(ruleset: Ruleset) -> Iterator[tuple[str, int, SetReference]]:
    """The references of all rules, each with its chain and the rule's number."""
    for _, chain, number, rule in ruleset.rules():
        for extension in (*rule.spec.matches, rule.spec.target):
            if extension is not None and extension.name in _NAMING:
                for value in extension.values.values():
                    if isinstance(value, SetReference):
                        yield chain.name, number, value


def _listed(names: Collection[str]) -> str:
    return ", ".join([*islice(names, _MOST_NAMED), *(["..."] if len(names) > _MOST_NAMED else [])])


def _without_elements(lines: Iterable[str]) -> Iterator[str]:
    """The lines, those that add elements empty: there may be many, and rules do not hang on them."""
    return ("\n" if line.startswith(_ELEMENTS) else line for line in lines)
