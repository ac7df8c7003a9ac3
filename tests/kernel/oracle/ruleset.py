"""Drawing rulesets: user chains that are called forwards, and rules about what the packets of a universe have."""

from __future__ import annotations

from dataclasses import dataclass, field

from oracle.drawing import Draw, Entry, vocabulary
from oracle.universe import PORTS

BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
SYN_ONLY = "--tcp-flags SYN,RST SYN"
LOGS = ("", ' --log-prefix "A: "', " --log-tcp-options --log-ip-options", " --log-tcp-sequence", " --log-level 7",
        " --log-macdecode")  # fmt: skip
REJECTS = {
    4: ("port-unreachable", "host-unreachable", "net-unreachable", "proto-unreachable", "net-prohibited",
        "host-prohibited", "admin-prohibited"),
    6: ("no-route", "adm-prohibited", "addr-unreachable", "port-unreachable", "policy-fail", "reject-route"),
}  # fmt: skip


@dataclass(slots=True)
class Style:
    """How a ruleset is drawn: whose words it prefers and how much, how many rules a chain has at most."""

    area: str
    share: float = 0.5
    special: float = 0.45
    rules: int = 6
    protocols: dict[str, float] = field(default_factory=lambda: {"tcp": 5, "udp": 3, "icmp": 2, "gre": 0.4, "esp": 0.4})
    first: list[str] = field(default_factory=list)
    """Rules that stand before all others, with their table: ``raw -A PREROUTING ...``."""


class Rules:
    """Draws one ruleset."""

    def __init__(self, draw: Draw, style: Style) -> None:
        self.draw, self.style = draw, style
        self.rng, self.family = draw.rng, draw.universe.family
        self.chains: dict[str, dict[str, frozenset[str]]] = {}
        self.words = vocabulary()

    def text(self) -> str:
        """The ruleset in the form of iptables-save, traced from the beginning."""
        lines: list[str] = []
        for table, hooks in BUILT_IN.items():
            lines += [f"*{table}", *self.table(table, hooks), "COMMIT"]
        return "\n".join(lines) + "\n"

    def table(self, table: str, hooks: tuple[str, ...]) -> list[str]:
        """A table's chains and rules."""
        rng = self.rng
        self.chains[table] = {
            f"{table[:3]}-{number}": frozenset(rng.sample(hooks, rng.choice((1, 1, min(2, len(hooks))))))
            for number in range(rng.randint(0, 3))
        }
        names = list(self.chains[table])
        lines = [f":{hook} {self.policy(table)} [0:0]" for hook in hooks] + [f":{name} - [0:0]" for name in names]
        if table == "raw":
            lines += ["-A PREROUTING -j TRACE", "-A OUTPUT -j TRACE"]
        lines += [line.partition(" ")[2] for line in self.style.first if line.startswith(table + " ")]
        body = []
        for chain in (*hooks, *names):
            later = names if chain in hooks else names[names.index(chain) + 1 :]
            body += [self.rule(table, chain, later) for _ in range(rng.randint(0, self.style.rules))]
        rng.shuffle(body)
        return lines + body

    def policy(self, table: str) -> str:
        """A policy, DROP now and then."""
        return "DROP" if table == "filter" and self.draw.chance(0.2) else "ACCEPT"

    def rule(self, table: str, chain: str, later: list[str]) -> str:
        """A rule that may stand in a chain."""
        hooks = frozenset({chain}) if chain in BUILT_IN[table] else self.chains[table][chain]
        words, protocol = self.matches(table, hooks)
        return " ".join(f"-A {chain} {' '.join(words)} {self.target(table, hooks, later, protocol)}".split())

    # matches

    def matches(self, table: str, hooks: frozenset[str]) -> tuple[list[str], str]:
        """The matches of a rule, and the protocol that they make sure of (``syn``: TCP's first segment, ``-``: none)."""
        fill, chance = self.draw.fill, self.draw.chance
        words = []
        if hooks <= {"PREROUTING", "INPUT", "FORWARD"} and chance(0.2):
            words.append(fill("{no}-i {{iface}|{iface}|lo|wan+|d+}"))
        if hooks <= {"FORWARD", "OUTPUT", "POSTROUTING"} and chance(0.2):
            words.append(fill("{no}-o {{iface}|{iface}|lo|wan+|d+}"))
        words += [fill(f"{{no}}-{letter} {{net}}") for letter in "sd" if chance(0.3)]
        protocol = "-"
        if chance(0.6):
            protocol, more = self.protocol()
            words += more
        if table != "raw" and chance(0.25):
            words.append(self.state())
        if chance(self.style.special):
            words += self.special("match", table, hooks, protocol)
        if chance(0.03):
            words.append('-m comment --comment "in, out"')
        return words, protocol

    def protocol(self) -> tuple[str, list[str]]:
        """A protocol and what its own match asks."""
        rng, fill, chance = self.rng, self.draw.fill, self.draw.chance
        protocol = rng.choices(list(self.style.protocols), list(self.style.protocols.values()))[0]
        if protocol == "icmp":
            return "icmp", self.icmp()
        if protocol in ("tcp", "udp"):
            if chance(0.07):
                return "-", [f"! -p {protocol}"]
            if chance(0.3):
                return protocol, [f"-p {protocol}", fill("-m multiport {no}--{sports|dports|ports} {portlist}")]
            if protocol == "tcp" and chance(0.15):
                return "syn", [f"-p tcp -m tcp {SYN_ONLY}"]
            asked = [fill("{no}--dport {ports}")] if chance(0.4) else []
            asked += [fill("{no}--sport {ports}")] if chance(0.15) else []
            asked += [self.flags()] if protocol == "tcp" and chance(0.2) else []
            return protocol, [f"-p {protocol}", *([f"-m {protocol}", *asked] if asked else [])]
        return protocol, [f"-p {protocol}"]

    def icmp(self) -> list[str]:
        """ICMP of the family, perhaps of a type."""
        fill = self.draw.fill
        if not self.draw.chance(0.6):
            return ["-p icmp" if self.family == 4 else "-p ipv6-icmp"]
        if self.family == 4:
            return [fill("-p icmp -m icmp {no}--icmp-type {8|0|3|3/1|3/3|3/4|11|any|5/1|12}")]
        return [fill("-p ipv6-icmp -m icmp6 {no}--icmpv6-type {128|129|1|1/4|3|2|135|136|4/1}")]

    def flags(self) -> str:
        """What a rule asks of TCP's flags or options."""
        mask = self.rng.sample(TCP_FLAGS, self.rng.randint(1, 4))
        wanted = self.rng.sample(mask, self.rng.randint(0, len(mask)))
        return self.draw.fill(
            f"{{{{no}}--syn|{{no}}--tcp-flags {','.join(mask)} {','.join(wanted) or 'NONE'}|{{no}}--tcp-option {{2|3|4|8}}}}"
        )

    def state(self) -> str:
        """What a rule asks of the connection."""
        fill, rng = self.draw.fill, self.rng
        states = rng.sample(("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"), rng.randint(1, 3))
        if self.draw.chance(0.15):
            return fill(f"-m state {{no}}--state {','.join(states)}")
        if self.draw.chance(0.6):
            states += rng.sample(("SNAT", "DNAT"), rng.randint(0, 1))
            return fill(f"-m conntrack {{no}}--ctstate {','.join(states)}")
        asked = (
            "{no}--ctproto {tcp|udp|sctp}", "{no}--ct{origsrc|origdst|replsrc|repldst} {net}",
            "--ctproto tcp {no}--ct{origsrcport|origdstport|replsrcport|repldstport} {ports}",
            "{no}--ctstatus {SEEN_REPLY|ASSURED|CONFIRMED|EXPECTED|NONE}", "--ctdir {ORIGINAL|REPLY}",
            "{no}--ctexpire {0|1:500000}",
        )  # fmt: skip
        if self.draw.chance(0.2):
            return fill("-m connmark {no}--mark {mark}{|/{mark}}")
        return fill(f"-m conntrack {rng.choice(asked)}")

    def special(self, kind: str, table: str, hooks: frozenset[str], protocol: str) -> list[str]:
        """A line of the vocabulary that fits here, the area's own by preference; none where none fits."""
        fitting = [
            entry for entry in self.words if entry.kind == kind and entry.fits(table, hooks, protocol, self.family)
        ]
        own = [entry for entry in fitting if self.style.area in entry.areas]
        everybody = [entry for entry in fitting if "*" in entry.areas]
        chosen: list[Entry] = own if own and self.draw.chance(self.style.share) else everybody
        return [self.draw.fill(self.rng.choice(chosen).text)] if chosen else []

    # targets

    def target(self, table: str, hooks: frozenset[str], later: list[str], protocol: str) -> str:
        """A target that a chain may have."""
        rng, chance = self.rng, self.draw.chance
        reachable = [name for name in later if hooks <= self.chains[table][name]]
        if reachable and chance(0.25):
            return f"-{rng.choice('jjg')} {rng.choice(reachable)}"
        if chance(0.5 if table in ("mangle", "nat", "raw") else 0.25):
            found = self.special("target", table, hooks, protocol)
            if found and "{" not in found[0] and chance(0.9):
                return found[0]
        if table == "nat":
            return self.nat(hooks, protocol)
        if table == "filter" and chance(0.35):
            return self.reject(protocol)
        if table == "raw" and chance(0.2):
            return "-j CT --notrack"
        if table in ("raw", "mangle"):
            return rng.choice(
                ("-j ACCEPT", "-j ACCEPT", "-j RETURN", "-j RETURN", "-j DROP", self.log(), self.log(), "")
            )
        return rng.choice(("-j ACCEPT", "-j ACCEPT", "-j ACCEPT", "-j DROP", "-j RETURN", self.log(), ""))

    def log(self) -> str:
        """LOG with or without more."""
        return "-j LOG" + self.rng.choice(LOGS)

    def nat(self, hooks: frozenset[str], protocol: str) -> str:
        """A mapping of the side that a hook maps."""
        fill, chance = self.draw.fill, self.draw.chance
        ported = protocol in ("tcp", "udp", "syn")
        if chance(0.25) or not (hooks <= {"PREROUTING", "OUTPUT"} or hooks <= {"POSTROUTING", "INPUT"}):
            return self.rng.choice(("-j RETURN", "-j ACCEPT", self.log()))
        if hooks <= {"PREROUTING", "OUTPUT"}:
            if ported and chance(0.25):
                return fill("-j REDIRECT{| --to-ports {port}}")
            if ported and chance(0.6):
                return fill("-j DNAT --to-destination {bracketed}:{port}")
            return fill("-j {REDIRECT|DNAT --to-destination {addr}|DNAT --to-destination {remote}}")
        if hooks == {"POSTROUTING"} and chance(0.4):
            return "-j MASQUERADE"
        if ported and chance(0.5):
            return fill("-j SNAT --to-source {bracketed}:{port}")
        return fill("-j SNAT --to-source {{local}|{local}|{addr}}")

    def reject(self, protocol: str) -> str:
        """An answer to what is refused."""
        if protocol in ("tcp", "syn") and self.draw.chance(0.5):
            return "-j REJECT --reject-with tcp-reset"
        return f"-j REJECT --reject-with icmp{'6' if self.family == 6 else ''}-{self.rng.choice(REJECTS[self.family])}"


__all__ = ["PORTS", "Rules", "Style"]
