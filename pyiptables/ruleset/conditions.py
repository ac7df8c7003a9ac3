"""The conditions that a rule has of its own (-s -d -i -o -p -f): their words, and what they test.

Source of the order and of the tests: net/ipv4/netfilter/ip_tables.c (ip_packet_match) and net/ipv6/netfilter/ip6_tables.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pyiptables.hooks import Family
from pyiptables.packet.addresses import prefix_length, to_text
from pyiptables.packet.fields import ip, meta
from pyiptables.packet.names import SAVED_PROTOCOLS
from pyiptables.predicate import Labelled, Predicate
from pyiptables.ruleset.model import AddressMatch, InterfaceMatch, ProtocolMatch, RuleSpec


def address_text(given: AddressMatch, family: Family) -> str:
    """``10.0.0.0/8``; a mask that is no prefix stands in full."""
    length = prefix_length(given.mask, family)
    mask = to_text(given.mask, family) if length is None else str(length)
    return f"{to_text(given.address, family)}/{mask}"


def protocol_text(number: int) -> str:
    """A protocol as rules are saved: a name for the few that iptables names itself, else the number."""
    return SAVED_PROTOCOLS.get(number, str(number)) if number else "all"


def _marked(text: str, invert: bool) -> str:
    return f"! {text}" if invert else text


def _address(option: str, field_name: str, given: AddressMatch, family: Family) -> Predicate:
    test = getattr(ip, field_name).masked(given.mask, given.address, negate=given.invert)
    return Labelled(lambda: _marked(f"{option} {address_text(given, family)}", given.invert), test)


@lru_cache(maxsize=1024)
def _interface(option: str, field_name: str, given: InterfaceMatch) -> Predicate:
    wildcard = given.name.endswith("+")
    test = getattr(meta, field_name).named(given.name.removesuffix("+"), prefix=wildcard, negate=given.invert)
    return Labelled(lambda: _marked(f"{option} {given.name}", given.invert), test)


@lru_cache(maxsize=1024)
def _protocol(given: ProtocolMatch) -> Predicate:
    test = ip.protocol.equals(given.number, negate=given.invert)
    return Labelled(lambda: _marked(f"-p {protocol_text(given.number)}", given.invert), test)


def conditions(spec: RuleSpec, family: Family) -> Iterator[Predicate]:
    """The rule's own conditions, in the order the kernel tests them, each labelled with its words."""
    if spec.source:
        yield _address("-s", "saddr", spec.source, family)
    if spec.destination:
        yield _address("-d", "daddr", spec.destination, family)
    if spec.in_interface:
        yield _interface("-i", "iif", spec.in_interface)
    if spec.out_interface:
        yield _interface("-o", "oif", spec.out_interface)
    if spec.protocol:
        yield _protocol(spec.protocol)
    if spec.fragment is not None:
        later = (1, 0x1FFF) if spec.fragment else (0, 0)
        text = "-f" if spec.fragment else "! -f"
        yield Labelled(lambda: text, ip.fragoff.within(later))


def apart(one: RuleSpec, other: RuleSpec) -> bool:
    """Whether two rules surely have no packet in common: told by addresses and protocols alone."""
    mine, theirs = one.protocol, other.protocol
    if mine is not None and theirs is not None and not (mine.invert or theirs.invert):
        numbers = (mine.number, theirs.number)
        if all(numbers) and numbers[0] != numbers[1]:
            return True
    for here, there in ((one.source, other.source), (one.destination, other.destination)):
        if here is None or there is None or here.invert or there.invert:
            continue
        if (here.address ^ there.address) & here.mask & there.mask:
            return True
    return False
