"""Conditions in parts: what a rule asks for, and conditions that cover it together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Where:
    """What parts are drawn for: a family, and the hook in whose chain they stand."""

    random: Random
    six: bool
    hook: str


Parts = tuple[str, list[str], str]
"""A condition of a victim, what covers it together, and a smaller condition than the last one of these."""


def _net(where: Where, option: str) -> Parts:
    """A network by halves, quarters, ranges, or all but it."""
    random = where.random
    if where.six:
        a, whole = 0x1000 + random.randrange(60), "2001:db8:{:x}"
        base = whole.format(a)
        halves = [f"{option} {base}::/49", f"{option} {base}:8000::/49"]
        small = f"{option} {base}:8000::/50"
        side = "src" if option == "-s" else "dst"
        ranges = [
            f"-m iprange --{side}-range {base}::-{base}:7fff:ffff:ffff:ffff:ffff",
            f"-m iprange --{side}-range {base}:8000::-{base}:ffff:ffff:ffff:ffff:ffff",
        ]
        negated = ["! " + halves[0], halves[0]]
        parts = random.choice((halves, ranges, [halves[0], ranges[1]]))
        if random.random() < 0.3:
            return random.choice(("", f"{option} {base}::/48")), negated, f"{option} {base}::/50"
        return f"{option} {base}::/48", parts, small
    a = 100 + random.randrange(60)
    side = "src" if option == "-s" else "dst"
    if random.random() < 0.25:
        return (
            random.choice(("", f"{option} 10.{a}.3.0/24")),
            [f"! {option} 10.{a}.0.0/16", f"{option} 10.{a}.0.0/16"],
            (f"{option} 10.{a}.0.0/18"),
        )
    cut = random.randrange(1, 255)
    halves = [f"{option} 10.{a}.0.0/17", f"{option} 10.{a}.128.0/17"]
    ranges = [
        f"-m iprange --{side}-range 10.{a}.0.0-10.{a}.{cut}.7",
        f"-m iprange --{side}-range 10.{a}.{cut}.8-10.{a}.255.255",
    ]
    quarters = [f"{option} 10.{a}.{n}.0/18" for n in (0, 64, 128, 192)]
    odd = [f"{option} 10.{a}.0.0/255.255.1.0", f"{option} 10.{a}.1.0/255.255.1.0"]
    small = {
        0: f"{option} 10.{a}.128.0/18", 1: f"-m iprange --{side}-range 10.{a}.{cut}.9-10.{a}.255.255",
        2: f"{option} 10.{a}.192.0/19", 3: f"{option} 10.{a}.1.0/255.255.3.0",
    }  # fmt: skip
    which = random.randrange(4)
    return f"{option} 10.{a}.0.0/16", (halves, ranges, quarters, odd)[which], small[which]


def _source(where: Where) -> Parts:
    return _net(where, "-s")


def _destination(where: Where) -> Parts:
    return _net(where, "-d")


def _ports(where: Where) -> Parts:
    """Ports by ranges that meet, by lists, or all but some."""
    random, kind = where.random, where.random.choice(("tcp", "udp"))
    side = random.choice(("dport", "sport"))
    low = random.randrange(60000, 62000)
    middle, high = low + random.randrange(1, 500), low + random.randrange(501, 900)
    one = f"-p {kind} -m {kind} --{side}"
    lists = f"-p {kind} -m multiport --{side}s"
    victim = random.choice((f"{one} {low}:{high}", f"{lists} {low},{middle},{high}", f"{lists} {low}:{middle},{high}"))
    ways = (
        ([f"{one} {low}:{middle}", f"{one} {middle + 1}:{high}"], f"{one} {middle + 1}:{high - 1}"),
        ([f"{one} :{middle}", f"{one} {middle + 1}:"], f"{one} {high + 1}:"),
        ([f"{lists} {low}:{middle}", f"{lists} {middle + 1}:{high}"], f"{lists} {middle + 1}:{high - 1}"),
        ([f"-p {kind} -m {kind} ! --{side} {low}", f"{one} {low}"], f"{one} {low + 1}"),
        ([f"-p {kind} -m multiport ! --{side}s {low},{high}", f"{lists} {high},{low}"], f"{lists} {low}"),
        ([f"-p {kind}"], f"-p {kind} -m {kind} ! --{side} {low}"),
    )  # fmt: skip
    return (victim, *random.choice(ways))


def _protocols(where: Where) -> Parts:
    """A protocol and all others."""
    kind = where.random.choice(("tcp", "udp", "esp", "47"))
    victim = where.random.choice(("", f"-p {kind}"))
    return victim, [f"! -p {kind}", f"-p {kind}"], f"-p {kind} -m limit --limit 1/sec"


def _icmp(where: Where) -> Parts:
    """A type by its codes, or all but one."""
    option = "-p ipv6-icmp -m icmp6 {}--icmpv6-type" if where.six else "-p icmp -m icmp {}--icmp-type"
    plain, negated = option.format(""), option.format("! ")
    kind, code = ("128", "128/0") if where.six else ("8", "8/0")
    if where.random.random() < 0.5:
        return f"{plain} {code}", [f"{plain} {kind}"], f"{plain} {kind}/7"
    return plain.split(" -m")[0], [f"{negated} {kind}", f"{plain} {kind}"], f"{plain} {kind}/7"


def _states(where: Where) -> Parts:
    """What begins connections, and all the rest."""
    rest = where.random.choice(("INVALID,ESTABLISHED,RELATED,UNTRACKED", "UNTRACKED,INVALID,RELATED,ESTABLISHED"))
    word = where.random.choice(("-m conntrack --ctstate", "-m state --state"))
    parts = where.random.choice(
        ([f"{word} {rest}", f"{word} NEW"], [word.replace(" --", " ! --") + " NEW", f"{word} NEW"])
    )
    return where.random.choice(("", f"{word} NEW")), parts, "-m conntrack --ctstate NEW -m limit --limit 3/min"


def _flags(where: Where) -> Parts:
    """Openers and all others, flag by flag."""
    one, other = where.random.choice((
        ("--tcp-flags FIN,SYN,RST,ACK SYN", "! --syn"),
        ("--tcp-flags SYN SYN", "--tcp-flags SYN NONE"),
        ("! --tcp-flags SYN,ACK SYN", "--tcp-flags SYN,ACK SYN"),
    ))  # fmt: skip
    victim = where.random.choice(("-p tcp", "-p tcp -m tcp --syn"))
    small = "--tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN" if "SYN" in one else one
    parts = [f"-p tcp -m tcp {other}", f"-p tcp -m tcp {one}"]
    if one.startswith("!"):
        parts.reverse()
    return victim, parts, f"-p tcp -m tcp {small}"


def _interfaces(where: Where) -> Parts:
    """An interface, by its wildcard, or all but it."""
    option = "-o" if where.hook == "OUTPUT" else where.random.choice(("-i", "-o")) if where.hook == "FORWARD" else "-i"
    wild = where.random.choice(("ppp", "br-"))
    if where.random.random() < 0.5:
        return f"{option} {wild}3", [f"{option} {wild}+"], f"{option} {wild}3+ -m limit --limit 2/sec"
    return "", [f"! {option} {wild}+", f"{option} {wild}+"], f"{option} {wild}7"


def _either(*pairs: tuple[str, str, str]) -> Callable[[Where], Parts]:
    """Something, and all but it: the words, the negated words, something smaller."""

    def parts(where: Where) -> Parts:
        fits = [pair for pair in pairs if where.hook == "INPUT" or "dst-type" not in pair[0]]
        one, negated, small = where.random.choice(fits)
        asked = "" if "mark" in one else one  # a mark that nobody sets is no reason of the covering rules'
        return where.random.choice(("", asked)), [negated, one], small

    return parts


_marks = _either(
    ("-m mark --mark 0x4/0xc", "-m mark ! --mark 0x4/0xc", "-m mark --mark 0x4/0x1c"),
    ("-m mark --mark 0x2/0x2", "-m mark ! --mark 0x2/0x2", "-m mark --mark 0x2/0x6"),
)
_bytes = _either(
    ("-m dscp --dscp 0x0a", "-m dscp ! --dscp 0x0a", "-m dscp --dscp 0x0a -m limit --limit 1/sec"),
    ("-m tos --tos 0x10/0x3f", "-m tos ! --tos 0x10/0x3f", "-m tos --tos 0x10/0xff"),
    ("-m length --length 100:200", "-m length ! --length 100:200", "-m length --length 100:199"),
    ("-m pkttype --pkt-type broadcast", "-m pkttype ! --pkt-type broadcast",
     "-m pkttype --pkt-type broadcast -m limit --limit 1/sec"),
    ("-m addrtype --dst-type LOCAL,MULTICAST", "-m addrtype ! --dst-type LOCAL,MULTICAST", "-m addrtype --dst-type LOCAL"),
    ("-m set --match-set some src", "-m set ! --match-set some src", "-m set --match-set some src -m limit --limit 1/sec"),
    ("-m string --string xyz --algo bm --to 65535", "-m string ! --string xyz --algo bm --to 65535",
     "-m string --string xyz --algo bm --to 65535 -m limit --limit 1/sec"),
)  # fmt: skip


def _hops(where: Where) -> Parts:
    """Time to live, below and above."""
    number = where.random.randrange(2, 200)
    word = "-m hl --hl" if where.six else "-m ttl --ttl"
    return "", [f"{word}-lt {number}", f"{word}-gt {number - 1}"], f"{word}-gt {number}"


def _users(where: Where) -> Parts:
    """A user, or a group."""
    if where.hook != "OUTPUT":
        return _source(where)
    one = f"-m owner --{where.random.choice(('uid', 'gid'))}-owner {where.random.randrange(1, 900)}"
    return one, [one], f"{one} -m limit --limit 1/sec"


AXES = (_source, _source, _destination, _ports, _ports, _protocols, _icmp, _states, _flags, _interfaces, _marks, _bytes,
        _hops, _users)  # fmt: skip


def conjoined(where: Where) -> tuple[str, list[str], str]:
    """One condition in parts, or two of them, the last part of the first being parted by the second."""
    random = where.random
    axis = random.choice(AXES)
    victim, parts, small = axis(where)
    if random.random() < 0.45:
        return victim, parts, small
    for _ in range(20):
        other, more, smaller = random.choice(AXES)(where)
        if _fit(parts[-1], more) and _fit(victim, [other]) and not clash(victim, other):
            return (
                f"{victim} {other}".strip(),
                [*parts[:-1], *(f"{parts[-1]} {each}" for each in more)],
                (f"{parts[-1]} {smaller}"),
            )
    return victim, parts, small


def _options(words: str) -> set[str]:
    """What is said once only in a rule: options of the rule itself, and matches."""
    split = words.split()
    found = {word for word in split if word in ("-s", "-d", "-p", "-i", "-o")}
    return found | {split[at + 1] for at, word in enumerate(split) if word == "-m"}


def clash(one: str, other: str) -> bool:
    """Whether two conditions cannot stand in one rule, or not mean anything together."""
    if any("icmp" in each for each in (one, other)) and any("state" in each for each in (one, other)):
        return True  # errors and answers are never NEW
    if any("tos" in each for each in (one, other)) and any("dscp" in each for each in (one, other)):
        return True  # the same bits
    return bool(_options(one) & _options(other))


def _fit(words: str, others: list[str]) -> bool:
    return not any(clash(words, each) for each in others)
