"""The expectations in the words of ``conntrack -L expect``, out and in.

Source: libnetfilter_conntrack's default output format of expectations, read off conntrack 1.4.7 and the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyiptables.conntrack.entry import SECOND, Entry
from pyiptables.conntrack.expect import Expectation
from pyiptables.conntrack.listing import number
from pyiptables.conntrack.table import ConntrackTable
from pyiptables.conntrack.tuples import DCCP, GRE, SCTP, TCP, UDP, UDPLITE, Tuple
from pyiptables.errors import HostError
from pyiptables.packet.addresses import from_text, to_text

FLAGS = ("PERMANENT", "INACTIVE", "USERSPACE")
_PORTED = frozenset({TCP, UDP, UDPLITE, SCTP, DCCP})
_PREFIXES = ("", "mask-", "master-")


def dump_expectations(table: ConntrackTable) -> list[str]:
    """The expectations as lines of ``conntrack -L expect``; what is left of a timeout in whole seconds."""
    return [expectation_line(each, table.now) for each in table.expectations if each.timeout > table.now]


def expectation_line(expectation: Expectation, now: int) -> str:
    """One expectation as ``conntrack -L expect`` prints it."""
    wanted, master = expectation.wanted, expectation.master
    every = (1 << wanted.family.bits) - 1
    mask = Tuple(wanted.family, expectation.src_mask, every, wanted.protocol, expectation.sport_mask, 0xFFFF)
    words = [f"{max(0, expectation.timeout - now) // SECOND} proto={wanted.protocol}"]
    words += [_tuple_words(wanted, ""), _tuple_words(mask, "mask-"), _tuple_words(master.original, "master-")]
    flags = ["PERMANENT"] * expectation.permanent + ["INACTIVE"] * expectation.inactive
    words += [",".join(flags)] if flags else []
    return " ".join([*words, f"class={expectation.kind}", f"helper={master.helper or ''}"])


def _tuple_words(tup: Tuple, prefix: str) -> str:
    words = f"{prefix}src={to_text(tup.src, tup.family)} {prefix}dst={to_text(tup.dst, tup.family)}"
    if tup.protocol == GRE:
        return f"{words} srckey={tup.sport:#x} dstkey={tup.dport:#x}"
    return f"{words} sport={tup.sport} dport={tup.dport}" if tup.protocol in _PORTED else words


def load_expectations(table: ConntrackTable, text: str, source: str | None = None) -> int:
    """Open the expectations of such lines, whose masters are in the table, and say how many.

    HostError names the line that is not one, or whose connection is not in the table. What NAT would do to a connection
    that comes is not in such a line: it is left as it comes.
    """
    count, masters = 0, {_known_by(entry.original, entry.helper): entry for entry in table if entry.helper}
    for place, row in enumerate(text.splitlines(), 1):
        if not row.strip() or "expectations have been shown" in row:
            continue
        try:
            expectation, seconds = _parse(masters, row)
        except ValueError as error:
            raise HostError(
                f"not a line of conntrack -L expect: {error}", source=source, line=place, snippet=row[:200]
            ) from error
        if not table.expectations.put(expectation, table.now + seconds * SECOND + SECOND // 2):
            raise HostError("more expectations than there may be", source=source, line=place, snippet=row[:200])
        count += 1
    return count


def _parse(masters: Mapping[tuple[object, ...], Entry], row: str) -> tuple[Expectation, int]:
    """The expectation that a line says, and its seconds; ValueError when it says none."""
    left, *words = row.split()
    tuples: list[dict[str, str]] = []
    rest: dict[str, str] = {}
    flags: set[str] = set()
    for name, equals, value in (word.partition("=") for word in words):
        if not equals:
            flags |= set(name.split(","))
        elif name in ("proto", "class", "helper"):
            rest[name] = value
        else:
            if name == f"{_PREFIXES[min(len(tuples), 2)]}src":
                tuples.append({})
            if not tuples:
                raise ValueError(f"{name}= before src=")
            tuples[-1].setdefault(name.rpartition("-")[2], value)
    if len(tuples) != 3 or flags - set(FLAGS):
        raise ValueError(f"expected three tuples, and no flags but {', '.join(FLAGS)}")
    protocol = number(rest.get("proto", ""), 8, "proto")
    wanted, mask = (_read_tuple(each, protocol) for each in tuples[:2])
    master = masters.get(_known_by(_read_tuple(tuples[2], 0), rest.get("helper")))
    if master is None:
        raise ValueError("the connection that expects it is not in the list")
    found = Expectation(
        wanted,
        master,
        mask.src,
        mask.sport,
        permanent="PERMANENT" in flags,
        inactive="INACTIVE" in flags,
        kind=number(rest.get("class", "0"), 32, "class"),
    )
    return found, number(left, 32, "timeout")


def _read_tuple(words: dict[str, str], protocol: int) -> Tuple:
    """A tuple from its words; what a protocol does not have is 0."""
    src, family = from_text(words.get("src", ""))
    dst, other = from_text(words.get("dst", ""))
    if family is not other:
        raise ValueError("addresses of two families")
    first, second = ("srckey", "dstkey") if protocol == GRE else ("sport", "dport")
    sport, dport = (number(words.get(name, "0"), 16, name) for name in (first, second))
    return Tuple(family, src, dst, protocol, sport, dport)


def _known_by(tup: Tuple, helper: str | None) -> tuple[object, ...]:
    """What a line says of the connection that expects: neither its protocol nor its zone."""
    return tup.src, tup.dst, tup.sport, tup.dport, helper
