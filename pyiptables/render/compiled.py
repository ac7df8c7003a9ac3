"""What is run for a chain when many packets are traced, in words: which rules are tested, and what they look at.

A long chain is not walked rule by rule: of its rules only those are tested that name the packet's own value in one field,
and those that name none. What a rule looks at says for which packets of open connections its answer is kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.netfilter.dispatch import Dispatch
from pyiptables.netfilter.looks import REMARKED, UNSURE, Look
from pyiptables.netfilter.prepared import PreparedChain, PreparedRule
from pyiptables.netfilter.traversal import TARGET_LOOKS
from pyiptables.packet.addresses import to_text
from pyiptables.render.rules import rule_text

FEW = 20
"""So many values and rules of a chain are shown, unless all are asked for."""
WORDS = {
    Look.SOURCE: "source",
    Look.DESTINATION: "destination",
    Look.SOURCE_PORT: "source port",
    Look.DESTINATION_PORT: "destination port",
    Look.KIND: "TCP flags or ICMP type",
    Look.STATUS: "the connection's status",
    Look.MARK: "the connection's mark",
    Look.LINK: "link-layer header",
}


def compiled(chain: PreparedChain, family: Family, *, whole: bool = False) -> Iterator[str]:
    """The lines about a chain; ``whole`` shows all of a long one."""
    end = f"policy {chain.policy}" if chain.policy is not None else "returns"
    rules = f"{chain.length} rule{'s' if chain.length != 1 else ''}"
    yield f"{chain.table.name} {chain.name}: {rules}, then {end}"
    if not chain.length:
        return
    first = chain[0]  # its dispatch is made now
    if chain.dispatch is None:
        yield "  walked: each rule is tested, in order, until one decides"
    else:
        yield from _dispatch(chain.dispatch, family, whole)
    shown = chain.length if whole else min(chain.length, FEW)
    for place in range(shown):
        rule = first if not place else chain[place]
        yield f"  {rule.number:>6}  {rule_text(rule.spec, chain.name, family, chain.table.name)}"
        yield f"{'':10}{kept(rule)}"
    if shown < chain.length:
        yield f"{'':10}and {chain.length - shown} more rules (--all shows them)"


def _dispatch(dispatch: Dispatch, family: Family, whole: bool) -> Iterator[str]:
    """Which rules are tested for which value."""
    yield f"  looked up by {dispatch.name}: {len(dispatch.by_value)} values lead to their rules, the others are passed over"
    shown = sorted(dispatch.by_value)[: None if whole else FEW]
    for value in shown:
        text = str(value) if dispatch.name.endswith("port") else to_text(value, family)
        yield f"    {text:<16} tests {_numbers(dispatch.by_value[value], whole)}"
    if len(shown) < len(dispatch.by_value):
        yield f"    and {len(dispatch.by_value) - len(shown)} more values (--all shows them)"
    yield f"    {'any value':<16} tests {_numbers(dispatch.others, whole) if dispatch.others else 'no rule'}"


def _numbers(places: list[int], whole: bool) -> str:
    shown = places if whole else places[:FEW]
    more = f" and {len(places) - len(shown)} more" if len(shown) < len(places) else ""
    return f"rule{'s' if len(places) > 1 else ''} {', '.join(str(place + 1) for place in shown)}{more}"


def kept(rule: PreparedRule) -> str:
    """For which packets of open connections the answer of a rule is kept."""
    target = rule.spec.target
    does = TARGET_LOOKS.get(target.name, UNSURE) if target is not None else 0
    if rule.looks & UNSURE:
        return "asked anew for each packet: its answer may change"
    if does & UNSURE:
        return "done anew for each packet"
    names = [words for look, words in WORDS.items() if (rule.looks | does) & look]
    text = (
        f"kept for packets that agree in {', '.join(names)}"
        if names
        else "kept for all packets of its state and interfaces"
    )
    return text + (", within their connection" if does & REMARKED else "")
