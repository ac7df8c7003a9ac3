"""Helpers: they read the payload of a connection, and announce the connections that it speaks of.

A connection has a helper where the CT target's ``--helper`` gave it one, or where it was expected with one. The helper
sees each packet when it leaves (INPUT, POSTROUTING), after NAT and before the entry is confirmed, and may rewrite the
payload of a connection under NAT.

Source: net/netfilter/nf_conntrack_helper.c, nf_confirm in nf_conntrack_proto.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiptables.conntrack.entry import Entry
from pyiptables.conntrack.helpers.amanda import AMANDA
from pyiptables.conntrack.helpers.base import Call, Helper
from pyiptables.conntrack.helpers.broadcast import NETBIOS
from pyiptables.conntrack.helpers.ftp import FTP, Memory
from pyiptables.conntrack.helpers.irc import IRC
from pyiptables.conntrack.helpers.pptp import PPTP
from pyiptables.conntrack.helpers.sane import SANE
from pyiptables.conntrack.helpers.sip import SIP
from pyiptables.conntrack.helpers.snmp import SNMP, SNMP_TRAP
from pyiptables.conntrack.helpers.tftp import TFTP
from pyiptables.hooks import Verdict
from pyiptables.packet.skb import Skb

if TYPE_CHECKING:
    from pyiptables.conntrack.table import ConntrackTable

HELPERS: dict[str, Helper] = {
    each.name: each for each in (AMANDA, FTP, IRC, NETBIOS, PPTP, SANE, SIP, SNMP, SNMP_TRAP, TFTP)
}

UNMODELLED = {
    "H.245": "H.323's media are not expected, as in a kernel without that module",
    "Q.931": "H.323's calls are not followed, as in a kernel without that module",
    "RAS": "H.323's registrations are not followed, as in a kernel without that module",
}
"""Helpers of the kernel that do nothing here, and what that means: all else is as in a kernel without the module."""


def run(table: ConntrackTable, skb: Skb) -> Verdict:
    """Show a packet to its connection's helper: ACCEPT, or DROP where that says so."""
    entry: Entry = skb.nfct
    name = entry.helper or ""
    helper = HELPERS.get(name)
    if helper is None:
        table.note(f"helper {name}: {UNMODELLED.get(name, 'it is not known')}")
        return Verdict.ACCEPT
    return helper.help(Call(table, helper, skb))


def ended(table: ConntrackTable, entry: Entry) -> None:
    """Tell a helper that a connection of its is over."""
    helper = HELPERS.get(entry.helper or "")
    if helper is not None and helper.ended is not None:
        helper.ended(table, entry)


def pick_up(entry: Entry) -> None:
    """Have the helper of an entry that was loaded begin in the middle, where it can."""
    if entry.helper == FTP.name:
        entry.help = Memory(pickup=True)
