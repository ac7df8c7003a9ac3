"""``-m hl``: source extensions/libip6t_hl.c and net/netfilter/xt_hl.c."""

from __future__ import annotations

from pyiptables.extensions.base import opt
from pyiptables.extensions.kinds.numbers import UINT8
from pyiptables.extensions.matches._hops import HopsMatch
from pyiptables.hooks import Family


class HlMatch(HopsMatch):
    """Match the hop limit."""

    name = "hl"
    families = (Family.IPV6,)
    word = "HL"
    missing = "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'"

    lt = opt("--hl-lt", kind=UINT8, excludes=("eq", "lt", "gt"), help="less than this")
    gt = opt("--hl-gt", kind=UINT8, excludes=("eq", "lt", "gt"), help="more than this")
    eq = opt("--hl-eq", "--hl", kind=UINT8, invertible=True, excludes=("eq", "lt", "gt"), help="this")
