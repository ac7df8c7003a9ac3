"""Packets of a set as field values by name, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import AnalysisError, Node
from pyiptables.analysis.space import ICMP, ICMPV6, PORTED, STATE_NAMES, TCP, Space
from pyiptables.packet.addresses import to_text
from pyiptables.packet.names import SAVED_PROTOCOLS
from pyiptables.packet.notation import tcp_flag_letters

TYPES = ("UNICAST", "LOCAL", "BROADCAST", "MULTICAST", "ANYCAST", "OTHER")


def _groups(space: Space) -> dict[str, Bits]:
    """The fields that have a name of their own here."""
    return {
        "source": space.source,
        "destination": space.destination,
        "protocol": space.protocol,
        "sport": space.word0,
        "dport": space.word1,
        "icmp_type": space.icmp_type,
        "icmp_code": space.icmp_code,
        "flags": space.flags,
        "mark": space.mark,
        "ctmark": space.ctmark,
        "ttl": space.ttl,
        "tos": space.tos,
        "length": space.length,
        "fragment": space.fragoff,
        "reply": space.reply,
        "snat": space.snat,
        "dnat": space.dnat,
    }


def described(space: Space, chosen: Mapping[int, bool]) -> dict[str, object]:
    """An assignment of variables as values: addresses, ports and marks are numbers, interfaces and states texts."""
    names = space.interfaces.examples
    found: dict[str, object] = {
        "family": space.family,
        "state": STATE_NAMES[min(space.state.value(chosen), 4)],
        "iif": names[min(space.iif.value(chosen), len(names) - 1)],
        "oif": names[min(space.oif.value(chosen), len(names) - 1)],
        "destination_type": TYPES[min(space.destination_type.value(chosen), 5)],
    }
    protocol = space.protocol.value(chosen)
    for name, bits in _groups(space).items():
        if name in ("sport", "dport") and protocol not in PORTED:
            continue
        if name.startswith("icmp") and protocol not in (ICMP, ICMPV6):
            continue
        if name == "flags" and protocol != TCP:
            continue
        if name in ("source", "destination", "protocol", "sport", "dport", "icmp_type", "flags") or any(
            number in chosen for number in bits.numbers
        ):
            found[name] = bits.value(chosen)
    for one in space.free.values():
        if chosen.get(one.number):
            found[one.text] = True
    return found


def with_values(space: Space, values: Mapping[str, object]) -> Node:
    """The packets that have these values."""
    found, groups = space.true, _groups(space)
    special: dict[str, Callable[[Any], Node]] = {
        "iif": lambda name: space.iif.equals(space.interfaces.code(name)),
        "oif": lambda name: space.oif.equals(space.interfaces.code(name)),
        "state": lambda name: space.state.equals(STATE_NAMES.index(name)),
        "destination_type": lambda name: space.destination_type.equals(TYPES.index(name)),
        "family": lambda family: space.true if family is space.family else space.false,
    }
    for name, value in values.items():
        if name in special:
            found = found & special[name](value)
        elif name in groups and isinstance(value, int):
            found = found & groups[name].equals(value)
        elif name in space.free:
            found = found & space.diagrams.literal(space.free[name].number, bool(value))
        else:
            raise AnalysisError(f"packets have no field {name!r}")
    return found


def in_words(values: Mapping[str, object]) -> str:
    """``NEW eth0: 198.51.100.7:40000 > 192.0.2.1:443 tcp S``."""
    known: Mapping[str, Any] = values
    family, protocol = known["family"], known["protocol"]
    ends = []
    for side, port in (("source", "sport"), ("destination", "dport")):
        address = to_text(known[side], family)
        six = f"[{address}]" if family.bits == 128 else address
        ends.append(f"{six}:{known[port]}" if port in known else address)
    text = f"{known['iif']}: " if known["iif"] else ""
    text += f"{ends[0]} > {ends[1]} {SAVED_PROTOCOLS.get(protocol, str(protocol))}"
    if "flags" in known:
        text += f" {tcp_flag_letters(known['flags'])}"
    if "icmp_type" in known:
        text += f" type {known['icmp_type']}"
    if known["oif"]:
        text += f" out {known['oif']}"
    return f"{known['state']} {text}"
