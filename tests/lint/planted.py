"""Rulesets without a fault, and faults to plant in them.

``clean(random)`` makes a host's firewall: a filter table with chains of its own, forwarding between networks, NAT. Each
planter of ``FAULTS`` changes it and marks the line that is wrong with ``# <<``; the mark is taken away again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

MARK = " # <<"
OUTSIDE, INSIDE = "eth0", "eth1"


@dataclass
class Planted:
    """A ruleset as lists of lines: chains of filter, rules before the last ones of INPUT and FORWARD, other tables."""

    random: Random
    chains: list[str] = field(default_factory=list)
    input: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    nat: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    mangle: list[str] = field(default_factory=list)
    policy: str = ":INPUT DROP [0:0]"
    ports: list[int] = field(default_factory=list)

    def port(self) -> int:
        """A port that no other rule speaks of."""
        return self.ports.pop()

    def put(self, into: list[str], *lines: str) -> None:
        """Put lines in, in this order, at places of chance."""
        places = sorted(self.random.choices(range(2, len(into) + 1), k=len(lines)), reverse=True)
        for place, line in zip(places, reversed(lines), strict=True):
            into.insert(place, line)

    def lines(self) -> list[str]:
        """The whole file."""
        tail = ["-A INPUT -m limit --limit 5/min -j LOG --log-prefix dropped", "-A INPUT -j DROP"]
        filtered = [self.policy, ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", *self.chains]
        nat = [":PREROUTING ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]", *self.nat]
        rules = [*self.input, *tail, *self.forward, *self.inner]
        early = [line for table in ("raw", "mangle") for line in self._early(table)]
        return [*early, "*filter", *filtered, *rules, "COMMIT", "*nat", *nat, "COMMIT"]

    def _early(self, table: str) -> list[str]:
        rules = self.raw if table == "raw" else self.mangle
        return [f"*{table}", *rules, "COMMIT"] if rules else []

    def text(self) -> tuple[str, list[int]]:
        """The file without marks, and the numbers of the marked lines."""
        lines = self.lines()
        marked = [number for number, line in enumerate(lines, 1) if line.endswith(MARK)]
        return "".join(f"{line.removesuffix(MARK)}\n" for line in lines), marked


def clean(random: Random) -> Planted:
    """A firewall in which there is nothing to find."""
    made = Planted(random)
    made.ports = random.sample(range(1100, 60000, 7), 60)
    made.input = ["-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
    made.forward = ["-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
    made.forward.append("-A FORWARD -m conntrack --ctstate INVALID -j DROP")
    for number in range(random.randint(1, 4)):
        name = f"service-{number}"
        made.chains.append(f":{name} - [0:0]")
        made.input.append(f"-A INPUT -p tcp -m tcp --dport {made.port()} -j {name}")
        for network in random.sample(range(1, 250), random.randint(1, 5)):
            made.inner.append(f"-A {name} -s 192.0.{network}.0/24 -j {random.choice(('ACCEPT', 'DROP', 'REJECT'))}")
    for _ in range(random.randint(2, 8)):
        made.input.append(_service(made, f"-A INPUT -s 10.{random.randint(0, 99)}.0.0/16"))
        made.forward.append(_service(made, f"-A FORWARD -i {INSIDE} -o {OUTSIDE}"))
    inside, outside = made.port(), made.port()
    made.nat = [
        f"-A PREROUTING -i {OUTSIDE} -p tcp -m tcp --dport {outside} -j DNAT --to-destination 10.200.0.5:{inside}"
    ]
    made.nat.append(f"-A POSTROUTING -s 10.200.0.0/24 -o {OUTSIDE} -j MASQUERADE")
    made.forward.append(f"-A FORWARD -d 10.200.0.5/32 -i {OUTSIDE} -p tcp -m tcp --dport {inside} -j ACCEPT")
    made.input.append("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT")
    made.input.append("-A INPUT -d 10.200.0.1/32 -j ACCEPT")
    return made


def _service(made: Planted, words: str) -> str:
    kind = made.random.choice(("tcp", "udp"))
    if made.random.random() < 0.3:
        return f"{words} -p {kind} -m multiport --dports {made.port()},{made.port()} -j ACCEPT"
    first = made.port()
    return f"{words} -p {kind} -m {kind} --dport {first}:{first + made.random.randint(0, 5)} -j ACCEPT"


FAULTS: dict[str, tuple[str, Callable[[Planted], None]]] = {}


def fault(code: str) -> Callable[[Callable[[Planted], None]], Callable[[Planted], None]]:
    """Register a planter of a fault that is found by that code."""

    def register(planter: Callable[[Planted], None]) -> Callable[[Planted], None]:
        FAULTS[planter.__name__] = (code, planter)
        return planter

    return register


@fault("R301")
def shadowed_by_ports(made: Planted) -> None:
    """Two ranges that meet, and one across them."""
    low = made.random.randint(60100, 62000)
    middle, high = low + made.random.randint(3, 500), low + made.random.randint(600, 900)
    kind = made.random.choice(("tcp", "udp"))
    deny, allow = made.random.choice((("DROP", "ACCEPT"), ("REJECT", "ACCEPT"), ("ACCEPT", "DROP")))
    made.put(
        made.input,
        f"-A INPUT -p {kind} -m {kind} --dport {low}:{middle} -j {deny}",
        f"-A INPUT -p {kind} -m {kind} --dport {middle + 1}:{high} -j {deny}",
        f"-A INPUT -s 192.0.2.0/24 -p {kind} -m {kind} --dport {middle - 2}:{middle + 2} -j {allow}{MARK}",
    )


@fault("R301")
def shadowed_by_addresses(made: Planted) -> None:
    """A network in halves, and a host of it."""
    host = f"10.150.{made.random.randint(0, 255)}.{made.random.randint(1, 254)}"
    made.put(
        made.input,
        "-A INPUT -s 10.150.0.0/17 -j DROP",
        "-A INPUT -s 10.150.128.0/17 -j REJECT",
        f"-A INPUT -s {host}/32 -p udp -m udp --dport {made.port()} -j ACCEPT{MARK}",
    )


@fault("R301")
def shadowed_through_a_chain(made: Planted) -> None:
    """A chain of refused networks, and a service for one of them."""
    made.chains.append(":refused - [0:0]")
    made.inner += ["-A refused -s 10.160.0.0/16 -j DROP", "-A refused -s 10.161.0.0/16 -j RETURN"]
    rule = f"-A INPUT -s 10.160.{made.random.randint(0, 255)}.0/24 -p tcp -m tcp --dport {made.port()} -j ACCEPT{MARK}"
    made.put(made.input, "-A INPUT -p tcp -j refused", rule)


@fault("R301")
def shadowed_in_a_chain(made: Planted) -> None:
    """What comes before a jump takes what a rule behind it asks for."""
    made.chains.append(":later - [0:0]")
    made.inner += ["-A later -s 10.170.1.0/24 -j ACCEPT" + MARK, "-A later -s 10.180.0.0/16 -j ACCEPT"]
    made.put(made.input, "-A INPUT -s 10.170.0.0/16 -j DROP", "-A INPUT -p udp -j later")


@fault("R301")
def shadowed_when_forwarded(made: Planted) -> None:
    """The ways in by interface, and one host's."""
    rule = f"-A FORWARD -s 10.9.{made.random.randint(0, 255)}.1/32 -i {INSIDE} -o eth3 -p tcp -j DROP{MARK}"
    made.put(made.forward, f"-A FORWARD -i {INSIDE} -o eth3 -j ACCEPT", rule)


@fault("R301")
def shadowed_by_opposites(made: Planted) -> None:
    """A network, and all but it."""
    made.put(
        made.input,
        "-A INPUT -s 10.140.0.0/16 -p sctp -j DROP",
        "-A INPUT ! -s 10.140.0.0/16 -p sctp -j REJECT",
        f"-A INPUT -p sctp -m sctp --dport {made.port()} -j ACCEPT{MARK}",
    )


@fault("R301")
def shadowed_by_states(made: Planted) -> None:
    """Every state but those accepted first."""
    made.put(
        made.input,
        "-A INPUT -p gre -m conntrack --ctstate INVALID -j DROP",
        "-A INPUT -p gre -m conntrack --ctstate NEW,UNTRACKED -j DROP",
        f"-A INPUT -s 192.0.2.{made.random.randint(1, 254)}/32 -p gre -j ACCEPT{MARK}",
    )


@fault("R301")
def shadowed_by_a_goto(made: Planted) -> None:
    """A goto to a chain that ends all."""
    made.chains.append(":away - [0:0]")
    made.inner += ["-A away -p tcp -j REJECT --reject-with tcp-reset", "-A away -j DROP"]
    rule = f"-A INPUT -s 10.130.0.{made.random.randint(1, 254)}/32 -p tcp -m tcp --dport {made.port()} -j ACCEPT{MARK}"
    made.put(made.input, "-A INPUT -s 10.130.0.0/24 -g away", rule)


@fault("R301")
def shadowed_by_ranges(made: Planted) -> None:
    """Ranges and lists that cover a network together."""
    kind = made.random.choice(("tcp", "udp"))
    made.put(
        made.input,
        "-A INPUT -m iprange --src-range 10.120.0.0-10.120.0.99 -j DROP",
        "-A INPUT -m iprange --src-range 10.120.0.100-10.120.0.255 -j DROP",
        f"-A INPUT -s 10.120.0.64/26 -p {kind} -m multiport --dports {made.port()},{made.port()} -j ACCEPT{MARK}",
    )


@fault("R303")
def behind_a_terminal_rule(made: Planted) -> None:
    """A rule that takes all, before others."""
    place = made.random.randint(2, len(made.input) - 1)
    made.input.insert(place, f"-A INPUT -j {made.random.choice(('DROP', 'ACCEPT', 'REJECT'))}")
    made.input[place + 1] += MARK


@fault("R308")
def opposite(made: Planted) -> None:
    """A rule again, with the opposite action."""
    line = next(line for line in reversed(made.input) if line.endswith("ACCEPT") and "10.200" not in line)
    made.input.append(line.replace("ACCEPT", "DROP") + MARK)


@fault("W109")
def contradiction(made: Planted) -> None:
    """Ports that exclude one another; addresses that do."""
    words = made.random.choice(
        (
            "-p tcp -m tcp --dport 61000 -m multiport --dports 61001,61002",
            "-s 10.1.0.0/16 -p udp -m iprange --src-range 10.2.0.1-10.2.0.9",
            "-p tcp -m tcp --tcp-flags SYN,ACK SYN -m tcp --tcp-flags SYN,RST RST",
            "-m conntrack --ctstate NEW -m state --state ESTABLISHED",
            "-p udp -m ttl --ttl-lt 5 -m ttl --ttl-gt 9 -m udp --sport 61000",
        )
    )
    made.put(made.input, f"-A INPUT {words} -j ACCEPT{MARK}")


@fault("N401")
def port_from_before(made: Planted) -> None:
    """FORWARD asks for the port that PREROUTING has changed."""
    old, new = made.port(), made.port()
    made.nat.insert(
        0, f"-A PREROUTING -i {OUTSIDE} -p tcp -m tcp --dport {old} -j DNAT --to-destination 10.200.0.6:{new}"
    )
    made.put(made.forward, f"-A FORWARD -d 10.200.0.6/32 -i {OUTSIDE} -p tcp -m tcp --dport {new} -j ACCEPT")
    made.put(made.forward, f"-A FORWARD -i {OUTSIDE} -p tcp -m tcp --dport {old} -j ACCEPT{MARK}")


@fault("N402")
def not_let_through(made: Planted) -> None:
    """DNAT to what FORWARD refuses."""
    words = f"-A PREROUTING -i {OUTSIDE} -p tcp -m tcp --dport {made.port()}"
    made.nat.insert(0, f"{words} -j DNAT --to-destination 10.200.0.7:{made.port()}{MARK}")
    made.input = [line for line in made.input if "10.200" not in line]


@fault("N403")
def useless_block(made: Planted) -> None:
    """INPUT drops what PREROUTING has sent to another host."""
    old, new = made.port(), made.port()
    made.nat.insert(0, f"-A PREROUTING -p tcp -m tcp --dport {old} -j DNAT --to-destination 10.200.0.6:{new}")
    made.put(made.forward, f"-A FORWARD -d 10.200.0.6/32 -p tcp -m tcp --dport {new} -j ACCEPT")
    made.put(made.input, f"-A INPUT -p tcp -m tcp --dport {old} -j DROP{MARK}")


@fault("N410")
def translated_before(made: Planted) -> None:
    """The same DNAT to two hosts."""
    made.nat.append(made.nat[0].replace("10.200.0.5", "10.200.0.8") + MARK)


@fault("N411")
def not_tracked(made: Planted) -> None:
    """What is translated has been taken out of tracking before."""
    port = made.port()
    made.raw.append(f"-A PREROUTING -i {OUTSIDE} -p udp -m udp --dport {port} -j CT --notrack")
    made.nat.insert(
        0, f"-A PREROUTING -i {OUTSIDE} -p udp -m udp --dport {port} -j DNAT --to-destination 10.200.0.9{MARK}"
    )
    made.put(made.forward, f"-A FORWARD -d 10.200.0.9/32 -p udp -m udp --dport {port} -j ACCEPT")


@fault("C504")
def invalid_accepted(made: Planted) -> None:
    """INVALID is accepted with all that a network sends, and dropped for it later."""
    number = made.random.randint(0, 255)
    made.put(
        made.input,
        f"-A INPUT -s 10.110.{number}.0/24 -j ACCEPT",
        f"-A INPUT -s 10.110.{number}.0/25 -m conntrack --ctstate INVALID -j DROP{MARK}",
    )


@fault("R301")
def shadowed_in_an_earlier_table(made: Planted) -> None:
    """Halves of a network, dropped in two tables; a service for it."""
    made.raw.append("-A PREROUTING -s 10.190.0.0/17 -j DROP")
    made.mangle.append("-A PREROUTING -s 10.190.128.0/17 -j DROP")
    made.put(made.input, f"-A INPUT -s 10.190.0.0/16 -p tcp -m tcp --dport {made.port()} -j ACCEPT{MARK}")


@fault("R301")
def shadowed_for_a_user(made: Planted) -> None:
    """What no process may send, and one user may."""
    port = made.port()
    made.forward += [f"-A OUTPUT -p tcp -m tcp --dport {port} -j REJECT"]
    made.forward += [f"-A OUTPUT -p tcp -m tcp --dport {port} -m owner --uid-owner 8 -j ACCEPT{MARK}"]


@fault("R301")
def a_jump_that_is_shadowed(made: Planted) -> None:
    """A chain of services for a network that is refused before."""
    made.chains.append(":theirs - [0:0]")
    made.inner += [f"-A theirs -p tcp -m tcp --dport {made.port()} -j ACCEPT", "-A theirs -j DROP"]
    made.put(made.input, "-A INPUT -s 10.191.0.0/16 -j DROP", f"-A INPUT -s 10.191.7.0/24 -p tcp -j theirs{MARK}")


@fault("R301")
def shadowed_but_for_an_exception(made: Planted) -> None:
    """Halves of a network are refused, but for a service that all have; a host of it."""
    made.input.insert(2, f"-A INPUT -p tcp -m tcp --dport {made.port()} -j ACCEPT")
    host = f"10.192.{made.random.randint(0, 255)}.7"
    made.put(
        made.input, "-A INPUT -s 10.192.0.0/17 -j DROP", "-A INPUT -s 10.192.128.0/17 -j REJECT",
        f"-A INPUT -s {host}/32 -j ACCEPT{MARK}",
    )  # fmt: skip


@fault("L602")
def locked_out(made: Planted) -> None:
    """SSH is refused before it is accepted."""
    made.input.insert(2, "-A INPUT -p tcp -m multiport --dports 22,2222 -j DROP")
    made.policy += MARK


@fault("E009")
def loop(made: Planted) -> None:
    """Chains that jump to each other."""
    made.chains += [":one - [0:0]", ":two - [0:0]"]
    made.inner += ["-A one -p tcp -j two", "-A two -p tcp -j one" + MARK]
    made.put(made.input, f"-A INPUT -s 192.0.2.{made.random.randint(1, 254)}/32 -j one")


@fault("S209")
def loop_nobody_reaches(made: Planted) -> None:
    """The same without a way to them."""
    made.chains += [":one - [0:0]", ":two - [0:0]"]
    made.inner += ["-A one -p tcp -j two", "-A two -p tcp -j one" + MARK]


@fault("E008")
def bad_policy(made: Planted) -> None:
    """A policy that is none."""
    made.policy = ":INPUT REJECT [0:0]" + MARK
