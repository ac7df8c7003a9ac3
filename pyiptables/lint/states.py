"""The connection states that a rule asks for."""

from __future__ import annotations

from pyiptables.packet.fields import CT_STATES
from pyiptables.ruleset.model import RuleSpec

ALL_STATES = sum(bit for name, bit in CT_STATES.items() if "NAT" not in name)


def states(spec: RuleSpec) -> int | None:
    """The states that a packet may have to match, as bits of CT_STATES; None when the rule does not ask."""
    wanted: int | None = None
    for match in spec.matches:
        bits = match.values.get("state") if match.name in ("state", "conntrack") else None
        if not isinstance(bits, int) or bits & ~ALL_STATES:
            continue
        if "state" in match.inverted:
            bits = ALL_STATES & ~bits
        wanted = bits if wanted is None else wanted & bits
    return wanted
