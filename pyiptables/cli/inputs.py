"""The ruleset and the host that a command works on: from a snapshot, from files, or assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pyiptables.cli.store import Store
from pyiptables.conntrack import ConntrackTable, load, load_expectations, read_policies
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.ipset.reading import load as load_sets
from pyiptables.ipset.sets import Sets
from pyiptables.netfilter.arriving import forwarded_ways
from pyiptables.packet.addresses import to_text
from pyiptables.packet.link import IPV4, IPV6, Direction, Frame, decode
from pyiptables.packet.typed_packet import TypedPacket
from pyiptables.ruleset.model import Ruleset


def read_ruleset(snapshot: str | None, rules: str | None, file: str | None, family: Family) -> Ruleset:
    """The ruleset of a file, of a snapshot (rules.v4, rules.v6), or the one that pyipt keeps."""
    return Store.named(rules_file(snapshot, rules, file, family), family).read()


def rules_file(snapshot: str | None, rules: str | None, file: str | None, family: Family) -> str | None:
    """The name of the file that the ruleset is in; None for the one that pyipt keeps."""
    if rules is None and snapshot is not None:
        folder = Path(snapshot)
        if not folder.is_dir():
            raise Error(f"{snapshot} is no folder", hint="a snapshot is a folder with rules.v4, ip-addr.json ...")
        rules = str(folder / f"rules.v{family.version}")
    name = rules or file
    if name is not None and name != "-" and not Path(name).exists():
        raise Error(f"there is no ruleset {name}")
    return name


def read_host(snapshot: str | None, host: str | None) -> Host | None:
    """The host of a host file or a snapshot, None when neither is given."""
    if host is not None:
        return Host.from_toml(host)
    return Host.from_snapshot(snapshot) if snapshot is not None else None


def read_sets(snapshot: str | None, ipset: str | None, now: int) -> Sets | None:
    """The sets of a file, or of a snapshot (ipset.save); None when neither has any. Timeouts run from ``now``."""
    path = Path(ipset) if ipset is not None else Path(snapshot, "ipset.save") if snapshot is not None else None
    if path is None or (ipset is None and not path.exists()):
        return None
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            return load_sets(file, str(path), now=now)
    except OSError as error:
        raise Error(f"cannot read {path}: {error.strerror}") from error


def read_connections(table: ConntrackTable, snapshot: str | None, now: int) -> None:
    """Put what a snapshot lists into a table; timeouts run from ``now``.

    That is conntrack.txt (``conntrack -L``), conntrack-expect.txt (``conntrack -L expect``), and nfct-timeout.txt
    (``nfct list timeout``).
    """

    def timeouts(table: ConntrackTable, text: str, source: str) -> None:
        table.policies = read_policies(text, source)

    table.now = now
    readers: tuple[tuple[str, Callable[[ConntrackTable, str, str], object]], ...] = (
        ("conntrack.txt", load),
        ("conntrack-expect.txt", load_expectations),
        ("nfct-timeout.txt", timeouts),
    )
    for name, read in readers:
        path = Path(snapshot, name) if snapshot is not None else None
        if path is None or not path.exists():
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise Error(f"cannot read {path}: {error.strerror}") from error
        read(table, text, str(path))


def assumed_host(
    ruleset: Ruleset,
    *,
    typed: TypedPacket | None = None,
    later: Sequence[TypedPacket] = (),
    frames: Sequence[Frame] = (),
) -> Host:
    """A host made up from what rules name and packets show; what was assumed stands in its ``assumptions``.

    ``typed`` is the first of typed packets, ``later`` are those behind it.
    """
    packets = (typed, *later) if typed is not None else ()
    names = dict.fromkeys(frame.interface for frame in frames if frame.interface not in ("", "any", "lo", "local"))
    addresses: dict[str, list[str]] = {}
    for packet in packets:
        names.update(
            dict.fromkeys(name for name in (packet.out_interface, packet.interface) if name not in (None, "lo"))
        )
    names.pop("", None)
    names.update(dict.fromkeys(_named_interfaces(ruleset)))
    first = next(iter(names), "eth0")
    names.setdefault(first)
    ways = forwarded_ways(packets)
    for packet in () if ways else packets[:1]:
        addresses[packet.interface or packet.out_interface or first] = [
            to_text(_address(packet.data, 1 if packet.interface else 0), ruleset.family)
        ]
    for interface, found in _seen_addresses(frames, ruleset.family).items():
        addresses.setdefault(interface or first, []).extend(found)
    return _with_seen_macs(Host.assumed(list(names), addresses, ways), addresses, frames, first)


def _with_seen_macs(host: Host, addresses: Mapping[str, Sequence[str]], frames: Sequence[Frame], first: str) -> Host:
    """The host with the MACs that frames show in place of made-up ones; 0 where they show none: then any is its own."""
    seen: dict[str, Counter[bytes]] = {}
    for frame in frames:
        link = decode(frame)
        mac = link.source if frame.direction is Direction.OUTBOUND else link.destination
        if mac is not None and frame.direction is not Direction.UNKNOWN and not mac[0] & 1:
            seen.setdefault(frame.interface or first, Counter())[mac] += 1
    interfaces = tuple(
        replace(each, mac=seen[each.name].most_common(1)[0][0] if each.name in seen else bytes(6))
        for each in host.interfaces
    )
    said = tuple(f"{name} has the address {', '.join(found)}" for name, found in addresses.items())
    return replace(host, interfaces=interfaces, assumptions=said + host.assumptions)


def _named_interfaces(ruleset: Ruleset) -> list[str]:
    """The interfaces that rules name in full, those named most first."""
    found: Counter[str] = Counter()
    for _, _, _, rule in ruleset.rules():
        for match in (rule.spec.in_interface, rule.spec.out_interface):
            if match is not None and not match.name.endswith("+") and match.name != "lo":
                found[match.name] += 1
    return [name for name, _ in found.most_common(16)]


def _address(data: bytes, which: int) -> int:
    """The source (0) or destination (1) of a packet."""
    size, start = (4, 12) if data[0] >> 4 == 4 else (16, 8)
    return int.from_bytes(data[start + size * which : start + size * (which + 1)], "big")


def _seen_addresses(frames: Sequence[Frame], family: Family) -> dict[str, list[str]]:
    """The host's own addresses as frames show them: who sends outward; without directions, who takes part most."""
    outward: dict[str, Counter[int]] = {}
    anyone: Counter[int] = Counter()
    wanted, head = (IPV4, 20) if family is Family.IPV4 else (IPV6, 40)
    for frame in frames:
        link = decode(frame)
        if link.problem or link.ethertype != wanted or len(link.payload) < head:
            continue
        source, destination = _address(link.payload, 0), _address(link.payload, 1)
        anyone.update((source, destination))
        if frame.direction is Direction.OUTBOUND:
            outward.setdefault(frame.interface, Counter())[source] += 1
    if not outward and anyone:
        return {"": [to_text(anyone.most_common(1)[0][0], family)]}
    return {name: [to_text(seen.most_common(1)[0][0], family)] for name, seen in outward.items()}
