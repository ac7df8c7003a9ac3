"""``-m hbh``: source extensions/libip6t_hbh.c and net/ipv6/netfilter/ip6t_hbh.c."""

from __future__ import annotations

from pyiptables.extensions.base import opt
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.matches._options import OptionsMatch, OptionTypes
from pyiptables.packet.fields_headers import HOP_BY_HOP


class HopByHopOptionsMatch(OptionsMatch):
    """Match the header of hop-by-hop options."""

    name = "hbh"
    header = HOP_BY_HOP

    length = opt("--hbh-len", kind=UINT32, invertible=True, list_as="length:", help="length in bytes")
    types = opt(
        "--hbh-opts", kind=OptionTypes("PAD0 has not got length"), list_as="opts ", help="options, in their order"
    )
