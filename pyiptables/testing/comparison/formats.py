"""How changes are printed: as text, as JSON, and for those who read remarks about files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from pyiptables.hooks import Family
from pyiptables.render.trace import wrapped
from pyiptables.reports.checkstyle import checkstyle
from pyiptables.reports.entry import Entry
from pyiptables.reports.github import github
from pyiptables.reports.gitlab import gitlab
from pyiptables.reports.junit import JunitCase, junit
from pyiptables.reports.sarif import sarif
from pyiptables.testing.comparison.changes import Change

UNCONFIRMED = "its trace does not show the change"
POSSIBLE = "a limit, chance, or what is not modelled decides"
NAMES = {
    "verdict": "packets have another fate",
    "nat": "connections are translated otherwise",
    "mark": "packets or connections are marked otherwise",
    "ttl": "packets leave with another TTL",
    "tos": "packets leave with another type of service",
    "tracking": "packets are tracked otherwise",
    "log": "packets are logged otherwise",
    "effects": "other things are done to packets",
}


@dataclass(frozen=True, slots=True)
class Diffed:
    """The changes between two firewalls. ``paths`` are the files of the new rules, for each family that was compared.

    ``width`` is where lines are broken, ``style`` colours a part of a line (``old``, ``new``, ``title``).
    """

    changes: Sequence[Change]
    old: str
    new: str
    paths: dict[Family, str]
    width: int
    style: Callable[[str, str], str]


def full(diffed: Diffed) -> Iterator[str]:
    """Each change with its packets, one of them, and the rules on both sides; then how many there are."""
    for change in diffed.changes:
        yield diffed.style("title", title(change)) + "\n"
        for label, text in details(change):
            for number, row in enumerate(wrapped(text, max(diffed.width - 11, 20))):
                head = f"{label if not number else '':<9}"
                yield f"  {diffed.style(label, head + row) if label in ('old', 'new') else head + row}\n"
        yield "\n"
    yield f"{count(diffed.changes)}\n"


def concise(diffed: Diffed) -> Iterator[str]:
    """A line for each change."""
    for change in diffed.changes:
        such = f", such as {change.witness}" if change.witness else ""
        yield f"{diffed.paths[change.family]}: {title(change)}: {change.packets}{such}\n"


def in_json(diffed: Diffed) -> Iterator[str]:
    """One object with all that is known of each change."""
    listed = [asdict(change) | {"family": f"IPv{change.family.version}"} for change in diffed.changes]
    yield json.dumps({"old": diffed.old, "new": diffed.new, "changes": listed}, indent=2) + "\n"


def in_junit(diffed: Diffed) -> Iterator[str]:
    """A case for each family: it fails by its changes."""
    cases = []
    for family, path in diffed.paths.items():
        changes = [change for change in diffed.changes if change.family is family]
        text = "\n\n".join("\n".join((title(one), *(_line(*row) for row in details(one)))) for one in changes)
        name = f"IPv{family.version} packets fare as before"
        status = "failure" if changes else "passed"
        cases.append(JunitCase(path, name, status, count(changes) if changes else "", text, path))
    yield from junit([(f"pyipt diff {diffed.old} {diffed.new}", cases)])


def entries(diffed: Diffed) -> Iterator[Entry]:
    """The changes as remarks about the new rules."""
    for change in diffed.changes:
        rows = tuple(_line(*row) for row in details(change))
        message = f"{title(change)}: {change.packets}"
        path = diffed.paths[change.family]
        yield Entry(path, "warning", f"diff-{change.about}", message, details=rows)


def title(change: Change) -> str:
    """What changes, in a line."""
    return f"IPv6 {change.title}" if change.family is Family.IPV6 else change.title


def details(change: Change) -> Iterator[tuple[str, str]]:
    """What there is to say besides, each with its label."""
    yield "packets", change.packets
    if change.witness is not None:
        perhaps = POSSIBLE if change.perhaps else UNCONFIRMED
        yield "such as", change.witness + ("" if change.confirmed else f"   ({perhaps})")
    yield "old", change.old
    yield "new", change.new


def count(changes: Sequence[Change]) -> str:
    """How many there are."""
    total = len(changes)
    return f"{total} change{'' if total == 1 else 's'}" if total else "no packet fares otherwise"


def _line(label: str, text: str) -> str:
    return f"{label}: {text}"


FORMATS: dict[str, Callable[[Diffed], Iterator[str]]] = {
    "full": full,
    "concise": concise,
    "json": in_json,
    "sarif": lambda diffed: sarif(entries(diffed), {f"diff-{about}": text for about, text in NAMES.items()}),
    "github": lambda diffed: github(entries(diffed)),
    "gitlab": lambda diffed: iter([gitlab(entries(diffed))]),
    "junit": in_junit,
    "checkstyle": lambda diffed: checkstyle(entries(diffed)),
}
