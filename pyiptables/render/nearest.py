"""The accepting rule that came nearest to a packet that was dropped, and what kept it from matching."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.render.rules import rule_text
from pyiptables.trace.events import Changed, Decided, Failing, HookEntered, RuleBehind, RuleMissed, TableEntered, Trace

BREAKERS = ("DROP", "RETURN", "QUEUE")


def _candidates(trace: Trace, decided: Decided) -> Iterator[RuleMissed]:
    """The missed rules of the table and hook that dropped the packet which accept, or lead to a chain."""
    hook, inside = None, False
    for event in trace.events:
        if isinstance(event, HookEntered):
            hook, inside = event.hook, False
        elif isinstance(event, TableEntered):
            inside = hook is decided.hook and event.table == decided.table
        elif isinstance(event, RuleMissed) and inside and event.spec.jump not in (None, *BREAKERS):
            yield event


def _rank(trace: Trace, event: RuleMissed) -> tuple[int, bool, bool, int]:
    """Fewest failing parts first, then those that NAT made fail, those that accept themselves, those that hold most."""
    changed = any(_changed_from(trace, failing) for failing in event.failed)
    return len(event.failed), not changed, event.spec.jump != "ACCEPT", len(event.failed) - event.parts


def _changed_from(trace: Trace, failing: Failing) -> str:
    """``; NAT had changed it from 443``, where that is why a part failed."""
    wanted = failing.wanted.rsplit(" ", 1)[-1].partition("/")[0]
    for event in trace.events:
        if not isinstance(event, Changed) or event.what not in ("source", "destination"):
            continue
        before, after = event.before.rpartition(":"), event.after.rpartition(":")
        for old, new in ((before[2], after[2]), (before[0] or event.before, after[0] or event.after)):
            if new == failing.has and old != new and old == wanted:
                return f"; NAT had changed it from {old}"
    return ""


def _part(trace: Trace, failing: Failing) -> str:
    return f"wants {failing.wanted}, and the packet has {failing.has}{_changed_from(trace, failing)}"


def nearest(trace: Trace, decided: Decided, family: Family) -> Iterator[str]:
    """A sentence or two; nothing where misses were not recorded."""
    if not any(isinstance(event, (RuleMissed, RuleBehind)) for event in trace.events):
        return
    behind = next((event for event in trace.events if isinstance(event, RuleBehind)), None)
    if behind is not None:
        yield f"nearest: {behind.table} {behind.chain} rule {behind.number} would accept, but stands behind"
        yield rule_text(behind.spec, behind.chain, family, behind.table)
        return
    found = sorted(_candidates(trace, decided), key=lambda event: _rank(trace, event))
    if not found:
        yield f"nearest: no rule that the packet met in {decided.table} would have accepted it"
        return
    best = found[0]
    what = "would accept" if best.spec.jump == "ACCEPT" else f"would go on to {best.spec.jump}"
    parts = " and ".join(_part(trace, failing) for failing in best.failed[:3])
    yield f"nearest: {best.table} {best.chain} rule {best.number} {what}, but {parts}"
