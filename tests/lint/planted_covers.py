"""Rules that others cover together: every kind of condition in parts, put at many places of a ruleset like people's own.

``covered(random)`` draws a rule (the victim) and parts that take all of it, with the opposite decision: directly, in chains
that are called or gone to, in earlier tables; LOG, limits and others' rules between them. With ``leak`` one part is taken
away, made smaller or bound to a limit, so that the victim is alive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from planted import MARK
from planted_parts import Where, clash, conjoined

ALSO = " # <?"
"""Behind a jump to the victim's chain: it may be all that is dead."""

HOOKS = {"INPUT": ("INPUT", "PREROUTING"), "FORWARD": ("FORWARD", "PREROUTING"), "OUTPUT": ("OUTPUT", "OUTPUT")}
"""The chains of filter, and where the early tables have their rules for them."""
WAYS = ("plain", "plain", "called", "goto", "nested", "early")
PLACES = ("plain", "plain", "called", "gone to", "nested", "jump")
LATE = (
    "!", "port :", ": ", "-p", "conntrack", "state", "connmark", "mark", "limit", "-o ", "owner", "-m set", "dst-type", "pkttype",
    "string", "ttl", "--hl", "recent", "statistic", "time", "quota",
)  # fmt: skip
"""Words that an early table does not know, or may see otherwise."""
SETS = ("create some hash:net", "add some 10.77.0.0/16", "create other hash:ip")
SETS6 = ("create some hash:net family inet6", "add some 2001:db8:77::/48", "create other hash:ip family inet6")


@dataclass
class Covered:
    """A ruleset: lines of each table, in their order; chains of filter."""

    random: Random
    six: bool
    hook: str
    chains: list[str] = field(default_factory=list)
    early: dict[str, list[str]] = field(default_factory=lambda: {"raw": [], "mangle": []})
    before: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    open: bool = False
    """Whether none of the parts takes anything for sure."""
    net: bool = False
    """Whether all states are decided before: what takes the rest without a condition is then a net below, no mistake."""

    def name(self, word: str) -> str:
        """A new chain."""
        self.chains.append(f"{word}{len(self.chains)}")
        return self.chains[-1]

    def leak(self) -> str:
        """A condition that leaves something of whatever it is put to."""
        return self.random.choice((
            "-m hashlimit --hashlimit-upto 5/sec --hashlimit-name h", "-m recent --rcheck --seconds 9 --name r",
            "-m statistic --mode nth --every 2 --packet 0", "-m time --timestart 08:00:00 --timestop 09:00:00",
            "-m quota --quota 1000", "-m connlimit --connlimit-above 3 --connlimit-mask 32",
        ))  # fmt: skip

    def network(self, number: int) -> str:
        """A network of which nobody else speaks: number below 60."""
        return f"2001:db8:{0x1000 + number:x}::/48" if self.six else f"10.{100 + number}.0.0/16"

    def text(self) -> tuple[str, list[int]]:
        """The file without marks, and the numbers of the lines of which one at least is dead, and no other."""
        lines: list[str] = []
        for table, rules in self.early.items():
            lines += [f"*{table}", *rules, "COMMIT"] if rules or self.random.random() < 0.3 else []
        lines += ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
        lines += [f":{name} - [0:0]" for name in self.random.sample(self.chains, len(self.chains))]
        mixed = [self.before + self.rules + self.after, self.inner]
        self.random.shuffle(mixed)
        lines += [*mixed[0], *mixed[1], "COMMIT"]
        marked = [number for number, line in enumerate(lines, 1) if line.endswith((MARK, ALSO))]
        return "".join(f"{line.removesuffix(MARK).removesuffix(ALSO)}\n" for line in lines), marked


# rulesets


def covered(random: Random, *, leak: bool = False) -> Covered:
    """A ruleset with a marked rule that nothing reaches, or, with ``leak``, with one that something reaches."""
    made = Covered(random, six=random.random() < 0.3, hook=random.choice(("INPUT", "INPUT", "FORWARD", "OUTPUT")))
    made.ports = random.sample(range(1100, 59000, 7), 120)
    _background(made)
    victim, parts, small = conjoined(Where(random, made.six, made.hook))
    denies = random.random() < 0.6
    order = list(parts)
    if leak:
        if random.random() < 0.5:
            order = [f"{part} {made.leak()}" for part in order]
            made.open = True
        elif random.random() < 0.4 and len(order) > 1:
            order.pop(random.randrange(len(order)))
        else:
            order[-1] = small
    random.shuffle(order)
    for part in order:
        _cover(made, part, _action(made, denies, part))
        _noise(made, victim)
    narrow = _narrow(made, victim)
    made.net = any("state" in part for part in parts)
    _victim(made, narrow, "ACCEPT" if denies else _action(made, True, narrow))
    _noise(made, victim)
    return made


def _action(made: Covered, denies: bool, words: str) -> str:
    if not denies:
        return "ACCEPT"
    if "-p tcp" in words and "! -p tcp" not in words and made.random.random() < 0.3:
        return "REJECT --reject-with tcp-reset"
    return made.random.choice(("DROP", "REJECT"))


def _narrow(made: Covered, victim: str) -> str:
    """The victim's condition with one more, now and then, so that it asks for less."""
    random = made.random
    more = [f"-p tcp -m tcp --dport {made.ports.pop()}", f"-p udp -m multiport --dports {made.ports.pop()},{made.ports.pop()}",
            f"-s {made.network(70)}", "-m limit --limit 9/min", "-m recent --rcheck --name r"]  # fmt: skip
    fits = [each for each in more if not clash(victim, each)]
    if not victim or random.random() < 0.6:  # of everything
        return f"{victim} {random.choice(fits)}".strip()
    return victim


def _cover(made: Covered, part: str, action: str) -> None:
    """Put a part somewhere before the victim."""
    random, hook = made.random, made.hook
    way = random.choice(WAYS)
    if way == "early" and (action != "DROP" or any(word in part for word in LATE)):
        way = "plain"  # it would keep too much from the other rules, or knows less
    if way == "plain":
        made.rules.append(f"-A {hook} {part} -j {action}")
    elif way == "early":
        table = random.choice(("raw", "mangle"))
        if table == "mangle" and random.random() < 0.4:
            made.early[table].append(f"-A {hook} {part} -j {action}")
        else:
            made.early[table].append(f"-A {HOOKS[hook][1]} {part} -j {action}")
    elif way == "goto":
        name = made.name("end")
        made.rules.append(f"-A {hook} {part} -g {name}")
        made.inner += [
            f"-A {name} -m limit --limit 5/min -j LOG",
            f"-A {name} -j {action if 'reset' not in action else 'REJECT'}",
        ]
    else:
        name = made.name("part")
        made.inner += [f"-A {name} -s {made.network(80)} -p 99 -j LOG"]
        inside = name
        if way == "nested":
            inside = made.name("deep")
            made.inner.append(f"-A {name} -j {inside}")
        if random.random() < 0.5:
            made.rules.append(f"-A {hook} {part} -j {name}")
            made.inner.append(f"-A {inside} -j {'DROP' if action != 'ACCEPT' else action}")
        else:
            made.rules.append(f"-A {hook} -j {name}")
            made.inner.append(f"-A {inside} {part} -j {action}")


def _victim(made: Covered, words: str, action: str) -> None:
    """Put the victim behind what covers it."""
    random, hook = made.random, made.hook
    place = "plain" if made.net else random.choice(PLACES)
    if place == "plain" or ("limit" in words and place == "jump"):
        made.rules.append(f"-A {hook} {words} -j {action}{MARK}")
        return
    name = made.name("late")
    if place == "jump":
        made.rules.append(f"-A {hook} {words} -j {name}{MARK}")
        made.inner.append(f"-A {name} -j {'DROP' if action != 'ACCEPT' else action}")
        return
    inside = name
    if place == "nested":
        inside = made.name("last")
        made.inner.append(f"-A {name} -j {inside}{ALSO}")
    made.rules.append(f"-A {hook} {'-g' if place == 'gone to' else '-j'} {name}{ALSO}")
    made.inner += [f"-A {inside} -s {made.network(81)} -p 98 -j RETURN", f"-A {inside} {words} -j {action}{MARK}"]


def _noise(made: Covered, victim: str) -> None:
    """Rules that decide nothing about the victim, or not for sure; those that decide about others come before all."""
    random, hook = made.random, made.hook
    for _ in range(random.randrange(3)):
        made.rules.append(random.choice((
            f"-A {hook} {victim} -j LOG --log-prefix seen",
            f"-A {hook} {victim} -m comment --comment \"counted only\"",
            f"-A {hook} -m recent --set --name r",
            f"-A {hook} -p udp -m udp --dport {made.ports.pop()} -m hashlimit --hashlimit-upto 1/sec --hashlimit-name n",
        )).replace("  ", " "))  # fmt: skip
        made.before.append(random.choice((
            f"-A {hook} -p tcp -m tcp --dport {made.ports.pop()} -j {random.choice(('ACCEPT', 'DROP'))}",
            f"-A {hook} -s {made.network(82)} -p udp -m udp --dport {made.ports.pop()} -j REJECT",
            f"-A {hook} -p tcp -m tcp --dport {made.ports.pop()} -m connlimit --connlimit-above 10 -j DROP",
            f"-A {hook} -p udp -m udp --dport {made.ports.pop()} -m statistic --mode random --probability 0.5 -j DROP",
        )))  # fmt: skip


def _background(made: Covered) -> None:
    """What else stands in the file."""
    random = made.random
    for hook in HOOKS:
        lines = [f"-A {hook} {'-o' if hook == 'OUTPUT' else '-i'} lo -j ACCEPT"] if hook != "FORWARD" else []
        lines.append(f"-A {hook} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
        service = made.name("service")
        made.inner.append(f"-A {service} -s {made.network(83)} -j ACCEPT")
        made.inner.append(f"-A {service} -m limit --limit 1/sec -j LOG")
        lines.append(f"-A {hook} -p tcp -m tcp --dport {made.ports.pop()} -j {service}")
        lines.append(f"-A {hook} -p tcp -m multiport --dports {made.ports.pop()},{made.ports.pop()} -j ACCEPT")
        chosen = made.before if hook == made.hook else made.after
        chosen += random.sample(lines, random.randrange(len(lines) + 1))
    tracked = f"-A {made.hook} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    if tracked not in made.before:  # without tracking later fragments come, which have no ports
        made.before.insert(0, tracked)
    if random.random() < 0.4:
        made.early["mangle"].append("-A PREROUTING -p tcp -m tcp --dport 7 -j MARK --set-xmark 0x100/0x100")
    if random.random() < 0.3:
        made.early["raw"].append(f"-A PREROUTING -p udp -m udp --dport {made.ports.pop()} -j CT --notrack")
