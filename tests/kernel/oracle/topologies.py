"""Hosts that are less usual: a fourth interface, addresses and routes that overlap, many policy rules, ways back.

A route or rule is a line of ``ip route add`` or ``ip rule add``; of each table of lines some are drawn. Left out is what
the kernel decides by a hash with a random key: routes with several next hops.
"""

from __future__ import annotations

from random import Random

from oracle.drawing import Draw
from oracle.universe import Link, Universe

ROUTES = {
    4: (
        "10.{n}.200.0/24 via 10.255.{n}.1 dev {vpn}", "10.{n}.200.10 dev {dmz}", "203.0.113.2 via 10.{n}.0.14 dev {lan}",
        "203.0.113.0/24 via 10.255.{n}.1 dev {vpn} metric 50", "203.0.113.0/30 via 10.{n}.0.13 dev {lan} metric 7",
        "local 203.0.113.3 dev lo", "local 198.51.100.128/25 dev lo", "local 203.0.113.4 dev {wan}",
        "203.0.113.4 via {gateway} dev {wan} src 198.18.{n}.2", "broadcast 198.51.100.255 dev {vpn}",
        "198.51.100.0/24 dev {vpn}", "198.51.100.0/24 via 10.{n}.0.14 dev {lan} metric 9", "198.51.100.7 dev {vpn} mtu 600",
        "unreachable 203.0.113.1", "prohibit 203.0.113.1 metric 100", "blackhole 10.220.7.0/24", "throw 10.220.7.0/24",
        "239.0.0.0/8 dev {lan}", "multicast 239.1.0.0/16 dev {dmz}", "default via 10.255.{n}.1 dev {vpn} metric 10",
        "10.220.0.5 via 10.{n}.0.14 dev {lan} tos 0x10", "10.{n}.0.10 dev {lan} src 198.51.100.9 scope link",
        "255.255.255.255 dev {vpn}", "nat 203.0.113.9", "10.{n}.0.12 via 10.{n}.128.10 dev {dmz}",
        "0.0.0.0/1 via 10.{n}.0.12 dev {lan}", "192.0.2.0/24 dev lo",
    ),
    6: (
        "{here}:2a0::/64 via {vpnnet}::1 dev {vpn}", "{here}:2a0::10 dev {dmz}", "2001:db8:ffff::2 via {here}:1::14 dev {lan}",
        "2001:db8:ffff::/64 via {vpnnet}::1 dev {vpn} metric 50", "2001:db8:ffff::/126 via {here}:1::13 dev {lan} metric 7",
        "local 2001:db8:ffff::3 dev lo", "local 2001:db8:eeee:1::/64 dev lo", "local 2001:db8:ffff::4 dev {wan}",
        "2001:db8:ffff::4 via {gateway} dev {wan} src {here}::2", "2001:db8:eeee::/64 dev {vpn}",
        "2001:db8:eeee::/64 via {here}:1::14 dev {lan} metric 9", "unreachable 2001:db8:ffff::1", "prohibit 2001:db8:ffff::1 metric 100",
        "blackhole 2001:db8:9999::5", "throw 2001:db8:9999::/80", "ff0e::/16 dev {lan} table local",
        "default via {vpnnet}::1 dev {vpn} metric 10", "{here}:1::10 dev {lan} src {here}:f::1", "{here}:1::12 via {here}:200::10 dev {dmz}",
        "2000::/4 via {here}:1::12 dev {lan}", "anycast {here}:1::77 dev {lan}", "2001:db8:9999::5 from {here}::/64 via {here}:1::13 dev {lan}",
    ),
}  # fmt: skip
TABLES = {
    4: (
        "default via 10.{n}.128.10 dev {dmz} table 200", "throw 203.0.113.0/30 table 200", "10.{n}.0.0/24 dev {lan} table 200",
        "unreachable default table 201", "10.{n}.128.0/17 dev {dmz} table 201", "203.0.113.1 via 10.{n}.0.13 dev {lan} table 201",
        "prohibit 203.0.113.2 table 202", "blackhole 203.0.113.3 table 202", "default via 10.255.{n}.1 dev {vpn} table 202",
        "local default dev lo table 203", "local 203.0.113.4 dev lo table 204", "10.220.0.0/16 via 10.{n}.0.12 dev {lan} table 204",
    ),
    6: (
        "default via {here}:200::10 dev {dmz} table 200", "throw 2001:db8:ffff::/126 table 200", "{here}:1::/64 dev {lan} table 200",
        "unreachable default table 201", "{here}:200::/56 dev {dmz} table 201", "2001:db8:ffff::1 via {here}:1::13 dev {lan} table 201",
        "prohibit 2001:db8:ffff::2 table 202", "blackhole 2001:db8:ffff::3 table 202", "default via {vpnnet}::1 dev {vpn} table 202",
        "local default dev lo table 203", "local 2001:db8:ffff::4 dev lo table 204", "2001:db8:9999::/64 via {here}:1::12 dev {lan} table 204",
    ),
}  # fmt: skip
SELECTORS = (
    "fwmark 0x1", "fwmark 0x1/0x1", "fwmark 0x10/0xf0", "not fwmark 0x2/0x3", "fwmark 0xff", "fwmark 0x3 iif {lan}",
    "from {near}", "from {net}", "to {far}", "not from {net}", "not to {net}", "iif {lan}", "iif {wan} tos 0x10", "oif {dmz}",
    "iif lo", "iif lo to {net}", "ipproto tcp", "ipproto udp dport 53-443", "ipproto tcp sport 33001", "from {local}",
    "iif lo from {local}", "not iif {vpn}", "ipproto icmp", "fwmark 0x0/0xff iif {dmz}", "from all",
)  # fmt: skip
ACTIONS = (
    "table 200", "table 200", "table 201", "table 202", "table 204", "table main", "table main suppress_prefixlength 0",
    "table main suppress_prefixlength 16", "table 200 suppress_prefixlength 8", "prohibit", "unreachable", "blackhole",
    "goto 32766", "goto 340", "nop", "table 999", "table main suppress_ifgroup 0",
)  # fmt: skip
MARKERS = (
    "mangle -A PREROUTING {no}-i {iface} -j MARK --set-xmark {0x1|0x2|0x3|0x10|0x15|0xff}/0xffffffff",
    "mangle -A PREROUTING -p {tcp|udp} -j MARK --set-xmark {0x1|0x10}/{0xffffffff|0xff}",
    "mangle -A OUTPUT -p {tcp|udp|{icmp}} -j MARK --set-xmark {0x1|0x2|0x3|0x10|0x15}/0xffffffff",
    "mangle -A OUTPUT -d {net} -j MARK --set-xmark {0x1|0x3|0x10}/0xffffffff",
    "mangle -A OUTPUT -s {net} -j TOS --set-tos 0x10/0xff",
    "mangle -A PREROUTING -d {net} -j CONNMARK --save-mark",
    "nat -A OUTPUT -p {tcp|udp} -d {remote} -j DNAT --to-destination {addr}",
    "nat -A POSTROUTING {no}-o {iface} -j MASQUERADE",
)


def fourth(host: Universe) -> None:
    """Add an interface that leads to one machine, as a tunnel does, and addresses without a network."""
    n = host.number
    if host.family == 4:
        near, far = [f"10.255.{n}.1"], ["198.51.100.7"]
        addresses = [f"10.255.{n}.0/31", f"192.0.2.{n}/32", "198.51.100.9/32"]
    else:
        near, far = [f"fd00:ffff:{n:x}::1"], ["2001:db8:eeee::7"]
        addresses = [f"fd00:ffff:{n:x}::/127", f"2001:db8:{n:x}:f::1/128"]
    host.links[f"vpn{n}"] = Link("02:00:00:00:03:01", addresses, [*near, *far], [])


def words(host: Universe) -> dict[str, str]:
    """What the braces of routes and rules stand for."""
    n, names = host.number, host.names
    return {
        "n": str(n), "here": f"2001:db8:{n:x}", "vpnnet": f"fd00:ffff:{n:x}", "gateway": host.gateway,
        **{name.rstrip("0123456789"): name for name in names},
    }  # fmt: skip


def some(rng: Random, host: Universe, lines: tuple[str, ...], least: int, most: int) -> list[str]:
    """Some of the lines, filled; where two have the same destination the kernel refuses the later one."""
    drawn = rng.sample(lines, rng.randint(least, most))
    return [line.format(**words(host)) for line in sorted(drawn, key=lines.index)]


def overlapping(rng: Random, host: Universe) -> None:
    """Routes that overlap, of every type, and addresses that share networks."""
    fourth(host)
    host.routes += some(rng, host, ROUTES[host.family], 4, 12)
    n, (_, lan, dmz, _) = host.number, host.names
    more = (
        ((lan, f"10.{n}.0.2/24"), (lan, f"10.{n}.0.3/25"), (dmz, f"10.{n}.0.4/24"), (lan, f"10.{n}.1.1/32"),
         (dmz, f"10.{n}.130.1 peer 10.{n}.130.2"), (lan, f"172.20.{n}.2/28"), (dmz, f"169.254.{n}.1/16 scope link"))
        if host.family == 4
        else ((lan, f"2001:db8:{n:x}:1::2/64"), (dmz, f"2001:db8:{n:x}:1::3/64"), (lan, f"2001:db8:{n:x}:1::4/128"),
              (dmz, f"fd00:{n:x}:7::1/64"), (lan, f"fec0:{n:x}::1/64"))
    )  # fmt: skip
    for name, address in rng.sample(more, rng.randint(0, 3)):
        host.links[name].addresses.append(address)
    settings(rng, host)


def policies(rng: Random, host: Universe) -> None:
    """Many policy rules, by whatever they can ask, and tables that answer, refuse or pass on."""
    fourth(host)
    host.routes += [line.format(**words(host)) for line in TABLES[host.family] if rng.random() < 0.8]
    filled = words(host) | {
        "near": rng.choice(host.links[host.names[1]].near), "far": rng.choice(host.links[host.names[0]].far),
        "net": rng.choice((f"10.{host.number}.0.0/24", f"10.{host.number}.128.0/17", "203.0.113.0/24", f"198.18.{host.number}.0/24"))
        if host.family == 4 else rng.choice((f"2001:db8:{host.number:x}:1::/64", f"2001:db8:{host.number:x}:200::/56", "2001:db8:ffff::/64")),
        "local": rng.choice([address for address in host.local if " " not in address]),
    }  # fmt: skip
    for place, selector in enumerate(rng.sample(SELECTORS, rng.randint(3, 9))):
        host.policy.append(f"{selector.format(**filled)} {rng.choice(ACTIONS)} pref {300 + 10 * place}")
    if rng.random() < 0.2:
        host.policy.append(f"table 203 fwmark 0x15 pref {rng.choice((5, 290))}")
    settings(rng, host)


def settings(rng: Random, host: Universe) -> None:
    """Settings by interface: the way back, forwarding, what is let in although it cannot be."""
    for name in host.names:
        if host.family == 4 and rng.random() < 0.3:
            host.sysctls[f"net.ipv4.conf.{name}.rp_filter"] = rng.choice((0, 1, 2))
        if rng.random() < 0.1:
            host.sysctls[f"net.ipv{host.family}.conf.{name}.forwarding"] = 0
        if host.family == 4:
            for key in ("accept_local", "route_localnet", "src_valid_mark", "bc_forwarding"):
                if rng.random() < 0.1:
                    host.sysctls[f"net.ipv4.conf.{name}.{key}"] = 1
    if rng.random() < 0.15:
        for version in (4, 6):
            if version == host.family:
                host.sysctls |= {"net.ipv4.fwmark_reflect": 1} if version == 4 else {"net.ipv6.fwmark_reflect": 1}


def markers(draw: Draw) -> list[str]:
    """Rules that change what routing looks at."""
    icmp = "icmp" if draw.universe.family == 4 else "ipv6-icmp"
    lines = draw.rng.sample(MARKERS, draw.rng.randint(2, 5))
    return [draw.fill(line.replace("{icmp}", icmp)) for line in lines]
