"""What became of one packet, in the terms that expectations are written in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyiptables.conntrack.entry import Status
from pyiptables.hooks import Family
from pyiptables.netfilter.engine import Engine
from pyiptables.packet.notation import endpoint_texts
from pyiptables.packet.skb import Skb
from pyiptables.render.trace import Story, packet_text, plain, verdict_name
from pyiptables.ruleset.model import RuleSpec
from pyiptables.trace import events
from pyiptables.trace.events import Trace


@dataclass(frozen=True, slots=True)
class Step:
    """A rule on a packet's way, or (number 0) the policy of a chain; ``spec`` is None for a policy."""

    table: str
    chain: str
    number: int
    spec: RuleSpec | None
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a packet.

    ``verdict`` is ACCEPT, DROP, REJECT, STOLEN, QUEUE, or NOTHING where the way did not end. ``decider`` is the rule or
    policy that gave it: for a packet that passed, what filter said last; None where no rule had a say, for which
    ``reason`` stands. ``matched`` are all rules that matched, in order. ``out`` is the interface it left by,
    ``delivered`` whether a process got it. ``source`` and ``destination`` are its endpoints at the end, after NAT.
    ``ctstate`` are the words that ``--ctstate`` would find true when it was first looked up, and SNAT and DNAT as they are
    at the end. ``unknown`` says which rules decided something that is not modelled; ``assumed`` what was assumed.
    """

    family: Family
    line: str
    trace: Trace
    verdict: str
    reason: str
    hook: str
    decider: Step | None
    matched: tuple[Step, ...]
    out: str
    delivered: bool
    source: str
    destination: str
    ctstate: tuple[str, ...]
    mark: int
    ctmark: int
    reject: str
    logged: tuple[str, ...]
    unknown: tuple[str, ...]
    assumed: tuple[str, ...]

    def story(self, width: int = 80, *, explain: bool = False) -> list[str]:
        """The trace in lines of that width, as ``pyipt trace`` prints it."""
        return list(plain(Story(self.family, explain=explain).lines(self.trace), width))


def outcome_of(trace: Trace, engine: Engine) -> Outcome:
    """What became of the packet that the engine has just walked."""
    own = list(own_events(trace))
    decided = trace.decided
    arrived = next((event for event in own if isinstance(event, events.Arrived)), None)
    skb = engine.last if isinstance(engine.last, Skb) else None
    source, destination = endpoint_texts(skb) if skb is not None else ("", "")
    verdict = verdict_name(decided) if decided is not None else "NOTHING"
    accepted = verdict == "ACCEPT"
    decider = _decider(own) if accepted else _named(decided)
    return Outcome(
        family=engine.family,
        line=packet_text(arrived.data, arrived.family) if arrived is not None else "",
        trace=trace,
        verdict=verdict,
        reason=decided.reason if decided is not None else "",
        hook=decided.hook.name if decided is not None and decided.hook is not None else "",
        decider=decider,
        matched=tuple(_step(event) for event in own if isinstance(event, events.RuleMatched)),
        out=_out(own) if accepted else "",
        delivered=accepted and any(isinstance(event, events.Delivered) for event in own),
        source=source,
        destination=destination,
        ctstate=_ctstate(own, skb),
        mark=skb.mark if skb is not None else 0,
        ctmark=_entry(skb).mark if _entry(skb) is not None else 0,
        reject=_reject(decided.spec) if decided is not None and verdict == "REJECT" else "",
        logged=tuple(event.prefix for event in own if isinstance(event, events.Logged) and not event.trace),
        unknown=tuple(
            f"{event.table} {event.chain} rule {event.number}: {event.text}"
            for event in own
            if isinstance(event, events.Unmodelled)
        ),
        assumed=tuple(dict.fromkeys(event.text for event in own if isinstance(event, events.Assumed))),
    )


def own_events(trace: Trace) -> Iterator[events.Event]:
    """The events of the packet itself, up to its end."""
    for event in trace.own:
        yield event
        if isinstance(event, events.Decided) and event.verdict != "ACCEPT":
            return


def _step(event: Any) -> Step:
    return Step(event.table, event.chain, event.number, event.spec)


def _named(decided: events.Decided | None) -> Step | None:
    """The rule or policy that ended a packet's way."""
    if decided is None or not decided.table:
        return None
    policy = "" if decided.number else decided.verdict
    return Step(decided.table, decided.chain, decided.number, decided.spec if decided.number else None, policy)


def _decider(own: list[events.Event]) -> Step | None:
    """What the filter table said last of a packet that passed: the rule that accepted it, or the policy."""
    found = rule = None
    hook = ""
    for event in own:
        if isinstance(event, events.HookEntered):
            hook = event.hook.name
        elif isinstance(event, events.RuleMatched):
            rule = event
        elif isinstance(event, events.TableLeft) and event.table == "filter":
            policy = event.by_policy or rule is None
            found = Step("filter", hook, 0, None, event.verdict) if policy else _step(rule)
    return found


def _out(own: list[events.Event]) -> str:
    """The interface that the packet left by."""
    sent = next((event for event in own if isinstance(event, events.Sent)), None)
    if sent is not None:
        return sent.interface
    hooks = [event for event in own if isinstance(event, events.HookEntered)]
    return hooks[-1].out_interface if hooks else ""


def _entry(skb: Skb | None) -> Any:
    if skb is None or skb.nfct is None or skb.nfct.status & Status.TEMPLATE:
        return None
    return skb.nfct


def _ctstate(own: list[events.Event], skb: Skb | None) -> tuple[str, ...]:
    tracked = next((event for event in own if isinstance(event, events.Tracked)), None)
    words = [tracked.state] if tracked is not None else []
    entry = _entry(skb)
    if entry is not None:
        words += ["SNAT"] if entry.status & Status.SRC_NAT else []
        words += ["DNAT"] if entry.status & Status.DST_NAT else []
    return tuple(words)


def _reject(spec: RuleSpec | None) -> str:
    """What REJECT answers with, in its own word."""
    return str(spec.target.values.get("kind", "")) if spec is not None and spec.target is not None else ""
