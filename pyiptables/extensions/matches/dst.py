"""``-m dst``: source extensions/libip6t_dst.c and net/ipv6/netfilter/ip6t_hbh.c."""

from __future__ import annotations

from pyiptables.extensions.base import opt
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.matches._options import OptionsMatch, OptionTypes
from pyiptables.packet.fields_headers import DESTINATION


class DestinationOptionsMatch(OptionsMatch):
    """Match the header of destination options."""

    name = "dst"
    header = DESTINATION

    length = opt("--dst-len", kind=UINT32, invertible=True, list_as="length:", help="length in bytes")
    types = opt(
        "--dst-opts", kind=OptionTypes("PAD0 hasn't got length"), list_as="opts ", help="options, in their order"
    )
