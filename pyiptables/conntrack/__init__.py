"""Connection tracking and NAT: tuples, entries, the table, one tracker a protocol, expectations.

Where the engine calls in, in the order of the priorities:

    hook                  priority   call
    PREROUTING, OUTPUT    -200       ``table.track(skb, hook)``
    PREROUTING, OUTPUT    -100       ``nat_fn(table, skb, hook, rules)``; at OUTPUT then ``must_reroute(skb)``
    INPUT, POSTROUTING     100       ``nat_fn(table, skb, hook, rules)``
    INPUT, POSTROUTING    last       ``table.confirm(skb)``, helpers and sequence numbers included

``table.now`` is set before each packet. Each module below has one subject; this one names what others use.
"""

from pyiptables.conntrack.entry import Ctinfo, Entry, Outcome, State, Status, Zone, ctstate, direction
from pyiptables.conntrack.expect import Expectation, Expectations
from pyiptables.conntrack.expect_listing import dump_expectations, load_expectations
from pyiptables.conntrack.listing import dump, line, load
from pyiptables.conntrack.nat import (
    alloc_null_binding,
    initialized,
    must_reroute,
    nat_fn,
    nat_packet,
    setup_info,
    unique_tuple,
)
from pyiptables.conntrack.nat_manip import manip_packet, translate_error
from pyiptables.conntrack.nat_range import Manip, NatRange, RangeFlag
from pyiptables.conntrack.policies import TimeoutPolicy, read_policies
from pyiptables.conntrack.seqadj import begin as begin_adjustment
from pyiptables.conntrack.settings import Settings
from pyiptables.conntrack.table import ConntrackTable, attach
from pyiptables.conntrack.tcp import set_closing
from pyiptables.conntrack.tuples import ORIGINAL, REPLY, Tuple, inverse, invert, tuple_at

__all__ = [
    "ORIGINAL",
    "REPLY",
    "ConntrackTable",
    "Ctinfo",
    "Entry",
    "Expectation",
    "Expectations",
    "Manip",
    "NatRange",
    "Outcome",
    "RangeFlag",
    "Settings",
    "State",
    "Status",
    "TimeoutPolicy",
    "Tuple",
    "Zone",
    "alloc_null_binding",
    "attach",
    "begin_adjustment",
    "ctstate",
    "direction",
    "dump",
    "dump_expectations",
    "initialized",
    "inverse",
    "invert",
    "line",
    "load",
    "load_expectations",
    "manip_packet",
    "must_reroute",
    "nat_fn",
    "nat_packet",
    "read_policies",
    "set_closing",
    "setup_info",
    "translate_error",
    "tuple_at",
    "unique_tuple",
]
