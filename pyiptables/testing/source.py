"""What a firewall is read from: rulesets, a host, sets, connections; each file once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pyiptables.api import load
from pyiptables.conntrack import ConntrackTable
from pyiptables.conntrack import load as load_connections
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.ipset.reading import load as load_sets
from pyiptables.ipset.sets import Sets
from pyiptables.netfilter.arriving import forwarded_ways
from pyiptables.packet.addresses import to_text
from pyiptables.packet.typed_packet import TypedPacket
from pyiptables.ruleset.model import Ruleset
from pyiptables.syntax.sets import missing

LARGEST_FILE = 256 << 20
"""Bytes of the largest file that is read whole."""
MOST_INTERFACES = 16


@dataclass(slots=True)
class Source:
    """The files of a firewall. What is not named comes from the snapshot folder, where one is named.

    A host may be given itself. Without host and snapshot one is assumed from the rules and the packets.
    """

    snapshot: Path | None = None
    rules: Path | None = None
    rules6: Path | None = None
    ipset: Path | None = None
    host: Path | Host | None = None
    _rulesets: dict[Family, Ruleset] = field(default_factory=dict, repr=False)
    _host: Host | None = field(default=None, repr=False)
    _texts: dict[Path, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, path: str | Path) -> Source:
        """A snapshot folder, or a file in iptables-save's format (ip6tables-save's where its name ends in 6)."""
        found = Path(path)
        if found.is_dir():
            return cls(snapshot=found)
        if not found.exists():
            raise Error(f"there is no ruleset {found}")
        return cls(rules6=found) if found.name.endswith("6") else cls(rules=found)

    def on(self, host: Host) -> Source:
        """The same firewall on another host."""
        return replace(self, host=host, _host=None)

    @property
    def families(self) -> tuple[Family, ...]:
        """Those that there are rules for."""
        return tuple(family for family in Family if self.rules_path(family) is not None)

    def rules_path(self, family: Family) -> Path | None:
        """The file that a family's rules are in; None where there is none."""
        named = self.rules if family is Family.IPV4 else self.rules6
        if named is not None or self.snapshot is None:
            return named
        path = self.snapshot / f"rules.v{family.version}"
        return path if path.exists() else None

    def ruleset(self, family: Family) -> Ruleset:
        """The rules of a family; Error where there are none, or the file is no ruleset."""
        found = self._rulesets.get(family)
        if found is None:
            path = self.rules_path(family)
            if path is None:
                key = "rules" if family is Family.IPV4 else "rules6"
                where = f" in {self.snapshot}" if self.snapshot is not None else ""
                raise Error(f"there are no IPv{family.version} rules{where}", hint=f"name them with {key}")
            found = self._rulesets[family] = load(path, family)
        return found

    def real_host(self) -> Host | None:
        """The host that is given; None where it has to be assumed."""
        if self._host is None:
            if isinstance(self.host, Host):
                self._host = self.host
            elif self.host is not None:
                self._host = Host.from_toml(self.host)
            elif self.snapshot is not None:
                self._host = Host.from_snapshot(self.snapshot)
        return self._host

    def host_for(self, family: Family, packets: Iterable[TypedPacket]) -> Host:
        """The host, assumed where it is not given: packets that arrive are for it, packets that it sends are its own."""
        found = self.real_host()
        return found if found is not None else assumed_host(self.ruleset(family), packets)

    def sets(self, now: int) -> Sets | None:
        """The sets, timeouts running from ``now``; None where there are none."""
        path = self.ipset or self._beside("ipset.save")
        if path is None:
            return None
        return load_sets(self._text(path).splitlines(keepends=True), str(path), now=now)

    def connect(self, table: ConntrackTable, now: int) -> None:
        """Put the connections that a snapshot lists into a table, timeouts running from ``now``."""
        path = self._beside("conntrack.txt")
        if path is not None:
            table.now = now
            load_connections(table, self._text(path), str(path))

    def assumptions(self, family: Family) -> tuple[str, ...]:
        """What had to be assumed about host and sets, in words."""
        host = self.real_host()
        said = host.assumptions if host is not None else ("the host, as no snapshot or host file is named",)
        absent = missing(self.ruleset(family), self.sets(0))
        return (*said, absent) if absent else said

    def _beside(self, name: str) -> Path | None:
        path = self.snapshot / name if self.snapshot is not None else None
        return path if path is not None and path.exists() else None

    def _text(self, path: Path) -> str:
        found = self._texts.get(path)
        if found is None:
            found = self._texts[path] = read_text(path)
        return found


def read_text(path: Path) -> str:
    """A whole text file; Error where it cannot be read or is absurdly large."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Error(f"cannot read {path}: {reason}") from error
    if len(data) > LARGEST_FILE:
        raise Error(f"{path} is larger than {LARGEST_FILE >> 20} MB")
    return data.decode("utf-8", "surrogateescape")


def assumed_host(ruleset: Ruleset, packets: Iterable[TypedPacket]) -> Host:
    """A host made up from the interfaces that rules and packets name, with the addresses and ways that packets show."""
    packets = list(packets)
    names = interfaces_of(ruleset, packets)
    ways = forwarded_ways(packets)
    if ways:
        return Host.assumed([*dict.fromkeys((packets[0].out_interface or names[0], *names))], {}, ways)
    first = names[0]
    addresses: dict[str, dict[str, None]] = {}
    for packet in packets:
        address = source_text(packet) if packet.local else destination_text(packet)
        addresses.setdefault(packet.interface or packet.out_interface or first, {})[address] = None
    return Host.assumed(names, {name: list(own) for name, own in addresses.items() if name != "lo"})


def interfaces_of(ruleset: Ruleset, packets: Iterable[TypedPacket]) -> list[str]:
    """The interfaces that packets and rules name, at least one."""
    found: Counter[str] = Counter()
    for _, _, _, rule in ruleset.rules():
        for match in (rule.spec.in_interface, rule.spec.out_interface):
            if match is not None and not match.name.endswith("+") and match.name != "lo":
                found[match.name] += 1
    names = dict.fromkeys(name for packet in packets for name in (packet.interface, packet.out_interface) if name)
    names.update(dict.fromkeys(name for name, _ in found.most_common(MOST_INTERFACES)))
    return list(names) or ["eth0"]


def source_text(packet: TypedPacket) -> str:
    """The address that a packet comes from."""
    return _address(packet, 0)


def destination_text(packet: TypedPacket) -> str:
    """The address that a packet goes to."""
    return _address(packet, 1)


def _address(packet: TypedPacket, which: int) -> str:
    size, start = (4, 12) if packet.family is Family.IPV4 else (16, 8)
    start += size * which
    return to_text(int.from_bytes(packet.data[start : start + size].ljust(size, b"\0"), "big"), packet.family)
