"""What a scenario can be about: an area has its hosts, its words of rules, and its conversations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from oracle import talks, talks_special, talks_transports
from oracle.drawing import Draw
from oracle.player import Player
from oracle.ruleset import Rules, Style
from oracle.sets import draw_sets
from oracle.topologies import markers, overlapping, policies
from oracle.universe import Universe, universe

Talk = Callable[[Player], None]
COMMON: Mapping[Talk, float] = {talks.tcp: 5, talks.udp: 3, talks.ping: 2, talks.odd: 1}
EVERYDAY = {"tcp": 5.0, "udp": 3.0, "icmp": 2.0, "gre": 0.3, "esp": 0.3}
TRANSPORTS = {"tcp": 1.0, "udp": 1.0, "sctp": 3.0, "dccp": 2.0, "udplite": 2.0, "gre": 2.0, "esp": 1.0, "ah": 1.0}


@dataclass(frozen=True, slots=True)
class Area:
    """What is different in an area's scenarios.

    ``share`` is how often a special match or target is one of the area's own words, ``special`` how often there is
    one. ``clock`` plays in real time, ``wall`` also lets the capture tell the real date. ``host`` changes the universe,
    ``first`` gives rules that stand before others.
    """

    talks: Mapping[Talk, float]
    families: tuple[int, ...] = (4, 6)
    share: float = 0.6
    special: float = 0.45
    conversations: int = 22
    rules: int = 5
    sets: int = 0
    clock: bool = False
    wall: bool = False
    protocols: Mapping[str, float] | None = None
    host: Callable[[Random, Universe], None] | None = None
    first: Callable[[Draw], list[str]] | None = None
    before: Callable[[Player], None] | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario drawn: the host, its sets and rules, and how it is played."""

    name: str
    area: Area
    seed: str
    universe: Universe
    sets: str
    rules: str

    def play(self, player: Player) -> None:
        """Hold the conversations."""
        if self.area.before is not None:
            self.area.before(player)
        kinds = list(self.area.talks)
        for _ in range(self.area.conversations):
            player.rng.choices(kinds, [self.area.talks[kind] for kind in kinds])[0](player)


def scenario(area: str, family: int, seed: str) -> Scenario:
    """Draw the scenario of a seed."""
    chosen = AREAS[area]
    rng = Random(f"{area}/{family}/{seed}")
    host = universe(rng, family)
    if chosen.host is not None:
        chosen.host(rng, host)
    draw = Draw(rng, host)
    sets = draw_sets(draw, chosen.sets, seconds=chosen.clock) if chosen.sets else ""
    style = Style(area, chosen.share, chosen.special, chosen.rules, dict(chosen.protocols or EVERYDAY))
    if chosen.first is not None:
        style.first = chosen.first(draw)
    return Scenario(f"{area}-v{family}-{seed}", chosen, seed, host, sets, Rules(draw, style).text())


# hosts


def policy_routing(rng: Random, host: Universe) -> None:
    """Rules by source, mark, interface and port, tables of their own, routes that refuse.

    What the host sends goes through a raw socket, which asks routing without source, TOS and ports.
    """
    wan, lan, dmz = host.names
    source, target = rng.choice(host.remote), rng.choice(host.remote)
    gateway = host.links[dmz].near[0]
    host.routes += [
        f"{rng.choice(('prohibit', 'blackhole', 'unreachable', 'throw'))} {rng.choice(host.links[wan].far)}",
        f"default via {gateway} dev {dmz} table 100",
        f"{rng.choice(('throw', 'prohibit', 'unreachable', 'blackhole'))} {rng.choice(host.remote)} table 100",
        f"{rng.choice(host.links[wan].far)} via {gateway} dev {dmz} table 101",
    ]
    asked = [
        f"from {source}", f"to {target}", f"iif {lan}", f"iif {wan}", "fwmark 0x1", "fwmark 0x2/0xff", "not fwmark 0x3/0x3",
        f"tos 0x10 iif {lan}", f"ipproto udp iif {wan}", f"dport 80 ipproto tcp iif {wan}", "iif lo fwmark 0x1",
        f"from {source} iif {dmz}",
    ]  # fmt: skip
    for place, selector in enumerate(rng.sample(asked, rng.randint(2, 5))):
        action = rng.choice(
            ("table 100", "table 100", "table 101", "table main", "prohibit", "unreachable", "blackhole")
        )
        host.policy.append(f"{selector} {action} pref {100 + place}")


def reverse_path(rng: Random, host: Universe) -> None:
    """Filters by the way back, loose and strict, and the exceptions from martians."""
    scope = rng.choice(("all", *host.names))
    host.sysctls[f"net.ipv4.conf.{scope}.rp_filter"] = rng.choice((1, 2))
    for name in ("accept_local", "route_localnet", "src_valid_mark", "log_martians"):
        if rng.random() < 0.3:
            host.sysctls[f"net.ipv4.conf.{rng.choice(host.names)}.{name}"] = 1
    if rng.random() < 0.4:
        policy_routing(rng, host)


def no_forwarding(rng: Random, host: Universe) -> None:
    """Forwarding off, everywhere or on an interface, now and then."""
    if rng.random() < 0.4:
        host.sysctls["net.ipv4.ip_forward" if host.family == 4 else "net.ipv6.conf.all.forwarding"] = 0
    elif rng.random() < 0.5:
        host.sysctls[f"net.ipv{host.family}.conf.{rng.choice(host.names)}.forwarding"] = 0
    if host.family == 4 and rng.random() < 0.3:
        host.sysctls["net.ipv4.conf.all.bc_forwarding"] = 1


def small_mtu(rng: Random, host: Universe) -> None:
    """Interfaces, and routes, that carry less."""
    least = 1280 if host.family == 6 else 576
    for name in rng.sample(host.names, 2):
        host.links[name].mtu = rng.choice((least, 1300, 1400))
    if rng.random() < 0.5:
        host.routes.append(
            f"{rng.choice(host.links[host.names[0]].far)} via {host.gateway} dev {host.names[0]} mtu {least}"
        )


def accounting(rng: Random, host: Universe) -> None:
    """Connections that count their packets."""
    host.sysctls["net.netfilter.nf_conntrack_acct"] = 1


def tcp_settings(rng: Random, host: Universe) -> None:
    """Tracking of TCP that is stricter or more lenient than usual, and checksums that do not matter."""
    for name, values in {"tcp_loose": (0, 1), "tcp_be_liberal": (0, 1), "tcp_max_retrans": (1, 3), "checksum": (0, 1),
                         "tcp_ignore_invalid_rst": (0, 1)}.items():  # fmt: skip
        host.sysctls[f"net.netfilter.nf_conntrack_{name}"] = rng.choice(values)


def broken_settings(rng: Random, host: Universe) -> None:
    """Checksums that matter to conntrack or not."""
    host.sysctls["net.netfilter.nf_conntrack_checksum"] = rng.choice((0, 1))


def with_link_local(rng: Random, host: Universe) -> None:
    """Interfaces with link-local addresses; no router, as a router with them tells of better first hops."""
    host.link_local = True
    host.sysctls["net.ipv6.conf.all.forwarding"] = 0


# rules that come first


def zones(draw: Draw) -> list[str]:
    """Zones by interface."""
    return [
        draw.fill(f"raw -A PREROUTING -i {name} -j CT --zone{{|-orig|-reply}} {{1|2|3}}")
        for name in draw.rng.sample(draw.universe.names, 2)
    ] + (["raw -A OUTPUT -j CT --zone 1"] if draw.chance(0.5) else [])


def helpers(draw: Draw) -> list[str]:
    """Helpers for their ports, and a mapping of everybody behind one address now and then."""
    wan = draw.universe.names[0]
    lines = [f"raw -A {chain} -p {protocol} -m {protocol} --dport {port} -j CT --helper {name}"
             for chain in ("PREROUTING", "OUTPUT") for protocol, port, name in (("tcp", 21, "ftp"), ("udp", 69, "tftp"))]  # fmt: skip
    if draw.chance(0.5):
        lines.append(f"nat -A POSTROUTING -o {wan} -j MASQUERADE")
    if draw.chance(0.4):
        lines.append(draw.fill("nat -A PREROUTING -p {tcp|udp} -d {local} -j DNAT --to-destination {near}"))
    return lines


def many_to_one(draw: Draw) -> list[str]:
    """Mappings whose ranges are small, so that ports clash."""
    return [draw.fill("nat -A POSTROUTING -p udp -j SNAT --to-source {bracketed}:5000")] if draw.chance(0.4) else []


def ip_options(player: Player) -> None:
    """Let headers have IP options now and then."""
    player.options = talks_special.IP_OPTIONS


AREAS: dict[str, Area] = {
    "general": Area(COMMON, share=0, conversations=30),
    "state": Area(COMMON, share=0.8, special=0.6),
    "accounts": Area(COMMON, share=0.8, special=0.5, host=accounting),
    "sets": Area(COMMON, sets=6, share=0.9, special=0.7),
    "setsclock": Area({talks_special.burst: 4, talks.tcp: 1}, sets=4, share=0.9, special=0.8, conversations=3, clock=True),
    "fragments": Area({talks_special.fragments: 4, talks_special.hostile_fragments: 1.5, talks.udp: 1}),
    "optioned": Area({talks_special.fragments: 2, talks.udp: 2, talks.tcp: 1, talks_special.bad_options: 2}, (4,), before=ip_options),
    "extensions": Area({talks.tcp: 2, talks.udp: 3, talks.ping: 2, talks_special.extensions: 3, talks_special.fragments: 1},
                       (6,), before=talks_special.extension_chains, special=0.6),
    "routing": Area(COMMON, host=policy_routing, share=0),
    "rpfilter": Area({talks.udp: 2, talks.tcp: 1, talks.odd: 3, talks_special.groups: 2}, (4, 6), host=reverse_path),
    "delivery": Area({talks_special.groups: 5, talks.udp: 1, talks.tcp: 1}, host=no_forwarding, conversations=40),
    "linklocal": Area({talks_special.neighbours: 4, talks_special.groups: 2, talks.ping: 1}, (6,), host=with_link_local, conversations=40),
    "mtu": Area({talks_special.big: 5, talks.tcp: 1, talks_special.errors: 1, talks_special.fragments: 1}, host=small_mtu),
    "clock": Area({talks_special.burst: 1}, share=0.9, special=0.8, conversations=3, clock=True),
    "wall": Area(COMMON, share=0.9, special=0.7, conversations=8, clock=True, wall=True),
    "zones": Area(COMMON, first=zones, share=0.7),
    "helpers": Area({talks_transports.ftp: 3, talks_transports.tftp: 2, talks.tcp: 1}, first=helpers, rules=3, conversations=14),
    "nat": Area(COMMON, share=0.9, special=0.5, first=many_to_one),
    "targets": Area(COMMON, share=0.8, special=0.5),
    "protocols": Area({talks_transports.transports: 5, talks.tcp: 1}, protocols=TRANSPORTS, share=0.9, special=0.5),
    "broken": Area({talks_special.broken: 5, talks.udp: 1, talks.tcp: 1}, host=broken_settings, conversations=40),
    "window": Area({talks_transports.window: 4, talks.tcp: 2}, host=tcp_settings, share=0, conversations=14),
    "overlaps": Area({**COMMON, talks.odd: 2, talks_special.groups: 2}, host=overlapping, share=0, special=0.2),
    "policies": Area(COMMON, host=policies, first=markers, share=0, special=0.2),
    "errors": Area({talks_special.errors: 4, talks.udp: 1}, share=0),
}  # fmt: skip
