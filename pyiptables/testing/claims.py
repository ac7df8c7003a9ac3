"""Statements about all packets of a kind, as a file of tests writes them.

    [[nothing]]                       # no such packet is accepted at the hook
    from = "203.0.113.0/24"           # also: to, in, out, service, state
    hook = "INPUT"
    except = ["tcp/443", { from = "203.0.113.9", service = "tcp/22" }]

    [[everything]]                    # each such packet is accepted at the hook
    in = "eth1"
    service = "tcp/443"
    hook = "FORWARD"

    [[services]]                      # these are open at the hook, and no others
    hook = "INPUT"
    in = "eth0"
    only = ["tcp/80", "tcp/443", "icmp/echo-request"]

Packets are meant as they come to the host, before NAT; ``out`` is where they leave. Unless ``state`` says otherwise they
begin something: NEW, INVALID or UNTRACKED. Unless ``in`` says otherwise they come by any interface but lo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.packet.addresses import from_text, prefix_mask, to_text
from pyiptables.packet.icmp_types import ICMP_TYPES, ICMPV6_TYPES
from pyiptables.packet.names import SAVED_PROTOCOLS
from pyiptables.packet.typed_words import nearest
from pyiptables.testing.expectations import kind_of

KINDS = ("nothing", "everything", "services")
HOOKS = ("INPUT", "FORWARD", "OUTPUT")
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
BEGINNING = ("NEW", "INVALID", "UNTRACKED")
_SUBJECT = ("from", "to", "in", "out", "service", "state")
KEYS = {
    "nothing": (*_SUBJECT, "hook", "except"),
    "everything": (*_SUBJECT, "hook", "except"),
    "services": ("from", "to", "in", "out", "state", "hook", "only"),
}
"""The keys of each kind, besides ``name`` and ``skip``."""
_PROTOCOLS = {name: number for number, name in SAVED_PROTOCOLS.items()} | {"icmp6": 58, "icmpv6": 58, "ipv6-icmp": 58}
_PORTED = frozenset({6, 17, 33, 132, 136})
_LONGEST_NAME = 15


class ClaimError(Error):
    """A statement cannot be read; ``key`` is the one that is wrong."""

    def __init__(self, key: str, text: str, hint: str | None = None) -> None:
        super().__init__(text, hint=hint)
        self.key = key


@dataclass(frozen=True, slots=True)
class Prefix:
    """A range of addresses, both ends included."""

    family: Family
    low: int
    high: int
    text: str


@dataclass(frozen=True, slots=True)
class Service:
    """A protocol, and a range of destination ports, or of codes of an ICMP type; None for all of them."""

    text: str
    protocol: int
    low: int | None = None
    high: int | None = None
    icmp: tuple[int, int, int] | None = None

    @property
    def family(self) -> Family | None:
        """The family that alone has it; None for both."""
        return {1: Family.IPV4, 58: Family.IPV6}.get(self.protocol)


@dataclass(frozen=True, slots=True)
class Kind:
    """Packets of a kind: each part that is not empty narrows them. ``interfaces`` are names, with + at the end beginnings."""

    sources: tuple[Prefix, ...] = ()
    destinations: tuple[Prefix, ...] = ()
    interfaces: tuple[str, ...] = ()
    out_interfaces: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    states: tuple[str, ...] = ()

    def describe(self) -> str:
        """In words."""
        parts = [" or ".join(service.text for service in self.services)] if self.services else []
        for word, texts in (
            ("from", [one.text for one in self.sources]),
            ("to", [one.text for one in self.destinations]),
            ("in by", self.interfaces),
            ("out by", self.out_interfaces),
        ):
            parts += [f"{word} {' or '.join(texts)}"] if texts else []
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said of packets of a kind at a hook; ``others`` are the exceptions, or the services that are open."""

    hook: str
    subject: Kind
    others: tuple[Kind, ...] = ()


def read(kind: str, values: Mapping[str, Any]) -> Statement:
    """Read a statement; ClaimError with the key that is wrong."""
    hook = values.get("hook")
    if hook is None:
        raise ClaimError(
            "", f"[[{kind}]] does not say where", "expected hook = " + ", ".join(f'"{name}"' for name in HOOKS)
        )
    if hook not in HOOKS:
        raise ClaimError("hook", f"hook cannot be {kind_of(hook)}", f"expected one of {', '.join(HOOKS)}")
    key = "only" if kind == "services" else "except"
    if kind == "services" and not isinstance(values.get("only"), list):
        raise ClaimError(
            "only", "[[services]] names what is open", 'expected only = ["tcp/22", ...], or [] for nothing'
        )
    listed = values.get(key, [])
    if not isinstance(listed, list):
        raise ClaimError(key, f"{key} must be a list, not {kind_of(listed)}", 'expected such as ["tcp/443"]')
    subject = _kind({name: values[name] for name in _SUBJECT if name in values}, "")
    if not subject.states:
        subject = replace(subject, states=BEGINNING)
    if hook == "OUTPUT" and subject.interfaces:
        raise ClaimError("in", "what the host sends itself comes in by no interface", "use out")
    return Statement(hook, subject, tuple(_other(value, key) for value in listed))


def title(kind: str, statement: Statement) -> str:
    """A name for a statement that has none."""
    subject = statement.subject.describe()
    others = ", ".join(one.describe() for one in statement.others)
    if kind == "services":
        return " ".join(
            filter(None, (f"{statement.hook} {subject}".strip(), "is open for", others or "nothing", "only"))
        )
    begin = f"{kind} {subject}".strip()
    verb = "reaches" if kind == "nothing" else "passes"
    return f"{begin} {verb} {statement.hook}" + (f" except {others}" if others else "")


def families_of(statement: Statement, known: tuple[Family, ...]) -> tuple[Family, ...]:
    """The families that it speaks of: those of its addresses or services, else all that there are rules for."""
    subject = statement.subject
    said = {one.family for one in (*subject.sources, *subject.destinations)}
    if not said:
        said = {service.family for service in subject.services if service.family is not None}
        if len(said) != len(subject.services):
            said = set()
    return tuple(sorted(said)) or known


def _other(value: Any, key: str) -> Kind:
    if isinstance(value, str):
        return Kind(services=(_service(value, key),))
    if not isinstance(value, dict):
        raise ClaimError(key, f"{key} lists services and tables, not {kind_of(value)}", 'expected such as "tcp/443"')
    for name in value:
        if name not in _SUBJECT:
            raise ClaimError(key, f'nothing in {key} is called "{name[:80]}"', nearest(name, _SUBJECT))
    return _kind(value, key)


def _kind(values: Mapping[str, Any], within: str) -> Kind:
    def several(name: str, reader: Callable[[str, str], Any]) -> tuple[Any, ...]:
        value = values.get(name, [])
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in listed):
            raise ClaimError(within or name, f"{name} must be a text or a list of texts, not {kind_of(value)}")
        return tuple(reader(one, within or name) for one in listed)

    return Kind(
        sources=several("from", _prefix),
        destinations=several("to", _prefix),
        interfaces=several("in", _interface),
        out_interfaces=several("out", _interface),
        services=several("service", _service),
        states=several("state", _state),
    )


def _prefix(text: str, key: str) -> Prefix:
    """An address, ADDRESS/LENGTH, or a range LOW-HIGH."""
    wrong = ClaimError(key, f'"{text[:80]}" is no address or network', "expected such as 203.0.113.0/24")
    try:
        if "-" in text:
            (low, family), (high, other) = (from_text(part.strip()) for part in text.split("-", 1))
            if family is not other or low > high:
                raise wrong
            return Prefix(family, low, high, text)
        address, _, length = text.partition("/")
        low, family = from_text(address)
        bits = int(length) if length else family.bits
        if not 0 <= bits <= family.bits:
            raise wrong
    except ValueError:
        raise wrong from None
    mask = prefix_mask(bits, family)
    if low & ~mask:
        network = f"{to_text(low & mask, family)}/{bits}"
        raise ClaimError(key, f'"{text}" has bits behind its length', f"did you mean {network}?")
    return Prefix(family, low, low | (mask ^ ((1 << family.bits) - 1)), text)


def _interface(text: str, key: str) -> str:
    if not 0 < len(text.encode()) <= _LONGEST_NAME or any(letter.isspace() or letter == "/" for letter in text):
        raise ClaimError(key, f'"{text[:80]}" is no name of an interface')
    return text


def _state(text: str, key: str) -> str:
    if text.upper() not in STATES:
        raise ClaimError(
            key, f'state cannot be "{text[:80]}"', nearest(text, STATES) or f"expected {', '.join(STATES)}"
        )
    return text.upper()


def _service(text: str, key: str) -> Service:
    """``tcp/443``, ``tcp/8000:8080``, ``udp``, ``icmp/echo-request``, ``esp``, ``47``."""
    name, slash, rest = text.partition("/")
    protocol = _PROTOCOLS.get(
        name.lower(), int(name) if name.isascii() and name.isdecimal() and len(name) < 4 else None
    )
    if protocol is None or not 0 <= protocol < 256:
        hint = nearest(name, _PROTOCOLS) or "expected such as tcp/443, udp/53, icmp/echo-request"
        raise ClaimError(key, f'"{text[:80]}" is no service', hint)
    if not slash:
        return Service(text, protocol)
    if protocol in (1, 58):
        types = ICMP_TYPES if protocol == 1 else ICMPV6_TYPES
        found = types.get(rest) or _numbered_type(rest)
        if found is None:
            raise ClaimError(
                key, f'"{rest[:80]}" is no ICMP type', nearest(rest, types) or "expected a name, TYPE or TYPE/CODE"
            )
        return Service(text, protocol, icmp=found)
    if protocol not in _PORTED:
        raise ClaimError(key, f'"{text[:80]}": {name} has no ports', f"expected {name}")
    low, _, high = rest.replace("-", ":").partition(":")
    ports = [_port(one, text, key) for one in (low, high or low)]
    if ports[0] > ports[1]:
        raise ClaimError(key, f'"{text[:80]}" has its ports the wrong way round')
    return Service(text, protocol, ports[0], ports[1])


def _numbered_type(text: str) -> tuple[int, int, int] | None:
    kind, _, code = text.partition("/")
    if not all(one.isascii() and one.isdecimal() and len(one) < 4 and int(one) < 256 for one in (kind, code or "0")):
        return None
    return (int(kind), int(code), int(code)) if code else (int(kind), 0, 255)


def _port(text: str, whole: str, key: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 1 << 16:
        return int(text)
    import socket

    try:
        return socket.getservbyname(text, whole.partition("/")[0])
    except (OSError, ValueError, UnicodeError):
        raise ClaimError(
            key, f'"{whole[:80]}" has no port {text[:20]!r}', "expected a number from 0 to 65535, or a range LOW:HIGH"
        ) from None
