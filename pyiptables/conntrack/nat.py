"""Network address translation: deciding what a connection becomes, and doing it to its packets.

The first packet of a connection decides. At each NAT hook that it passes, the nat table's rules may ask for a mapping
(:func:`setup_info`); if none does, the null binding keeps the address, and changes the port only where it must to tell
two connections apart. The decision is kept as the entry's reply tuple: it says what the answers will look like. Every
other packet, in both directions, is then made to fit the tuples.

    hook                   changes, on the way out    on the way back
    PREROUTING, OUTPUT     destination (DST)          destination: undoes a source mapping
    INPUT, POSTROUTING     source (SRC)               source: undoes a destination mapping

Source: net/netfilter/nf_nat_core.c, nf_nat_proto.c.
"""

from __future__ import annotations

from collections.abc import Callable

from pyiptables.conntrack.entry import (
    CONFIRMED,
    DST_NAT,
    DST_NAT_DONE,
    DYING,
    FIXED_TIMEOUT,
    NAT_MASK,
    SRC_NAT,
    SRC_NAT_DONE,
    Ctinfo,
    Entry,
    Status,
    direction,
)
from pyiptables.conntrack.nat_manip import manip_packet, status_bit, translate_error
from pyiptables.conntrack.nat_range import PROTO_RANDOM_ALL, Manip, NatRange, RangeFlag, choose_address
from pyiptables.conntrack.table import STATEFUL, ConntrackTable
from pyiptables.conntrack.tcp_states import TcpState
from pyiptables.conntrack.tuples import DCCP, GRE, ICMP, ICMPV6, ORIGINAL, SCTP, TCP, UDP, UDPLITE, Tuple, inverse
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.skb import Skb

MAX_ATTEMPTS = 128
HARDER = MAX_ATTEMPTS // 4
"""Of so many tries for a free port, the last ones may take a closing connection's."""

MAP_IPS, PROTO_SPECIFIED, PROTO_OFFSET = (
    int(RangeFlag.MAP_IPS),
    int(RangeFlag.PROTO_SPECIFIED),
    int(RangeFlag.PROTO_OFFSET),
)


# Deciding


def initialized(entry: Entry, manip: Manip) -> bool:
    """Whether that side has been decided (nf_nat_initialized)."""
    return bool(entry.status & (SRC_NAT_DONE if manip is Manip.SRC else DST_NAT_DONE))


def setup_info(table: ConntrackTable, entry: Entry, range_: NatRange, manip: Manip) -> Verdict:
    """Decide one side of a new connection: map it into the range (nf_nat_setup_info).

    Changes the reply tuple and the status bits. A confirmed entry stays as it is; a side that was decided is DROP.
    """
    if entry.status & CONFIRMED:
        return Verdict.ACCEPT
    if initialized(entry, manip):
        return Verdict.DROP
    current = inverse(entry.reply)
    chosen = unique_tuple(table, current, range_, entry, manip)
    if chosen != current:
        entry.reply = inverse(chosen)
        entry.status |= SRC_NAT if manip is Manip.SRC else DST_NAT
    entry.status |= SRC_NAT_DONE if manip is Manip.SRC else DST_NAT_DONE
    return Verdict.ACCEPT


def alloc_null_binding(table: ConntrackTable, entry: Entry, hook: Hook) -> Verdict:
    """Decide a side that no rule decided: keep its address (nf_nat_alloc_null_binding)."""
    manip = Manip.at(hook)
    address = entry.reply.dst if manip is Manip.SRC else entry.reply.src
    return setup_info(table, entry, NatRange(MAP_IPS, address, address), manip)


def unique_tuple(table: ConntrackTable, tup: Tuple, range_: NatRange, entry: Entry, manip: Manip) -> Tuple:
    """The tuple mapped into the range so that no other connection has its answers (get_unique_tuple).

    In this order: as it is; for a source, as an earlier connection from there was mapped; an address chosen, the port
    kept; a free port searched. It may be that none is free; :meth:`ConntrackTable.confirm` then drops the packet.
    """
    anything_goes = range_.flags & PROTO_RANDOM_ALL
    if manip is Manip.SRC and not anything_goes:
        if range_.holds(tup):
            if not _used_new(table, tup, entry):
                return tup
        else:
            mapped = _as_before(table, tup, range_, entry)
            if mapped is not None and not _used(table, mapped, entry):
                return mapped
    chosen = choose_address(tup, range_, manip, entry.zone)
    if not anything_goes:
        if not range_.flags & PROTO_SPECIFIED:
            if not _used(table, chosen, entry):
                return chosen
        elif (
            not range_.flags & PROTO_OFFSET
            and range_.holds_half(chosen, manip)
            and (
                range_.min_proto == range_.max_proto  # a single port is given, whoever else has it
                or not _used(table, chosen, entry)
            )
        ):
            return chosen
    return _search(table, chosen, range_, entry, manip)


def _used(table: ConntrackTable, tup: Tuple, entry: Entry) -> bool:
    """Whether another connection's answers would look the same (nf_nat_used_tuple)."""
    return table.taken(inverse(tup), entry)


def _used_new(table: ConntrackTable, tup: Tuple, entry: Entry) -> bool:
    """The same for a tuple that NAT leaves alone: a flow that was seen from its other end first may be merged later."""
    if not _used(table, tup, entry):
        return False
    untouched = NAT_MASK | Status.SEQ_ADJUST
    if tup.protocol in STATEFUL or entry.status & untouched:
        return True
    found = table.find(tup, entry.zone) or table.find(inverse(tup), entry.zone)
    if found is None:
        return False
    other = found[0]
    return bool(other.status & untouched) or other.original != entry.reply


def _as_before(table: ConntrackTable, tup: Tuple, range_: NatRange, entry: Entry) -> Tuple | None:
    """The source that an earlier connection from the same source got, if the range has it (find_appropriate_src)."""
    for earlier in table.mapped_from(tup, entry.zone):
        reply = inverse(earlier.reply)
        mapped = tup._replace(src=reply.src, sport=reply.sport)
        if range_.holds(mapped):
            return mapped
    return None


def _search(table: ConntrackTable, tup: Tuple, range_: NatRange, entry: Entry, manip: Manip) -> Tuple:
    """Search a free port or identifier; the last one tried when there is none (nf_nat_l4proto_unique_tuple)."""
    space = _search_space(table, tup, range_, entry, manip)
    if space is None:
        return tup
    low, size, in_source = space
    draw = table.random.getrandbits
    if range_.flags & PROTO_OFFSET:
        offset = (tup.sport if in_source else tup.dport) - range_.base_proto & 0xFFFF
    else:
        offset = draw(16) if range_.flags & PROTO_RANDOM_ALL or manip is Manip.SRC else 0
    attempts = min(size, MAX_ATTEMPTS)
    while True:
        for tried in range(attempts):
            half = low + (offset + tried & 0xFFFF) % size & 0xFFFF
            tup = tup._replace(sport=half) if in_source else tup._replace(dport=half)
            if not _used_harder(table, tup, entry, attempts - tried):
                return tup
        if attempts >= size or attempts < 16:
            return tup
        attempts //= 2
        offset = draw(16)


def _search_space(
    table: ConntrackTable, tup: Tuple, range_: NatRange, entry: Entry, manip: Manip
) -> tuple[int, int, bool] | None:
    """The lowest value, how many there are, and whether they go into the source's half; None: nothing to search.

    Without a range a port stays among its kind: below 512, below 1024, or above.
    """
    protocol, specified = tup.protocol, range_.flags & PROTO_SPECIFIED
    low, high = sorted((range_.min_proto, range_.max_proto))
    if protocol in (ICMP, ICMPV6):
        if specified:
            return range_.min_proto, max(1, range_.max_proto - range_.min_proto + 1), True
        return 0, 65536, True
    if protocol == GRE:
        if entry.master is None:  # not PPTP's
            return None
        return (low, high - low + 1, manip is Manip.SRC) if specified else (1, 65535, manip is Manip.SRC)
    if protocol not in (TCP, UDP, UDPLITE, SCTP) and not (protocol == DCCP and DCCP in table.ported):
        return None
    if specified:
        return low, high - low + 1, manip is Manip.SRC
    if manip is Manip.DST:
        return None
    if tup.sport < 512:
        return 1, 511, True
    return (600, 424, True) if tup.sport < 1024 else (1024, 64512, True)


def _used_harder(table: ConntrackTable, tup: Tuple, entry: Entry, attempts_left: int) -> bool:
    """As :func:`_used`, but when tries run out a closing connection makes way, if the new SYN is newer than it."""
    opening = tup.protocol == TCP and entry.proto is not None and entry.proto.state == TcpState.SYN_SENT
    if attempts_left > HARDER or not opening:
        return _used(table, tup, entry)
    found = table.find(inverse(tup), entry.zone)
    if found is None:
        return False
    other, way = found
    if way == ORIGINAL or other.proto is None or other.proto.state < TcpState.TIME_WAIT:
        return True
    if other.status & (FIXED_TIMEOUT | DYING) or not other.status & SRC_NAT:
        return True
    advanced = entry.proto.ends[0].end - other.proto.ends[0].end & 0xFFFFFFFF
    return not 0 < advanced < 0x80000000 or not table.kill(other)


# Doing


def nat_packet(skb: Skb, hook: Hook) -> Verdict:
    """Change the side of the packet that this hook changes, if its connection has it mapped (nf_nat_packet)."""
    entry: Entry = skb.nfct
    manip = Manip.at(hook)
    if not entry.status & status_bit(manip, direction(skb.ctinfo)):
        return Verdict.ACCEPT
    return Verdict.ACCEPT if manip_packet(skb, entry, manip) else Verdict.DROP


def nat_fn(table: ConntrackTable, skb: Skb, hook: Hook, rules: Callable[[Skb], Verdict] | None) -> Verdict:
    """NAT at a hook (nf_nat_inet_fn, and its wrappers of both families).

    ``rules`` walks the nat table's chain for a packet that opens a connection; its targets call :func:`setup_info`;
    None where there is no such table. The caller compares addresses: where the destination changed at PREROUTING, a
    cached route is void; at OUTPUT see :func:`must_reroute`.
    """
    entry: Entry | None = skb.nfct
    if entry is None:
        return Verdict.ACCEPT
    ctinfo = skb.ctinfo
    manip = Manip.at(hook)
    opening = ctinfo in (Ctinfo.NEW, Ctinfo.RELATED, Ctinfo.RELATED_REPLY)
    if opening and ctinfo != Ctinfo.NEW and skb.protocol == (ICMP if skb.family is Family.IPV4 else ICMPV6):
        return Verdict.ACCEPT if translate_error(skb, entry, manip) else Verdict.DROP
    if opening and not initialized(entry, manip):
        verdict = Verdict.ACCEPT if rules is None else rules(skb)
        if verdict is Verdict.ACCEPT and not initialized(entry, manip):
            verdict = alloc_null_binding(table, entry, hook)
        return nat_packet(skb, hook) if verdict is Verdict.ACCEPT else verdict
    if entry.masq_ifindex and _oif_changed(skb, entry, hook):
        entry.account(direction(ctinfo), len(skb.data))
        table.kill(entry)
        return Verdict.DROP
    return nat_packet(skb, hook)


def _oif_changed(skb: Skb, entry: Entry, hook: Hook) -> bool:
    """Whether a masqueraded connection now leaves by another interface, so that its address is wrong."""
    return hook is Hook.POSTROUTING and direction(skb.ctinfo) == ORIGINAL and entry.masq_ifindex != skb.oif


def must_reroute(skb: Skb) -> bool:
    """Whether a local packet must be routed again after NAT at OUTPUT: its connection's destination is mapped.

    Source: nf_nat_ipv4_local_fn, nf_nat_ipv6_local_fn; asked for every packet whose verdict was ACCEPT.
    """
    entry: Entry | None = skb.nfct
    if entry is None:
        return False
    way = direction(skb.ctinfo)
    return entry.tuple(way).dst != entry.tuple(1 - way).src
