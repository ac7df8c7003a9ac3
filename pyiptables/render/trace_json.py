"""A trace as one JSON object a packet; the form is described in pyipt(1) and changes only by additions."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.notation import describe
from pyiptables.packet.skb import Skb
from pyiptables.render.nearest import nearest
from pyiptables.render.rules import rule_text
from pyiptables.render.trace import verdict_name
from pyiptables.trace import events
from pyiptables.trace.events import Event, Trace


def _name(event: Event) -> str:
    """``RuleMatched`` as ``rule_matched``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(event).__name__).lstrip("_")


def _packet(data: bytes, family: Family) -> str:
    return describe(Skb(data, family)) if len(data) >= (20 if family is Family.IPV4 else 40) else f"{len(data)} bytes"


def _rule(event: Any, family: Family) -> dict[str, Any]:
    return {
        "table": event.table,
        "chain": event.chain,
        "number": event.number,
        "rule": rule_text(event.spec, event.chain, family, event.table),
    }


def event_object(event: Event, family: Family) -> dict[str, Any] | None:
    """One event; None for one that only the kernel's log shows (TRACE lines)."""
    found: dict[str, Any] = {"event": _name(event)}
    match event:
        case events.Logged():
            if event.trace:
                return None
            return found | {"prefix": event.prefix, "level": event.level}
        case events.Arrived() | events.Made() | events.Reassembled():
            what = {"what": event.what} if isinstance(event, events.Made) else {}
            return found | what | {"packet": _packet(event.data, family), "data": event.data.hex()}
        case events.RuleMatched():
            return found | _rule(event, family)
        case events.RuleMissed():
            failed = [{"wanted": part.wanted, "has": part.has} for part in event.failed]
            return found | _rule(event, family) | {"failed": failed}
        case events.HookEntered():
            return found | {"hook": event.hook.name, "in": event.in_interface, "out": event.out_interface}
        case events.Sent():
            return found | {"interface": event.interface, "frame": event.frame.hex()}
        case events.Decided():
            return found | {"verdict": event.verdict, "reason": event.reason}
    return found | {field.name: getattr(event, field.name) for field in fields(event)}


def head_object(trace: Trace, family: Family, role: str = "") -> dict[str, Any]:
    """What is said of a packet before its events."""
    arrived = next((event for event in trace.events if isinstance(event, events.Arrived)), None)
    decided = trace.decided
    found: dict[str, Any] = {"number": trace.number}
    if arrived is not None:
        found |= {
            "time": arrived.time,
            "direction": "out" if arrived.local else "in",
            "interface": arrived.interface,
            "packet": _packet(arrived.data, arrived.family),
        }
    if role:
        found["role"] = role
    if decided is not None:
        rule = rule_text(decided.spec, decided.chain, family, decided.table) if decided.spec is not None else None
        found["verdict"] = {
            "verdict": verdict_name(decided),
            "hook": decided.hook.name if decided.hook is not None else None,
            "reason": decided.reason,
            "table": decided.table or None,
            "chain": decided.chain or None,
            "number": decided.number or None,
            "rule": rule,
            "nearest": next(iter(nearest(trace, decided, family)), None) if decided.verdict == "DROP" else None,
        }
    return found


def trace_object(trace: Trace, family: Family, role: str = "") -> dict[str, Any]:
    """A packet's whole story."""
    told = [made for event in trace.events if (made := event_object(event, family)) is not None]
    return head_object(trace, family, role) | {"events": told}


def text_of(value: Any) -> str:
    """A value on one line."""
    return json.dumps(value, ensure_ascii=False)


def trace_json(trace: Trace, family: Family, role: str = "") -> str:
    """The object on one line."""
    return text_of(trace_object(trace, family, role))
