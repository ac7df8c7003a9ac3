"""Sets as the text that ``ipset save`` prints."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.ipset.elements import element_text
from pyiptables.ipset.model import FULL_MASK, SECOND, Entry, Header
from pyiptables.ipset.sets import Sets
from pyiptables.packet.addresses import to_text


def save(sets: Sets, *, now: int = 0) -> Iterator[str]:
    """The lines of ``ipset save``, without their ends: each set's ``create`` and its elements, list:sets last.

    Timeouts are the seconds that are left at ``now`` (nanoseconds on the capture's clock). Elements of a hash stand in
    the order in which they were added, where the kernel's is that of its hash; ``hashsize`` is what the set was
    created with; ``forceadd`` is not printed, as ipset 7 does not print it.
    """
    listed = [name for name in sets if sets[name].header.type.method == "list"]
    for name in [*(name for name in sets if name not in listed), *listed]:
        found = sets[name]
        yield f"create {name} {found.header.type.name}{header_text(found.header)}"
        for key, entry in found.alive(now):
            yield f"add {name} {element_text(found.header, key, entry.mac)}{entry_text(found.header, entry, now)}"


def header_text(header: Header) -> str:
    """The options that a set was created with, each with a space before it."""
    found = []
    for option in header.type.options:
        if option == "range":
            ends = (header.first, header.last)
            texts = (str(end) if header.family is None else to_text(end, header.family) for end in ends)
            found.append(f"range {'-'.join(texts)}")
        elif option == "family":
            found.append("family inet6" if header.family and header.family.version == 6 else "family inet")
        elif option in ("counters", "comment", "skbinfo"):
            found += [option] if getattr(header, option) else []
        elif option == "bitmask":
            if header.bitmask is not None and header.family is not None:
                found.append(f"bitmask {to_text(header.bitmask, header.family)}")
        elif option in ("initval", "markmask"):
            found.append(f"{option} 0x{getattr(header, option):08x}")
        elif option != "forceadd" and getattr(header, option) is not None:
            found.append(f"{option} {getattr(header, option)}")
    return "".join(f" {text}" for text in found)


def entry_text(header: Header, entry: Entry, now: int) -> str:
    """What an element carries, each with a space before it; a timeout that runs is never shown as 0."""
    found = []
    if header.timeout is not None:
        if entry.expires is not None:
            found.append(f"timeout {max(1, (entry.expires - now) // SECOND)}")
        else:
            found.append(f"timeout {entry.stored if _waits(header, entry) else 0}")
    found += ["nomatch"] if entry.nomatch else []
    found += ["wildcard"] if entry.wildcard else []
    if header.counters:
        found.append(f"packets {entry.packets} bytes {entry.bytes}")
    if header.comment and entry.comment:
        found.append(f'comment "{entry.comment}"')
    lent = entry.skbinfo
    if header.skbinfo and (lent.mark or lent.markmask):
        found.append(f"skbmark 0x{lent.mark:x}" + ("" if lent.markmask == FULL_MASK else f"/0x{lent.markmask:x}"))
    if header.skbinfo and lent.priority:
        found.append(f"skbprio {lent.priority >> 16:x}:{lent.priority & 0xFFFF:x}")
    if header.skbinfo and lent.queue:
        found.append(f"skbqueue {lent.queue}")
    return "".join(f" {text}" for text in found)


def _waits(header: Header, entry: Entry) -> bool:
    """Whether the entry is an address that waits for its MAC, its timeout not begun."""
    return header.type.name == "bitmap:ip,mac" and entry.mac is None
