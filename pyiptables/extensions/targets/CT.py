"""``-j CT``: source extensions/libxt_CT.c and net/netfilter/xt_CT.c."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, Refusal, RuleFacts, Services, Target, opt
from pyiptables.extensions.effects import EffectServices, TemplateRequest
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.extensions.targets._tracking import NEW, seen, untrack
from pyiptables.hooks import Family, Verdict
from pyiptables.packet.fields import bits_to_text

EVENTS = {
    "new": 1 << 0,
    "related": 1 << 1,
    "destroy": 1 << 2,
    "reply": 1 << 3,
    "assured": 1 << 4,
    "protoinfo": 1 << 5,
    "helper": 1 << 6,
    "mark": 1 << 7,
    "natseqinfo": 1 << 8,
    "secmark": 1 << 9,
}
"""Events of connections (enum ip_conntrack_events)."""

TCP, UDP = 6, 17
HELPERS = {
    "amanda": (UDP,),
    "ftp": (TCP,),
    "H.245": (UDP,),
    "irc": (TCP,),
    "netbios-ns": (UDP,),
    "pptp": (TCP,),
    "Q.931": (TCP,),
    "RAS": (UDP,),
    "sane": (TCP,),
    "sip": (TCP, UDP),
    "snmp": (UDP,),
    "snmp_trap": (UDP,),
    "tftp": (UDP,),
}
"""The kernel's helpers, and the protocols that each is for."""
ONLY_IPV4 = ("irc", "netbios-ns", "pptp", "snmp", "snmp_trap")

ORIGINAL, REPLY = 1, 2
ZONES = {"zone": 0, "zone_orig": ORIGINAL, "zone_reply": REPLY}
"""The attributes of the zone options, and the directions that each asks for."""
NO_ENTRY = "No chain/target/match by that name"


class ZoneId(Kind):
    """The number of a zone, or ``mark``: then it is the packet's mark (None)."""

    metavar = "id|mark"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number, or None."""
        if texts[0].isascii() and texts[0].lower() == "mark":
            return None
        zone = whole_number(texts[0], 0, 0xFFFF)
        if zone is None:
            raise ParameterProblem(f"Cannot parse {texts[0]} as a zone ID")
        return zone


class Events(Kind):
    """``NAME,NAME``: names of events, in small letters, as a bit set."""

    metavar = "event[,event...]"

    def __init__(self, names: Mapping[str, int]) -> None:
        self.names = names

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The bits."""
        bits = 0
        for name in texts[0].split(","):
            if name not in self.names:
                raise ParameterProblem(f'Unknown event type "{name}"')
            bits |= self.names[name]
        return bits

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return self.names

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The names, in their own order."""
        return bits_to_text(value, self.names)


class TimeoutName(PlainText):
    """A name of which the kernel gives back only what fits where the oldest revision ended."""

    def save(self, value: Any, facts: RuleFacts) -> str:
        """Four bytes of the name."""
        return str(value).encode("utf-8", "surrogateescape")[:4].decode("utf-8", "surrogateescape")


class CtTarget(Target):
    """Decide how the packet is tracked: not at all, in a zone, with a helper. Goes on."""

    name = "CT"
    tables = frozenset({"raw"})

    notrack = opt("--notrack", help="do not track the packet")
    helper = opt("--helper", kind=PlainText(15), neutral="", help="use this helper for the connection")
    timeout = opt("--timeout", kind=TimeoutName(31), neutral="", help="use this timeout policy for the connection")
    ctevents = opt("--ctevents", kind=Events(EVENTS), default=0, help="report only these events of the connection")
    expevents = opt("--expevents", kind=Events({"new": 1}), default=0, help="report these events of expectations")
    zone_orig = opt("--zone-orig", kind=ZoneId(), hidden=True, help="use this zone for the original direction")
    zone_reply = opt("--zone-reply", kind=ZoneId(), hidden=True, help="use this zone for the reply direction")
    zone = opt("--zone", kind=ZoneId(), hidden=True, default=(0, ORIGINAL | REPLY), help="use this zone")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """The three zone options fill one place: the last number counts unless one says mark; directions add up."""
        given = {name: value for name, value in values.items() if name in ZONES}
        rest = {name: value for name, value in values.items() if name not in ZONES}
        zone = None if None in given.values() else [0, *given.values()][-1]
        directions = sum(ZONES[name] for name in given) or ORIGINAL | REPLY
        return rest if zone == 0 else rest | {"zone": (zone, directions)}

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """A helper must be one of the kernel's, for the rule's protocol; a timeout policy needs a protocol.

        Whether there is a policy of that name is not known here, and it is taken that there is.
        """
        if self.notrack:
            return None
        protocol = 0 if facts.protocol_inverted else facts.protocol
        if self.helper and not (protocol in HELPERS.get(self.helper, ()) and self._has_helper(facts.family)):
            about = "for the rule's protocol" if self.helper in HELPERS else "is the kernel's own"
            return Refusal(f"no helper {self.helper} {about}", NO_ENTRY)
        return "a timeout policy needs a protocol" if self.timeout and not protocol else None

    def _has_helper(self, family: Family) -> bool:
        return family is Family.IPV4 or self.helper not in ONLY_IPV4

    def tracks(self, facts: RuleFacts) -> bool:
        """Unless it is to keep packets from being tracked."""
        return not self.notrack

    def save(self, facts: RuleFacts) -> str:
        """What was given; zone 0 is not printed."""
        return super().save(facts) + self._zone_text("--")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``CT notrack``, ``CT zone 5``."""
        return f" CT{super().save(facts).replace(' --', ' ')}{self._zone_text('')}"

    def _zone_text(self, dashes: str) -> str:
        zone, directions = self.zone
        side = {ORIGINAL: "-orig", REPLY: "-reply"}.get(directions, "")
        return "" if zone == 0 else f" {dashes}zone{side} {'mark' if zone is None else zone}"

    def open(self, services: Services) -> TemplateRequest:
        """The request, made once."""
        zone, directions = self.zone
        return TemplateRequest(zone, directions, self.helper, self.timeout, self.ctevents, self.expevents)

    def apply(self, skb: Any, state: TemplateRequest, services: EffectServices) -> Verdict | None:
        """Hang a template on the packet or mark it as untracked, and go on."""
        if self.notrack:
            untrack(skb)
        elif not seen(skb):
            skb.nfct, skb.ctinfo = services.template(skb, state), NEW
        return None
