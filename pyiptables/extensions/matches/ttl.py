"""``-m ttl``: source extensions/libipt_ttl.c and net/netfilter/xt_hl.c."""

from __future__ import annotations

from pyiptables.extensions.base import opt
from pyiptables.extensions.kinds.numbers import UINT8
from pyiptables.extensions.matches._hops import HopsMatch
from pyiptables.hooks import Family


class TtlMatch(HopsMatch):
    """Match the time to live."""

    name = "ttl"
    families = (Family.IPV4,)
    word = "TTL"
    missing = "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt"

    lt = opt("--ttl-lt", kind=UINT8, excludes=("eq", "lt", "gt"), help="less than this")
    gt = opt("--ttl-gt", kind=UINT8, excludes=("eq", "lt", "gt"), help="more than this")
    eq = opt("--ttl-eq", "--ttl", kind=UINT8, invertible=True, excludes=("eq", "lt", "gt"), help="this")
