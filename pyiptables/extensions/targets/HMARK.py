"""``-j HMARK``: source extensions/libxt_HMARK.c and net/netfilter/xt_HMARK.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, OptionUses, RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.masks import MASK
from pyiptables.extensions.kinds.numbers import UINT32, Integer
from pyiptables.extensions.targets._hmark import Hasher, flow_of_connection, flow_of_packet
from pyiptables.hooks import Family, Verdict
from pyiptables.packet.addresses import prefix_length, to_text

PORT_BITS, SPI_BITS = 0xFFFF, 0xFFFFFFFF
TYPES = {
    "ct": ("ct", 1),
    "src": ("src_mask", -1),
    "dst": ("dst_mask", -1),
    "sport": ("sport_mask", PORT_BITS),
    "dport": ("dport_mask", PORT_BITS),
    "spi": ("spi_mask", SPI_BITS),
    "proto": ("proto_mask", PORT_BITS),
}
"""What each type stands for: the attribute that it sets, and to what (-1: a whole address)."""

NOTHING_HASHED = frozenset({"modulus", "seed", "offset"})


class Hex(Integer):
    """A number that is printed in hexadecimal."""

    def __init__(self, most: int, digits: int) -> None:
        super().__init__(0, most)
        self.digits = digits

    def save(self, value: Any, facts: RuleFacts) -> str:
        """With leading zeros."""
        return f"0x{value:0{self.digits}x}"

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """Without."""
        return f"{value:#x}"


class Types(Kind):
    """``TYPE,TYPE``: in any case, each as short as one likes."""

    metavar = "type[,type...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The types' full names."""
        rest, found = texts[0], []
        while rest:
            word, comma, following = rest.partition(",")
            name = next((name for name in TYPES if word and name.startswith(word.lower())), None)
            if name is None:
                raise ParameterProblem(f'Bad type "{rest}"')
            found.append(name)
            rest = following
            if comma and not rest:
                break
        else:
            if found:
                return tuple(found)
        raise ParameterProblem(
            f'"{option.names[0]}" requires a list of types with no spaces, e.g. src,dst,sport,dport,proto'
        )


PORT, SPI = Hex(PORT_BITS, 4), Hex(SPI_BITS, 8)


class HmarkTarget(Target):
    """Set the packet's mark to a hash of what tells its flow from others, and go on."""

    name = "HMARK"

    types = opt("--hmark-tuple", kind=Types(), hidden=True, help="what to hash: src, dst, sport, dport, spi, proto, ct")
    src_mask = opt(
        "--hmark-src-prefix", kind=MASK, default=0, list_as="src-prefix", help="prefix of the source to hash"
    )
    dst_mask = opt("--hmark-dst-prefix", kind=MASK, default=0, list_as="dst-prefix", help="prefix of the destination")
    sport_mask = opt("--hmark-sport-mask", kind=PORT, default=0, list_as="sport-mask", help="bits of the source port")
    dport_mask = opt("--hmark-dport-mask", kind=PORT, default=0, list_as="dport-mask", help="bits of the other port")
    spi_mask = opt("--hmark-spi-mask", kind=SPI, default=0, list_as="spi-mask", help="bits of the SPI of ESP and AH")
    sport = opt("--hmark-sport", kind=PORT, default=0, list_as="sport", help="bits to set in the source port")
    dport = opt("--hmark-dport", kind=PORT, default=0, list_as="dport", help="bits to set in the destination port")
    spi = opt("--hmark-spi", kind=SPI, default=0, list_as="spi", help="bits to set in the SPI")
    proto_mask = opt(
        "--hmark-proto-mask", kind=Hex(PORT_BITS, 2), default=0, list_as="proto-mask", help="bits of the protocol"
    )
    seed = opt("--hmark-rnd", kind=SPI, list_as="rnd", help="seed of the hash")
    modulus = opt("--hmark-mod", kind=Integer(1, SPI_BITS), help="how many marks there are")
    offset = opt("--hmark-offset", kind=UINT32, help="the lowest mark")

    @classmethod
    def read_option(cls, option: Option, texts: Sequence[str], before: OptionUses, facts: RuleFacts) -> Any:
        """A mask after types that have set it is one too many."""
        if option.attribute in (TYPES[one][0] for one in before.values.get("types", ())):
            raise ParameterProblem(f'{cls.name}: option "{option.names[0]}" can only be used once.\n')
        value = super().read_option(option, texts, before, facts)
        if option is cls.types:
            before.seen.update((TYPES[one][0], option) for one in value)
        return value

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """Types stand for masks."""
        found = {name: value for name, value in values.items() if name != "types"}
        for attribute, bits in (TYPES[one] for one in values.get("types", ())):
            found[attribute] = (1 << facts.family.bits) - 1 if bits < 0 else bits
        return found

    def check(self, facts: RuleFacts) -> None:
        """Modulus, seed, and something to hash; an SPI is no ports."""
        given = self.values.keys()
        for option in (type(self).modulus, type(self).seed):
            if option.attribute not in given:
                raise ParameterProblem(f"{option.names[0]} is mandatory")
        if "spi_mask" in given and given & {"sport_mask", "dport_mask"}:
            raise ParameterProblem("you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time")
        if given <= NOTHING_HASHED:
            raise ParameterProblem("you have to specify --hmark-tuple at least")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """The same of the bits to set."""
        clash = "spi" in self.values and self.values.keys() & {"sport", "dport"}
        return "an SPI and ports cannot be set together" if clash else None

    def save(self, facts: RuleFacts) -> str:
        """The masks, and of the types only ``ct``."""
        return super().save(facts) + " --hmark-tuple ct" * ("ct" in self.values)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``HMARK mod 10 + 0x64 ct, src-prefix 24 rnd 0x1``, and a blank."""
        offset = f"+ {self.offset:#x} " if self.offset is not None else ""
        text = f" HMARK mod {self.modulus} {offset}{'ct, ' * ('ct' in self.values)}"
        for option in self.options.values():
            if option.list_as and self.has(option):
                value = self.values[option.attribute]
                shown = _list_mask(value, facts) if option.kind is MASK else option.kind.list(value, facts, numeric)
                text += f"{option.list_as} {shown} "
        return text

    def open(self, services: Services) -> Hasher:
        """What is hashed, and how."""
        return Hasher(
            (self.src_mask, self.dst_mask),
            self.spi_mask or self.sport_mask << 16 | self.dport_mask,
            self.spi or self.sport << 16 | self.dport,
            self.proto_mask,
            self.seed,
        )

    def apply(self, skb: Any, state: Hasher, services: Services) -> Verdict | None:
        """Hash the flow of the packet, or with ``ct`` of its connection; without one the mark stays."""
        flow = flow_of_connection(skb) if "ct" in self.values else flow_of_packet(skb)
        if flow is not None:
            skb.mark = (state.hash(flow, skb.family) * self.modulus >> 32) + (self.offset or 0) & SPI_BITS
        return None


def _list_mask(mask: int, facts: RuleFacts) -> str:
    """A mask in ``-L``: nothing for a whole IPv6 address, -1 without a sign for an IPv4 mask that has no length."""
    length = prefix_length(mask, facts.family)
    if facts.family is Family.IPV6:
        return to_text(mask, facts.family) if length is None else "" if length == facts.family.bits else str(length)
    return str(SPI_BITS if length is None else length)
