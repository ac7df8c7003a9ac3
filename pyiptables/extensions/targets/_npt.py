"""What SNPT and DNPT share: stateless translation of prefixes (RFC 6296).

Source: extensions/libip6t_SNPT.c and net/ipv6/netfilter/ip6t_NPT.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pyiptables.extensions.base import Option, RuleFacts, Target, opt
from pyiptables.extensions.kinds.hosts import HostMask
from pyiptables.extensions.targets._services import ActionServices
from pyiptables.hooks import Family, Verdict
from pyiptables.packet.addresses import prefix_length, prefix_mask, to_text
from pyiptables.packet.checksum import fold, ones_sum

LONGEST = 64
NO_LENGTH = 255
"""What a mask without a prefix length counts as."""
SOURCE, DESTINATION = 8, 24
"""Where the addresses stand in the header."""
HEADER, ICMP_HEADER, ICMPV6 = 40, 8, 58
ICMP_ERRORS = (1, 2, 3, 4)


class Prefix(HostMask):
    """``ADDRESS/LENGTH``: a pair, the address as it is given, and the length."""

    metavar = "prefix/length"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The two."""
        address, mask = super().parse(texts, option, facts)
        length = prefix_length(mask, facts.family)
        return (address, NO_LENGTH if length is None else length)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``2001:db8::/64``."""
        return f"{to_text(value[0], facts.family)}/{value[1]}"


PREFIX = Prefix()


class PrefixTarget(Target):
    """Put one prefix in place of another, so that the checksum of the transport still holds. Goes on.

    A declaration sets ``place`` to the address that is translated, one of SOURCE and DESTINATION.
    """

    families = (Family.IPV6,)
    place: ClassVar[int]

    source = opt("--src-pfx", kind=PREFIX, required=True, help="prefix that packets have")
    destination = opt("--dst-pfx", kind=PREFIX, required=True, help="prefix that they get")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """At most 64 bits, and nothing behind them."""
        for address, length in (self.source, self.destination):
            if length > LONGEST:
                return f"a prefix has at most {LONGEST} bits"
            if address & ~prefix_mask(length, Family.IPV6):
                return "an address has bits behind its prefix"
        return None

    def shows(self, option: Option) -> bool:
        """But for ``::/0``."""
        return any(self.values[option.attribute])

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``SNPT src-pfx 2001:db8::/64 dst-pfx 2001:db8:1::/64``."""
        return f" {self.name} src-pfx {PREFIX.save(self.source, facts)} dst-pfx {PREFIX.save(self.destination, facts)}"

    def apply(self, skb: Any, state: None, services: ActionServices) -> Verdict | None:
        """Translate; an address that no adjustment is left for is answered with an ICMP error."""
        data = skb.data
        mapped = self.map(bytes(data[self.place : self.place + 16]))
        if mapped is None:
            services.parameter_problem(skb, self.place)
            return Verdict.DROP
        data[self.place : self.place + 16] = mapped
        self._map_cause(data)
        skb.parse()
        return None

    def map(self, address: bytes) -> bytes | None:
        """The address with the other prefix (ip6t_npt_map_pfx); None when all words to adjust are 0xffff."""
        wanted, length = self.destination[0], max(self.source[1], self.destination[1])
        kept = int.from_bytes(address, "big") & ~prefix_mask(length, Family.IPV6)
        made = bytearray((kept | wanted).to_bytes(16, "big"))
        words = range(6, 8, 2) if length <= 48 else range(8, 16, 2)
        place = next((at for at in words if length <= 48 or made[at : at + 2] != b"\xff\xff"), None)
        if place is None:
            return None
        source, destination = (ones_sum(pair[0].to_bytes(16, "big")) for pair in (self.source, self.destination))
        total = fold(int.from_bytes(made[place : place + 2], "big") + fold(source + (~destination & 0xFFFF)))
        made[place : place + 2] = (0 if total == 0xFFFF else total).to_bytes(2, "big")
        return bytes(made)

    def _map_cause(self, data: bytearray) -> None:
        """Translate the other address in the packet that an ICMP error is about, when it has the source prefix."""
        start = HEADER + ICMP_HEADER
        if data[6] != ICMPV6 or len(data) < start + HEADER or data[HEADER] not in ICMP_ERRORS:
            return
        place = start + (DESTINATION if self.place == SOURCE else SOURCE)
        address = bytes(data[place : place + 16])
        prefix, length = self.source
        if int.from_bytes(address, "big") & prefix_mask(length, Family.IPV6) == prefix:
            data[place : place + 16] = self.map(address) or address
