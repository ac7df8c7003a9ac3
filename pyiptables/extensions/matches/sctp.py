"""``-m sctp``: source extensions/libxt_sctp.c and net/netfilter/xt_sctp.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import RuleFacts, opt
from pyiptables.extensions.kinds.chunks import CHUNKS, Chunks
from pyiptables.extensions.kinds.ports import PortRange
from pyiptables.extensions.matches._header_ports import HeaderPortsMatch
from pyiptables.packet.fields import whole_or_first_fragment
from pyiptables.packet.fields_headers import sctp
from pyiptables.predicate import Predicate, Test

PORTS = PortRange("sctp")
HEADER = 12


class SctpMatch(HeaderPortsMatch):
    """Match an SCTP packet. A later fragment never matches; a packet too short for the header is dropped."""

    name = "sctp"
    protocols = frozenset({132})

    sport = opt(
        "--source-port", "--sport", kind=PORTS, invertible=True, save_as="--sport", list_as="spt",
        once="Only one `--source-port' allowed", help="source port or range",
    )  # fmt: skip
    dport = opt(
        "--destination-port", "--dport", kind=PORTS, invertible=True, save_as="--dport", list_as="dpt",
        once="Only one `--destination-port' allowed", help="destination port or range",
    )  # fmt: skip
    chunks = opt(
        "--chunk-types", kind=CHUNKS, invertible=True, once="Only one `--chunk-types' allowed",
        help="all, any or only these chunks are there, with these flags",
    )  # fmt: skip

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``sctp dpt:5 ! all 0x0000:U,0x0001``."""
        option = type(self).chunks
        chunks = ""
        if self.has(option):
            chunks = f"{' !' if self.inverts(option) else ''} {CHUNKS.list(self.chunks, facts, numeric)}"
        return f" sctp{self.list_ports(facts, numeric)}{chunks}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """Ports, then the chunks, as sctp_mt tests them."""
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield from self.port_parts(sctp, facts)
        yield self.wants(type(self).chunks, facts, lambda _: Test("sctp.chunks", self._has_chunks))

    def _has_chunks(self, skb: Any) -> bool:
        found = match_chunks(self.chunks, skb)
        if found is None:
            skb.hotdrop = True
        return bool(found) != self.inverts(type(self).chunks)


def match_chunks(wanted: Chunks, skb: Any) -> bool | None:
    """Whether a packet's chunks are as wanted; None where they cannot be read (match_packet of xt_sctp.c)."""
    data, at = skb.data, skb.thoff + HEADER
    missing = set(wanted.types)
    while True:
        if at + 4 > len(data) or not data[at + 2] | data[at + 3]:
            return None
        kind, flags = data[at], data[at + 1]
        at += (data[at + 2] << 8 | data[at + 3]) + 3 & ~3
        fits = kind in wanted.types and wanted.flags_fit(kind, flags)
        if wanted.mode == "any" and fits:
            return True
        if wanted.mode == "only" and not fits:
            return False
        if fits:
            missing.discard(kind)
        if at >= len(data):
            break
    return wanted.mode == "only" or (wanted.mode == "all" and not missing)
