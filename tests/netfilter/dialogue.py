"""Conversations that the kernel was recorded with: who sends what, and what the kernel answered, as text.

A file has conversations, each of which begins with ``==`` and a title. Then come lines that make the host
(``sysctl NAME=VALUE``, ``set WORDS`` of ipset, ``rule TABLE WORDS`` of iptables, ``policy WORDS`` of nfct add timeout;
``chance LOW-HIGH``: ports that are chosen at random from there), and the steps:

    lan: 10.99.0.10:1000 > 203.0.113.9:53 udp    a packet (see pyiptables.packet.typed_notation)
    wait 2.5                                     seconds pass
    connections                                  what `conntrack -L` lists
    expectations                                 what `conntrack -L expect` lists
    sets                                         what `ipset save` lists
    rules gone                                   all rules are flushed, chains and connections stay

Below each step stands the answer, indented. For a packet that is first what was logged: its state (logged by rules that
every conversation has in mangle, before its own), and the prefixes of LOG in its own rules; then, behind ``|``, each
packet that left and where; one that left as it came, but for its time to live, is its interface alone.

Files whose name has a 6 are IPv6's. ``tests/kernel/record_conversations.py`` asks the kernel and writes the answers anew;
the host is that of ``conversations/host``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.transports import crc32c
from pyiptables.packet.typed_notation import parse_notation, to_notation
from pyiptables.packet.typed_packet import TypedPacket

FOLDER = Path(__file__).parent / "conversations"
HOST = FOLDER / "host"
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
TABLES = ("raw", "mangle", "nat", "filter", "security")
BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
STEP_NS = 50_000_000
"""From one packet to the next."""
SLACK = 1
"""Seconds that a timeout may differ."""


@dataclass(slots=True)
class Step:
    """A step in its own words, and the kernel's answer."""

    words: str
    answer: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Conversation:
    """A conversation: its title, what makes its host, its steps; ``remarks`` stand before its title."""

    title: str
    family: Family
    remarks: list[str]
    making: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def without_chance(self, lines: list[str]) -> list[str]:
        """An answer without what the kernel leaves to chance: ``chance LOW-HIGH`` names ports."""
        spans = [tuple(map(int, span.split("-"))) for span in self.told("chance")]

        def masked(found: re.Match[str]) -> str:
            inside = (f"<{low}-{high}>" for low, high in spans if low <= int(found[0]) <= high)
            return next(inside, found[0])

        return [re.sub(r"(?<=[:=])\d+\b(?![.])", masked, line) for line in lines] if spans else lines

    def told(self, word: str) -> list[str]:
        """What the lines that make the host say behind a word."""
        return [line.partition(" ")[2] for line in self.making if line.startswith(f"{word} ")]

    def rules(self, *, gone: bool = False) -> str:
        """The ruleset in the form of iptables-save; ``gone``: without the conversation's own rules."""
        own = [] if gone else [rule.partition(" ") for rule in self.told("rule")]
        lines: list[str] = []
        for table in TABLES:
            lines.append(f"*{table}")
            lines += [f":{chain} ACCEPT [0:0]" for chain in BUILT_IN[table]]
            lines += [f":{rest[3:]} - [0:0]" for name, _, rest in own if name == table and rest.startswith("-N ")]
            if table == "mangle":
                lines += [
                    f'-A {chain} -m conntrack --ctstate {state} -j LOG --log-prefix "{state} "'
                    for chain in ("PREROUTING", "OUTPUT")
                    for state in STATES
                ]
            lines += [rest for name, _, rest in own if name == table and rest.startswith("-A ")]
            lines.append("COMMIT")
        return "\n".join(lines) + "\n"

    def text(self) -> str:
        """As it stands in a file."""
        steps = (line for step in self.steps for line in (step.words, *(f"  {one}" for one in step.answer)))
        return "\n".join([*self.remarks, f"== {self.title}", *self.making, *steps]) + "\n"


def read(path: Path) -> list[Conversation]:
    """The conversations of a file."""
    family = Family.IPV6 if "6" in path.stem else Family.IPV4
    found: list[Conversation] = []
    remarks: list[str] = []
    for line in path.read_text().splitlines():
        if line.startswith("== "):
            found.append(Conversation(line[3:], family, remarks))
            remarks = []
        elif line.startswith("#") or not line:
            remarks.append(line)
        elif line.startswith("  "):
            found[-1].steps[-1].answer.append(line[2:])
        elif line.split()[0] in ("sysctl", "set", "rule", "chance", "policy"):
            found[-1].making.append(line)
        else:
            found[-1].steps.append(Step(line))
    return found


def files() -> Iterator[Path]:
    """The files of conversations."""
    return iter(sorted(FOLDER.glob("*.txt")))


def packet_of(words: str) -> TypedPacket:
    """The packet of a step; behind ``sctp tag NUMBER`` stand chunks by their names, an INIT's with the tag it asks for."""
    found = _SCTP.fullmatch(words)
    if found is None:
        return parse_notation(words)
    chunks = b"".join(_chunk(*name.partition(":")) for name in found[3].split())
    packet = parse_notation(f"{found[1]} sctp payload hex:{chunks.hex()}")
    data = bytearray(packet.data)
    at = 20 if packet.family is Family.IPV4 else 40
    data[at + 4 : at + 8] = int(found[2], 0).to_bytes(4, "big")
    data[at + 8 : at + 12] = bytes(4)
    data[at + 8 : at + 12] = crc32c(bytes(data[at:])).to_bytes(4, "little")
    return replace(packet, data=bytes(data))


_SCTP = re.compile(r"(.*) sctp tag (\S+) (.*)")
_CHUNKS = ("data", "init", "init_ack", "sack", "heartbeat", "heartbeat_ack", "abort", "shutdown", "shutdown_ack",
           "error", "cookie_echo", "cookie_ack", "ecne", "cwr", "shutdown_complete")  # fmt: skip
"""The kinds of SCTP's chunks, by number."""


def _chunk(name: str, _: str, value: str) -> bytes:
    """A chunk: INIT and its answer with the tag they ask for, abort with its flags, others with a few bytes."""
    kind = _CHUNKS.index(name)
    if kind in (1, 2):
        return bytes((kind, 0, 0, 20)) + int(value, 0).to_bytes(4, "big") + bytes.fromhex("0000ffff0001000100000001")
    body = bytes(16) if kind in (0, 3, 4, 5, 10) else b""
    return bytes((kind, int(value or "0", 0))) + (4 + len(body)).to_bytes(2, "big") + body


def packet_answer(packet: TypedPacket, prefixes: list[str], sent: list[tuple[str, bytes]]) -> str:
    """What a packet led to, in one line; frames have Ethernet headers. One that only aged is its interface alone."""
    left = [_words(packet, name, frame[14:]) for name, frame in sorted(sent, key=lambda one: one[0])]
    return " | ".join([" ".join(prefixes) or "-", *left])


def _words(packet: TypedPacket, name: str, data: bytes) -> str:
    """A packet that left, without what is chance."""
    family = packet.family
    if family is Family.IPV6 and len(data) > 4:
        data = bytes((data[0], data[1] & 0xF0, 0, 0)) + data[4:]  # the flow label
    if _without_age(data, family) == _without_age(packet.data, family):
        return name
    try:
        text = to_notation(TypedPacket(family, data, name))
    except PacketError:
        text = f"{name}: raw {data.hex()}"
    return re.sub(r" id \d+", "", text)


def _without_age(data: bytes, family: Family) -> bytes:
    return data[:4] + data[6:8] + data[9:10] + data[12:] if family is Family.IPV4 else data[:7] + data[8:]


def list_answer(lines: list[str]) -> list[str]:
    """What a list says, sorted, without what is chance."""
    cleaned = (" ".join(re.sub(r" use=\d+| secctx=\S+", "", line).split()) for line in lines)
    return sorted(re.sub(r" (hashsize|bucketsize|initval) \S+", "", line) for line in cleaned if line)


def same(kernel: list[str], ours: list[str]) -> bool:
    """Whether two answers agree, but for a second of a timeout."""
    return len(kernel) == len(ours) and all(map(_same_line, kernel, ours))


def _same_line(one: str, other: str) -> bool:
    times = [[int(number) for number in _TIMES.findall(text)] for text in (one, other)]
    return _TIMES.sub("#", one) == _TIMES.sub("#", other) and all(
        abs(first - second) <= SLACK for first, second in zip(*times, strict=True)
    )


_TIMES = re.compile(r"(?:(?<=^)|(?<=timeout )|(?<=^tcp 6 )|(?<=^udp 17 )|(?<=^icmp 1 )|(?<=^gre 47 )|(?<=^sctp 132 )"
                    r"|(?<=^udplite 136 )|(?<=^icmpv6 58 )|(?<=^dccp 33 )|(?<=^unknown \d\d )|(?<=^unknown \d\d\d )"
                    r"|(?<=^unknown \d ))(\d+)\b")  # fmt: skip
"""Where times stand: in lists of connections and expectations, and in sets."""
