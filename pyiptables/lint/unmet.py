"""Of the findings that say that no packet meets a rule, one for each rule: that which says why most closely."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyiptables.lint.finding import Finding

CLOSEST_FIRST = ("S205", "R303", "R308", "N411", "N401", "N403", "N410", "C504", "R306", "R301")
"""What says that a rule is never met, the plainest reason first."""
REST_OF_CHAIN = "R303"
"""Is about all rules of a chain from the one on at which it stands."""

_Chain = tuple[object, ...]


def once(findings: Iterable[Finding], reported: Callable[[Finding], bool]) -> list[Finding]:
    """The findings without those that say again what another about the same rule says, if that other is reported."""
    found = list(findings)
    closest: dict[tuple[object, ...], int] = {}
    cut: dict[_Chain, int] = {}
    for each in found:
        if each.code not in CLOSEST_FIRST or not each.place.number or not reported(each):
            continue
        rank = CLOSEST_FIRST.index(each.code)
        key = (*_chain(each), each.place.number)
        closest[key] = min(rank, closest.get(key, rank))
        if each.code == REST_OF_CHAIN:
            cut[_chain(each)] = each.place.number

    def says_more(each: Finding) -> bool:
        if each.code not in CLOSEST_FIRST or not each.place.number:
            return True
        rank = CLOSEST_FIRST.index(each.code)
        behind = each.place.number >= cut.get(_chain(each), each.place.number + 1)
        if behind and rank > CLOSEST_FIRST.index(REST_OF_CHAIN):
            return False
        return rank <= closest.get((*_chain(each), each.place.number), rank)

    return [each for each in found if says_more(each)]


def _chain(finding: Finding) -> _Chain:
    place = finding.place
    return (finding.family, place.file, place.table, place.chain)
