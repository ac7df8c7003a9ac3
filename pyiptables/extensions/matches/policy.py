"""``-m policy``: source extensions/libxt_policy.c and net/netfilter/xt_policy.c."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Flag, Kind, Match, Option, OptionUses, RuleFacts, opt
from pyiptables.extensions.kinds.choices import Choice
from pyiptables.extensions.kinds.hosts import HOST_MASK
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.kinds.protocols import ANY_PROTOCOL
from pyiptables.hooks import Hook
from pyiptables.packet.names import protocol_name
from pyiptables.predicate import TRUE, Predicate, Unknown

MOST = 4
PROTOCOLS = frozenset({50, 51, 108})
HOOKS = {
    "in": frozenset({Hook.PREROUTING, Hook.INPUT, Hook.FORWARD}),
    "out": frozenset({Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING}),
}
PRINTED = ("reqid", "spi", "proto", "mode", "tunnel-dst", "tunnel-src")
"""What an element of a policy may say, in the order in which it is printed."""

Element = dict[str, tuple[bool, Any]]
"""What an element says: by the option's name, whether it is inverted, and the value."""


class Part(Kind):
    """A value of an element of the policy, with the option's name and its inversion."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.metavar, self.limits = kind.metavar, kind.limits

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The three."""
        return (option.names[0][2:], facts.inverted, self.kind.parse(texts, option, facts))


class Spi(Kind):
    """A number, printed in hexadecimal."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number."""
        return UINT32.parse(texts, option, facts)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``0xN``."""
        return f"{value:#x}"


class IpsecProtocol(Kind):
    """``ah``, ``esp`` or ``ipcomp``."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its number."""
        number = ANY_PROTOCOL.parse(texts, option, facts)
        if number not in PROTOCOLS:
            raise ParameterProblem("policy match: protocol must be ah/esp/ipcomp")
        return number

    def save(self, value: Any, facts: RuleFacts) -> str:
        """Its name."""
        return self.list(value, facts, numeric=False)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """Its name, its number with ``-n``."""
        return str(value) if numeric else protocol_name(value) or str(value)


class Next(Flag):
    """The end of an element."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Nothing but its name."""
        return ("next", False, None)


def _part(name: str, kind: Kind, text: str) -> Option:
    return opt(f"--{name}", kind=Part(kind), invertible=True, multi=True, to="steps", help=text)


class PolicyMatch(Match):
    """Match by the IPsec policy that a packet came through, or will go through; none is known of any packet."""

    name = "policy"
    unknown = "the packet's IPsec policy"

    direction = opt(
        "--dir", kind=Choice("in", "out", bad='policy_match: invalid dir "{}"'), help="whether it came, or will go"
    )
    policy = opt(
        "--pol", kind=Choice("none", "ipsec", bad='policy match: invalid policy "{}"'), neutral="ipsec",
        default="ipsec", help="whether there is a policy",
    )  # fmt: skip
    strict = opt("--strict", help="the elements are all that there are")
    reqid = _part("reqid", UINT32, "id of the policy")
    spi = _part("spi", Spi(), "security parameter index")
    source = _part("tunnel-src", HOST_MASK, "source of the tunnel")
    destination = _part("tunnel-dst", HOST_MASK, "destination of the tunnel")
    protocol = _part("proto", IpsecProtocol(), "protocol: ah, esp or ipcomp")
    mode = _part("mode", Choice("transport", "tunnel", bad='policy match: invalid mode "{}"'), "what is protected")
    following = opt("--next", kind=Next(), multi=True, also=("strict",), to="steps", help="begin the next element")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        super().__init__(values)

    @classmethod
    def read_option(cls, option: Option, texts: Sequence[str], before: OptionUses, facts: RuleFacts) -> Any:
        """There are so many elements, and each says a thing once."""
        elements = _elements(before.values)
        double = f"policy match: double {option.names[0]} option" if option.names[0][2:] in elements[-1] else ""
        if double and option is cls.mode:  # whose value the program looks at only then
            raise ParameterProblem(double)
        value = super().read_option(option, texts, before, facts)
        if double:
            raise ParameterProblem(double)
        if option is cls.following and len(elements) >= MOST:
            raise ParameterProblem("policy match: maximum policy depth reached")
        return value

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """The parts as elements."""
        elements = _elements(values)
        values.pop("steps", None)
        if "direction" not in values:
            raise ParameterProblem("policy match: neither --dir in nor --dir out specified")
        if values.get("policy") == "none":
            if "strict" in values:
                raise ParameterProblem("policy match: policy none but --strict given")
            if len(elements) > 1:
                raise ParameterProblem("policy match: policy none but policy given")
            elements = []
        return {**values, "elements": tuple(elements)}

    def check(self, facts: RuleFacts) -> None:
        """Elements say something, and addresses only of tunnels."""
        for place, element in enumerate(self.values["elements"]):
            if self.strict and not element:
                raise ParameterProblem(
                    f"policy match: empty policy element {place}. --strict is in effect, but at least one of "
                    "reqid, spi, tunnel-src, tunnel-dst, proto or mode is required."
                )
            if element.keys() & {"tunnel-src", "tunnel-dst"} and element.get("mode") not in (
                (False, "tunnel"),
                (True, "transport"),
            ):
                raise ParameterProblem("policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode")

    def allowed_hooks(self) -> frozenset[Hook] | None:
        """Those that a packet of the direction passes."""
        return HOOKS[self.direction]

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """Nothing beside the place."""
        return None

    def save(self, facts: RuleFacts) -> str:
        """``--dir in --pol ipsec --proto esp``, with --next between elements."""
        return self._flags("--") + " --next".join(
            self._element(element, "--", facts, numeric=False) for element in self.values["elements"]
        )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``policy match dir in pol ipsec strict [0] reqid 1 [1] reqid 2``."""
        elements = self.values["elements"]
        numbered = len(elements) > 1
        return f" policy match{self._flags('')}" + "".join(
            (f" [{place}]" if numbered else "") + self._element(element, "", facts, numeric)
            for place, element in enumerate(elements)
        )

    def _flags(self, dashes: str) -> str:
        strict = f" {dashes}strict" if self.strict else ""
        return f" {dashes}dir {self.direction} {dashes}pol {self.policy}{strict}"

    def _element(self, element: Element, dashes: str, facts: RuleFacts, numeric: bool) -> str:
        text = ""
        for name in PRINTED:
            if name in element:
                inverted, value = element[name]
                # Addresses are printed in numbers always.
                shown = KINDS[name].list(value, facts, numeric or name.startswith("tunnel"))
                text += f"{' !' if inverted else ''} {dashes}{name} {shown}"
        return text

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """What holds for a packet without a policy."""
        yield TRUE if self.policy == "none" else Unknown("the packet's IPsec policy")


def _elements(values: Mapping[str, Any]) -> list[Element]:
    """The elements that the parts make; the last one may get more."""
    elements: list[Element] = [{}]
    for name, inverted, value in values.get("steps", ()):
        if name == "next":
            elements.append({})
        else:
            elements[-1][name] = (inverted, value)
    return elements


KINDS = {
    option.names[0][2:]: option.kind.kind for option in PolicyMatch.options.values() if isinstance(option.kind, Part)
}
