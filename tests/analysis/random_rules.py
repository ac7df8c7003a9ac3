"""Rulesets made of words: for tables of cases, and at random."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from pyiptables.api import edit
from pyiptables.hooks import Family
from pyiptables.ruleset.model import Ruleset

IPV4 = ("198.51.100.7", "198.51.100.0/24", "192.0.2.0/25", "192.0.2.1", "10.0.0.0/8", "192.0.2.200", "0.0.0.0/0.0.0.1")
IPV6 = ("2001:db8::7", "2001:db8::/64", "2001:db8:1::/48", "2001:db8:1::1", "fe80::/10")
PORTS = ("22", "80", "53", "1024:65535", "0:1023", "443")
FLAGS = ("--syn", "! --syn", "--tcp-flags ALL NONE", "--tcp-flags SYN,ACK SYN", "--tcp-flags RST RST")
STATES = ("NEW", "ESTABLISHED,RELATED", "INVALID", "NEW,INVALID", "UNTRACKED", "DNAT", "RELATED")


def ruleset(commands: Iterable[str], family: Family = Family.IPV4) -> Ruleset:
    """The ruleset that iptables commands, one a line, leave behind."""
    found = Ruleset(family)
    for command in commands:
        found = edit(found, command)
    return found


class Rules:
    """Random rules of words that make them meet one another."""

    def __init__(self, seed: int, family: Family = Family.IPV4) -> None:
        self.random = Random(seed)
        self.family = family
        self.addresses = IPV4 if family is Family.IPV4 else IPV6

    def commands(self) -> list[str]:
        """The commands of a whole ruleset."""
        pick = self.random.choice
        found = [f"-N C{number}" for number in range(3)] + ["-t nat -N N0", "-t mangle -N M0"]
        found += [f"-P {chain} DROP" for chain in ("INPUT", "FORWARD") if self.random.random() < 0.5]
        for _ in range(self.random.randint(4, 14)):
            chain = pick(("INPUT", "INPUT", "FORWARD", "FORWARD", "OUTPUT", "C0", "C1", "C2"))
            found.append(f"-A {chain} {self._matches(chain)} {self._target(chain)}")
        for _ in range(self.random.randint(0, 5)):
            found.append(self._other())
        return found

    def _target(self, chain: str) -> str:
        below = [f"C{number}" for number in range(3) if not chain.startswith("C") or number > int(chain[1])]
        way = self.random.choice(["-j", "-j", "-g"])
        targets = ["-j ACCEPT", "-j DROP", "-j ACCEPT", "-j DROP", "-j RETURN", "-j LOG", "", "-j REJECT"]
        return self.random.choice([*targets, *(f"{way} {name}" for name in below)])

    def _other(self) -> str:
        pick = self.random.choice
        to = "10.0.0.5" if self.family is Family.IPV4 else "2001:db8:1::5"
        ported = f"{to}:8080" if self.family is Family.IPV4 else f"[{to}]:8080"
        target = pick((f"DNAT --to-destination {ported}", f"DNAT --to-destination {to}", "ACCEPT", "RETURN"))
        return pick(
            (
                f"-t nat -A {pick(('PREROUTING', 'OUTPUT', 'N0'))} {self._matches('', ports=True)} -j {target}",
                f"-t nat -A PREROUTING {self._matches('')} -j N0",
                f"-t mangle -A {pick(('PREROUTING', 'OUTPUT', 'M0'))} {self._matches('')} -j MARK --set-xmark 0x{pick('123')}/0x{pick('13f')}",
                f"-t mangle -A {pick(('PREROUTING', 'FORWARD'))} {self._matches('', mark=True)} -j {pick(('M0', 'DROP'))}",
                f"-t raw -A {pick(('PREROUTING', 'OUTPUT'))} {self._matches('', raw=True)} -j {pick(('CT --notrack', 'DROP'))}",
                f"-A {pick(('INPUT', 'FORWARD'))} -m mark --mark 0x{pick('123')}/0x3 -j {pick(('ACCEPT', 'DROP'))}",
            )
        )

    def _matches(self, chain: str, *, ports: bool = False, mark: bool = False, raw: bool = False) -> str:
        random, pick = self.random, self.random.choice
        words: list[str] = []
        for side in "sd":
            if random.random() < 0.3:
                words.append(f"{pick(('', '', '! '))}-{side} {pick(self.addresses)}")
        if random.random() < 0.2 and chain not in ("OUTPUT",) and not chain.startswith("C"):
            words.append(f"{pick(('', '! '))}-i {pick(('eth0', 'eth1', 'eth+', 'wlan0'))}" if chain else "")
        protocol = pick(("tcp", "udp", "")) if not ports else pick(("tcp", "udp"))
        if protocol:
            words += [f"-p {protocol}", *self._transport(protocol)]
        elif random.random() < 0.2:
            words.append("-p icmp --icmp-type 8" if self.family is Family.IPV4 else "-p icmpv6 --icmpv6-type 128")
        if random.random() < 0.3 and not raw:
            words.append(f"-m conntrack {pick(('', '', '! '))}--ctstate {pick(STATES)}")
        if random.random() < 0.1 or mark:
            words.append(f"-m mark {pick(('', '! '))}--mark 0x{pick('123')}")
        if random.random() < 0.06:
            words.append("-m limit --limit 3/s")
        if random.random() < 0.06:
            words.append(f"-m string {pick(('', '! '))}--string x --algo bm")
        return " ".join(words)

    def _transport(self, protocol: str) -> list[str]:
        random, pick = self.random, self.random.choice
        words = []
        if random.random() < 0.6:
            words.append(f"{pick(('', '', '! '))}--dport {pick(PORTS)}")
        if random.random() < 0.2:
            words.append(f"--sport {pick(PORTS)}")
        if protocol == "tcp" and random.random() < 0.25:
            words.append(pick(FLAGS))
        if random.random() < 0.15:
            words.append(f"-m multiport {pick(('', '! '))}--{pick(('dports', 'ports'))} 22,80,8000:8100")
        return words
