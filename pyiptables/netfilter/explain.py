"""Why a rule did not match: its failing parts in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyiptables.hooks import Family
from pyiptables.netfilter.prepared import PreparedRule, Step
from pyiptables.packet.fields import show_address
from pyiptables.predicate import AllOf, Field, Labelled, Masked, Named, Predicate, Readable, Test, Unknown, Within
from pyiptables.trace.events import Failing


def show(field: Field, skb: Any) -> str:
    """What the packet has in a field, in words."""
    value = field.get(skb)
    if value is None:
        return "nothing there"
    if field.name in ("ip.saddr", "ip.daddr"):
        return show_address(skb, value)
    return field.show(value) or "no interface"


def has(part: Predicate, skb: Any) -> str:
    """What the packet has instead of what a part wants."""
    match part:
        case Within(field=field) | Masked(field=field) | Named(field=field):
            return show(field, skb)
        case Test(show=describe) if describe is not None:
            return describe(skb)
        case Readable(name=name):
            return f"not {name}"
        case Unknown(reason=reason):
            return f"unknown: {reason}"
        case Step():
            return "used up"
        case Labelled(part=inner):
            return has(inner, skb)
        case AllOf():
            failing = part.failing(skb)
            return has(failing, skb) if failing is not None else ""
        case _:
            return "something else"


def _testable(rule: PreparedRule, skb: Any) -> Iterator[Predicate]:
    """The rule's conditions, without matches of a protocol that the packet is not of: their fields mean nothing in it."""
    matches = rule.spec.matches
    first = len(rule.conditions) - len(matches)
    yield from rule.conditions[:first]
    for match, condition in zip(matches, rule.conditions[first:], strict=True):
        if match.protocols is None or skb.protocol in match.protocols:
            yield condition


def _leaves(conditions: Iterable[Predicate], skb: Any) -> Iterator[tuple[str, Predicate, bool]]:
    """The parts of conditions with their words and whether they hold; steps are taken as holding (testing changes them)."""
    for condition in conditions:
        inner = condition.part if isinstance(condition, Labelled) else condition
        words = condition.label() if isinstance(condition, Labelled) else ""
        parts = inner.parts if isinstance(inner, AllOf) else (inner,)
        for part in parts:
            label = part.label() if isinstance(part, Labelled) else words
            holds = isinstance(part, Step) or part.holds(skb)
            yield label, part, holds
            if skb.hotdrop:
                return
            if not holds and isinstance(part, Readable):
                break  # what the match would read behind it is not there


def would_match(rule: PreparedRule, skb: Any) -> bool:
    """Whether every pure part of a rule holds; nothing is changed by asking."""
    before, noted = skb.hotdrop, len(skb.unknown)
    parts = (condition.part if isinstance(condition, Labelled) else condition for condition in rule.conditions)
    flat = (inner for part in parts for inner in (part.parts if isinstance(part, AllOf) else (part,)))
    held = all(isinstance(part, Step) or part.holds(skb) for part in flat)
    skb.hotdrop = before
    del skb.unknown[noted:]
    return held


def explain(rule: PreparedRule, skb: Any, family: Family) -> tuple[tuple[Failing, ...], int]:
    """The failing parts of a rule that did not match, first the one the kernel met first, and how many parts it has.

    Where every pure part holds, a match that keeps state (limit, recent) said no.
    """
    before, noted = skb.hotdrop, len(skb.unknown)
    failed, parts = [], 0
    last_step = ""
    for label, part, holds in _leaves(_testable(rule, skb), skb):
        parts += 1
        if isinstance(part, Step):
            last_step = label
        if not holds:
            failed.append(Failing(label, has(part, skb)))
    skb.hotdrop = before
    del skb.unknown[noted:]
    if not failed:
        failed.append(Failing(last_step, "used up or not listed"))
    return tuple(failed), parts
