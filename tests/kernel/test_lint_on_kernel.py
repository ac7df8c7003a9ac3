"""What lint finds in rulesets with planted faults, held against the machine's own kernel.

Each ruleset is loaded on a host of network namespaces. A finding's witness is sent there: the rule that the finding is
about must not count it, one of those that it names must, and what is said of it (accepted, dropped, rejected) must come
about. Then packets are thrown at rules of which lint says that none meets them: their counters must stay 0.

The seed is the date, or ``PYIPT_SEED``; ``PYIPT_LINT_RULESETS`` says how many rulesets of each kind there are.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from socket import SO_MARK, SOL_SOCKET

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "lint")]

import test_fresh_seeds
from brute_force import names_in, thrown
from oracle.kernel_host import KernelHost
from oracle.universe import Link, Universe
from planted import FAULTS, clean
from planted_covers import SETS, SETS6, covered
from planted_lines import LINES

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.lint.finding import Finding, Place
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source
from pyiptables.packet.conversation import parse_conversation
from pyiptables.packet.typed_packet import TypedPacket

SEED, TOOLS = test_fresh_seeds.SEED, test_fresh_seeds.TOOLS
RULESETS = int(os.environ.get("PYIPT_LINT_RULESETS", "24"))
"""Rulesets with rules that others cover; each fault of ``planted`` is planted once for every fourteen of them."""
DEAD = ("R301", "R303", "R308", "N410", "C504", "W104", "W105", "W106", "W107", "W109")
"""Findings that no packet at all meets the rule."""
BEGINNING = ("N401", "N403")
"""The same of packets that begin a connection."""
THROWN = 60
WAIT = 0.004
SPELT = [(code, line) for code in ("W104", "W105", "W106", "W107") for line in LINES[code]]
TOLD: Counter[str] = Counter()
"""How many findings of each code were looked at, and how."""

Rule = tuple[str, str, int]

pytestmark = pytest.mark.kernel


@dataclass(frozen=True, slots=True)
class Planting:
    """A ruleset with a fault, and what it is called."""

    name: str
    family: Family
    text: str


def plantings() -> list[Planting]:
    """The rulesets of the seed."""
    found = []
    for turn in range(max(1, RULESETS // 14)):
        for name, (code, planter) in FAULTS.items():
            if code[0] in "RNCLW":
                made = clean(Random(f"{SEED}{turn}"))
                planter(made)
                found.append(Planting(f"{name}-{SEED}-{turn}", Family.IPV4, made.text()[0]))
        for code, line in SPELT:
            made = clean(Random(f"{SEED}{turn}"))
            made.put(made.input, f"-A INPUT {line}")
            found.append(Planting(f"{code}-{SEED}-{turn}", Family.IPV4, made.text()[0]))
    for turn in range(RULESETS):
        cover = covered(Random(f"{SEED}{turn}"))
        family = Family.IPV6 if cover.six else Family.IPV4
        found.append(Planting(f"covered-{SEED}-{turn}", family, cover.text()[0]))
    return found


def rule_of(place: Place) -> Rule:
    """A rule's table, chain and number."""
    return (place.table, place.chain, place.number)


class Ground:
    """A host with a ruleset in the kernel, every interface being a way to anywhere."""

    def __init__(self, kernel: KernelHost, six: bool) -> None:
        self.kernel, self.six = kernel, six

    def counts(self) -> dict[Rule, int]:
        """How many packets each rule has met."""
        found: dict[Rule, int] = {}
        table, numbers = "", Counter[str]()
        for line in self.kernel.rules().splitlines():
            if line.startswith("*"):
                table, numbers = line[1:], Counter()
            if told := re.match(r"\[(\d+):\d+\] -A (\S+)", line):
                numbers[told[2]] += 1
                found[table, told[2], numbers[told[2]]] = int(told[1])
        return found

    def owning(self, addresses: list[str], name: str) -> None:
        """Make the host have addresses; those that it cannot have are left out."""
        for address in addresses:
            words = ("nodad",) if self.six else ()
            self.kernel.accepts("ip", "address", "add", f"{address}/{128 if self.six else 32}", "dev", name, *words)

    def disowning(self, addresses: list[str], name: str) -> None:
        """Take them away again."""
        for address in addresses:
            self.kernel.accepts("ip", "address", "delete", f"{address}/{128 if self.six else 32}", "dev", name)

    def leading(self, name: str) -> None:
        """Make an interface the way to everybody else."""
        gateway = self.kernel.universe.links[name].near[0]
        self.kernel.sh("ip", "-6" if self.six else "-4", "route", "replace", "default", "via", gateway, "dev", name)

    def send(self, typed: TypedPacket, wait: float = WAIT) -> list[bytes]:
        """Let a packet arrive or be sent; the network packets that left."""
        kernel, data = self.kernel, typed.data
        if typed.interface is None:
            assert kernel._raw is not None
            kernel._raw.setsockopt(SOL_SOCKET, SO_MARK, typed.mark)
        else:
            link = kernel.universe.links[typed.interface]
            sender = typed.mac_source or bytes.fromhex(kernel.universe.mac_of(typed.interface, "").replace(":", ""))
            kind = b"\x86\xdd" if self.six else b"\x08\0"
            data = bytes.fromhex(link.mac.replace(":", "")) + sender + kind + data
        came = kernel.inject(typed.interface, data, wait)
        return [frame[14:] for _, frame in came if frame[12:14] in (b"\x08\0", b"\x86\xdd")]


def universe(family: Family, names: list[str]) -> Universe:
    """A host of these interfaces, with a gateway behind each."""
    links = {}
    for number, name in enumerate(names):
        mac = f"02:00:00:00:{number:02x}:01"
        net = f"2001:db8:f{number:03x}::" if family is Family.IPV6 else f"198.18.{number}."
        links[name] = Link(
            mac, [f"{net}1/{64 if family is Family.IPV6 else 24}"], [f"{net}{'fe' if ':' in net else 254}"]
        )
    return Universe(
        family.version, 1, links, links[names[0]].near[0], [f"default via {links[names[0]].near[0]} dev {names[0]}"]
    )


def confirm(ground: Ground, finding: Finding) -> str | None:
    """Send a finding's witness; what is wrong then, or None."""
    witness = finding.proof.witness
    assert witness is not None
    packets = parse_conversation(witness)
    if any(packet.uid is not None for packet in packets):
        TOLD["not sent: of a user"] += 1
        return None
    names = list(getattr(witness, "interfaces", ())) or [ground.kernel.universe.names[0]]
    own = [address.partition("/")[0] for address in getattr(witness, "addresses", ())]
    ground.leading(packets[-1].out_interface or names[0])
    ground.owning(own, names[-1])
    ground.kernel.accepts("conntrack", "-F")
    start = ground.counts()
    for packet in packets[:-1]:
        ground.send(packet)
    before = ground.counts()
    left = ground.send(packets[-1])
    after = ground.counts()
    ground.disowning(own, names[-1])
    about, named = rule_of(finding.place), {rule_of(place) for place in finding.proof.covering}
    if finding.code == "N402":  # translated, and then refused wherever it goes
        if after[about] == before[about]:
            return f"{witness} does not meet {about}"
        TOLD["N402: refused as said"] += 1
        return f"{witness} leaves although it is refused" if any(not _is_answer(data) for data in left) else None
    if after.get(about, 0) != start.get(about, 0):
        return f"{witness} meets {about}"
    took = [rule for rule in named if after[rule] > before[rule]]
    if not took:
        return f"{witness} meets none of {named}"
    decided = {_decision(place.text) for place in finding.proof.covering if rule_of(place) in took} - {""}
    answered = [data for data in left if _is_answer(data)]
    gone = [data for data in left if not _is_answer(data)]
    if decided == {"DROP"} and left:
        return f"{witness} leaves although it is dropped"
    own_packet = packets[-1].interface is None  # whose error goes to the host itself, through its own OUTPUT
    if decided == {"REJECT"} and (gone or not (answered or own_packet or _unanswerable(packets[-1].data))):
        return f"{witness} is not answered by an error but {left}"
    sure = all(_decision(place.text) for place in finding.proof.covering if rule_of(place) in took)
    forwarded = about[1] == "FORWARD" or own_packet
    if decided == {"ACCEPT"} and sure and forwarded and finding.code[0] == "R" and not gone:
        return f"{witness} does not leave although it is accepted"
    TOLD[f"{finding.code}: {'/'.join(sorted(decided)) or 'taken'} as said"] += 1
    return None


def _decision(line: str) -> str:
    found = re.search(r"-j (ACCEPT|DROP|REJECT)\b", line)
    return found[1] if found else ""


def _is_answer(data: bytes) -> bool:
    """Whether a packet is an ICMP error or a reset."""
    if data[0] >> 4 == 6:
        return (data[6] == 58 and data[40] < 128) or (data[6] == 6 and bool(data[53] & 4))
    head = (data[0] & 15) * 4
    return (data[9] == 1 and data[head] in (3, 11)) or (data[9] == 6 and bool(data[head + 13] & 4))


def _unanswerable(data: bytes) -> bool:
    """Whether nothing answers such a packet for sure: one that is an ICMP message or a reset itself, and IPv6's."""
    head = (data[0] & 15) * 4
    return data[0] >> 4 == 6 or (data[9] == 6 and bool(data[head + 13] & 4)) or data[9] == 1


def throw(ground: Ground, text: str, found: list[Finding], random: Random) -> str | None:
    """Throw packets at rules that none meets; what is wrong then, or None."""
    dead: dict[Rule, Finding] = {}
    for finding in found:
        if finding.place.number and finding.code in DEAD + BEGINNING:
            dead[rule_of(finding.place)] = finding
    if not dead:
        return None
    start = ground.counts()
    share = -(-THROWN // len(dead))
    for finding in dead.values():
        family = Family.IPV6 if ground.six else Family.IPV4
        for shot in thrown(family, text, finding.place, random, share):
            try:
                typed = parse_conversation(shot.line)[0]
            except Error:
                continue
            if finding.code in BEGINNING and " tcp" in shot.line and " tcp S" not in f"{shot.line} ":
                continue
            own = [shot.own] if shot.own else []
            ground.owning(own, shot.name)
            ground.send(typed, 0.0)
            ground.disowning(own, shot.name)
    time.sleep(0.02)
    counts = ground.counts()
    for rule, finding in dead.items():
        if counts[rule] != start[rule]:
            return f"{counts[rule] - start[rule]} packets meet {rule}, of which {finding.code} says: {finding.message}"
        TOLD[f"{finding.code}: met by none of the packets thrown"] += 1
    return None


@pytest.mark.parametrize("planting", plantings(), ids=lambda planting: planting.name)
def test_kernel_agrees(planting: Planting) -> None:
    subject = read_subject([read_source("rules", planting.family, planting.text)], Settings(must_reach=("tcp/22",)))
    found = list(run(subject).findings)
    assert found
    names = list(names_in(planting.text))
    for finding in found:
        names += [name for name in getattr(finding.proof.witness, "interfaces", ()) if name not in names]
    six = planting.family is Family.IPV6
    with KernelHost(universe(planting.family, names)) as kernel:
        kernel.sh("ipset", "restore", stdin="\n".join(SETS6 if six else SETS) + "\n")
        kernel.sh(f"{kernel.command}-restore", stdin=planting.text)
        ground = Ground(kernel, six)
        for finding in found:
            if finding.proof.witness is None:
                TOLD[f"{finding.code}: without a witness"] += 1
            elif wrong := confirm(ground, finding):
                pytest.fail(f"{finding.code} line {finding.place.line}: {wrong}\n{planting.text}")
        if wrong := throw(ground, planting.text, found, Random(planting.name)):
            pytest.fail(f"{wrong}\n{planting.text}")


def test_what_was_held() -> None:
    """Most findings are held against the kernel in one way or the other; with -rP it is told which."""
    print("\n".join(f"{count:5} {what}" for what, count in sorted(TOLD.items())))
    assert sum(count for what, count in TOLD.items() if what.endswith("as said")) > RULESETS / 2
