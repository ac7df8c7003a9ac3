"""What routing looks at: a host's parts, indexed; made once for a host, which never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyiptables.hooks import Family
from pyiptables.host.fib import Fib
from pyiptables.host.model import LOOPBACK, Interface, PolicyRule, Route

VERSION = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}
KERNEL_DEFAULTS = {("ipv4", "send_redirects"): 1}
"""Per-interface settings whose default is not 0; ``all`` and each interface start with it."""


class Network:
    """The interfaces by name, the settings by interface, and a Fib for each family."""

    __slots__ = ("_confs", "_sysctls", "fibs", "interfaces")

    def __init__(
        self,
        interfaces: Iterable[Interface],
        routes: Iterable[Route],
        rules: Iterable[PolicyRule],
        sysctls: Mapping[str, str],
    ) -> None:
        self.interfaces = {link.name: link for link in interfaces}
        routes, rules = tuple(routes), tuple(rules)
        self.fibs = {family: Fib(family, routes, rules, self.interfaces) for family in Family}
        self._sysctls = sysctls
        self._confs: dict[tuple[Family, str, str], int] = {}

    def sysctl(self, name: str) -> int | None:
        """Read a setting's number, or None where it is not known or not a number."""
        try:
            return int(self._sysctls[name].split()[0])
        except (KeyError, ValueError, IndexError):
            return None

    def conf(self, family: Family, dev: str, key: str) -> int:
        """Read the setting ``net.ipvN.conf.DEV.KEY``; where it is not known the kernel's default."""
        value = self._confs.get((family, dev, key))
        if value is None:
            found = self.sysctl(f"net.{VERSION[family]}.conf.{dev.replace('.', '/')}.{key}")
            value = KERNEL_DEFAULTS.get((VERSION[family], key), 0) if found is None else found
            if dev == "all" or dev in self.interfaces:  # no more than there are
                self._confs[family, dev, key] = value
        return value

    def either(self, key: str, dev: str) -> bool:
        """Whether ``all`` or the interface switches an IPv4 setting on (IN_DEV_ORCONF)."""
        return bool(self.conf(Family.IPV4, "all", key) or self.conf(Family.IPV4, dev, key))

    def both(self, key: str, dev: str) -> bool:
        """Whether ``all`` and the interface both switch an IPv4 setting on (IN_DEV_ANDCONF)."""
        return bool(self.conf(Family.IPV4, "all", key) and self.conf(Family.IPV4, dev, key))

    def forwarding(self, family: Family, dev: str) -> bool:
        """Whether packets that come in on ``dev`` may pass through: IPv4 asks the interface, IPv6 ``all``."""
        if family is Family.IPV6:
            everywhere = self.conf(family, "all", "forwarding")
            return bool(everywhere or self.conf(family, dev, "force_forwarding"))
        own = f"net.ipv4.conf.{dev.replace('.', '/')}.forwarding"
        names = (own, "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")
        return bool(next((value for name in names if (value := self.sysctl(name)) is not None), 0))

    def reverse_path(self, dev: str) -> int:
        """Read the interface's rp_filter: 0 off, 1 strict, 2 loose; the larger of its own and that of ``all``."""
        return max(self.conf(Family.IPV4, "all", "rp_filter"), self.conf(Family.IPV4, dev, "rp_filter"))

    def group_joined(self, family: Family, dev: str, group: int) -> bool:
        """Whether an interface listens to a multicast group (ip_check_mc_rcu, ipv6_chk_mcast_addr).

        The kernel joins the all-hosts group, for IPv6 also all-routers when it forwards and the solicited-node group
        of each address; others are those that :attr:`Interface.joined` says.
        """
        link = self.interfaces.get(dev)
        if link is None or not link.up:
            return False
        if (family, group) in link.joined:
            return True
        if family is Family.IPV4:
            return group == ALL_HOSTS4
        if group in ALL_NODES6 or (group == ALL_ROUTERS6 and self.conf(family, dev, "forwarding")):
            return True
        if group >> 24 != SOLICITED_NODE:
            return False
        mine = [address for address in link.addresses if address.family is family]
        return link.name != LOOPBACK and any(address.address & 0xFFFFFF == group & 0xFFFFFF for address in mine)

    def mtu(self, dev: str, family: Family) -> int:
        """Read an interface's MTU in bytes; IPv6 has its own below the link's."""
        link = self.interfaces.get(dev)
        if link is None:
            return 0
        own = self.conf(family, dev, "mtu") if family is Family.IPV6 else 0
        return own or link.mtu


ALL_HOSTS4 = 0xE0000001
ALL_NODES6 = frozenset({0xFF02 << 112 | 1, 0xFF01 << 112 | 1})
ALL_ROUTERS6 = 0xFF02 << 112 | 2
SOLICITED_NODE = (0xFF02 << 112 | 0x1FF000000) >> 24
