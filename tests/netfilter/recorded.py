"""What the kernel did with a conversation, and what `pyipt trace` makes of it, brought into one form to be compared.

A recording is a folder: a snapshot (rules.v4 or rules.v6, ip-addr.json ...), ``in.pcapng``, and ``expected/`` with the
kernel's log lines (packet number, TAB, line), the frames that it sent, its counters, connections and sets. Packet n has
the time START + n times STEP; one that was played in real time leaves numbers out, and may have a start of its own.

Left out of the comparison: what the kernel chooses at random or counts by itself (the IP identification of packets it
makes and the header checksum over it, flow labels, IPv6 fragments' identification, ``ID=`` and ``FLOWLBL=`` in log lines), the owner of sockets, and
timeouts and use counts of connections, SYNPROXY's cookies, timeouts of sets' entries and the sizes of their hashes.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pyiptables.packet.capture import open_capture

START, STEP = 1_700_000_000_000_000_000, 10_000_000
MOST_LINES = 24
"""So many lines of a difference are shown."""
STAMPED = re.compile(r"\[\s*(\d+\.\d+)\] (.*)")


@dataclass(frozen=True)
class Outcome:
    """Log lines and frames by packet number, rules with counters by table, connections, sets."""

    log: dict[int, list[str]]
    frames: dict[int, list[tuple[str, bytes]]]
    rules: dict[str, list[str]]
    connections: list[str]
    sets: list[str]

    def differences(self, other: Outcome) -> list[str]:
        """What is different, a line each: packets by number, then the rest."""
        found = [
            f"packet {number}"
            for number in sorted({*self.log, *other.log, *self.frames, *other.frames})
            if (self.log.get(number, []), self.frames.get(number, []))
            != (other.log.get(number, []), other.frames.get(number, []))
        ]
        return found + [
            name for name in ("rules", "connections", "sets") if getattr(self, name) != getattr(other, name)
        ]


def arguments(folder: Path, results: Path) -> list[str]:
    """The words of `pyipt trace` that replay a recording and leave what it did in a folder."""
    version = family_of(folder)
    return [
        "--snapshot", str(folder), "--format", "kernel",
        "--write", str(results / "out.pcapng"), "--save-rules", str(results / f"rules.v{version}"),
        "--save-conntrack", str(results / "conntrack.txt"), "--save-ipset", str(results / "ipset.save"),
        str(folder / "in.pcapng"),
    ]  # fmt: skip


def family_of(folder: Path) -> int:
    """4 or 6, by the rules that it holds."""
    return 6 if (folder / "rules.v6").exists() else 4


def kernel_outcome(folder: Path) -> Outcome:
    """What stands in a recording's ``expected``."""
    expected = folder / "expected"
    log: dict[int, list[str]] = defaultdict(list)
    for line in (expected / "kernel.log").read_text(errors="replace").splitlines():
        number, _, text = line.partition("\t")
        log[int(number)].append(log_key(text))
    return Outcome(log, frames(expected, start_of(folder)), rules(expected), connections(expected), sets(expected))


def traced_outcome(folder: Path, log_text: str, start: int = START) -> Outcome:
    """What `pyipt trace --format kernel` printed, and wrote into a folder, of a recording that starts at a time."""
    log: dict[int, list[str]] = defaultdict(list)
    for line in log_text.splitlines():
        found = STAMPED.match(line)
        if found is not None:
            log[round(float(found[1]) * 100) + 1].append(log_key(found[2]))
    return Outcome(log, frames(folder, start), rules(folder), connections(folder), sets(folder))


def start_of(folder: Path) -> int:
    """The time of a recording's packet 0: a step before its first."""
    with open_capture(folder / "in.pcapng") as capture:
        return next((frame.time_ns - STEP for frame in capture), START)


def log_key(line: str) -> str:
    """A log line without what is chance."""
    return re.sub(r" ID=\d+| ID:[0-9a-f]{8}| FLOWLBL=\d+|UID=\d+ |GID=\d+ ", "", line).rstrip()


def frames(folder: Path, start: int = START) -> dict[int, list[tuple[str, bytes]]]:
    """The frames that left, by the packet that led to them, each packet's in a fixed order."""
    found: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    with open_capture(folder / "out.pcapng") as capture:
        for frame in capture:
            found[round((frame.time_ns - start) / STEP)].append((frame.interface, frame_key(frame.data)))
    return {number: sorted(some) for number, some in found.items()}


def frame_key(data: bytes) -> bytes:
    """A frame without what is chance in packets that the host makes."""
    frame = bytearray(data)
    if frame[12:14] == b"\x86\xdd":
        frame[15] &= 0xF0
        frame[16:18] = b"\0\0"
        hide_fragment_id(frame)
    elif frame[12:14] == b"\x08\x00":
        head = 14 + (frame[14] & 15) * 4
        error = frame[23] == 1 and frame[head : head + 1] in (b"\x03", b"\x0b", b"\x0c", b"\x0e")
        reset = frame[23] == 6 and len(frame) > head + 13 and frame[head + 13] & 4
        if error or reset:
            frame[18:20] = frame[24:26] = b"\0\0"
    hide_cookie(frame)
    return bytes(frame)


def hide_fragment_id(frame: bytearray) -> None:
    """Leave out the identification of an IPv6 fragment, which the kernel draws for those that it makes."""
    kind, at = frame[20], 54
    while kind in (0, 43, 60) and at + 8 <= len(frame):
        kind, at = frame[at], at + (frame[at + 1] + 1) * 8
    if kind == 44 and at + 8 <= len(frame):
        frame[at + 4 : at + 8] = bytes(4)


def hide_cookie(frame: bytearray) -> None:
    """Leave out what is a cookie in a SYN+ACK of SYNPROXY (its window is 0): the number and the time, not their offer."""
    four = frame[12:14] == b"\x08\x00"
    at = 14 + (frame[14] & 15) * 4 if four else 54
    if (
        frame[23 if four else 20] != 6
        or len(frame) < at + 20
        or frame[at + 13] & 0x12 != 0x12
        or any(frame[at + 14 : at + 16])
    ):
        return
    frame[at + 4 : at + 8] = bytes(4)
    frame[at + 16 : at + 18] = bytes(2)
    stamp = frame.find(b"\x08\x0a", at + 20)
    if stamp >= 0:
        frame[stamp + 2 : stamp + 6] = bytes((0, 0, 0, frame[stamp + 5] & 0x3F))


def rules(folder: Path) -> dict[str, list[str]]:
    """Chains and rules with their counters, by table."""
    tables: dict[str, list[str]] = {}
    for line in (folder / f"rules.v{family_of(folder)}").read_text().splitlines():
        if line.startswith("*"):
            current = tables.setdefault(line[1:], [])
        elif line.startswith((":", "[", "-")):
            current.append(line.rstrip())
    return tables


def connections(folder: Path) -> list[str]:
    """The connections without timeouts and use counts, sorted."""
    found = []
    for line in (folder / "conntrack.txt").read_text().splitlines():
        if "src=" in line:
            text = re.sub(r"^(\S+\s+\d+) \d+ ", r"\1 ", re.sub(r"\s+", " ", line.strip()))
            found.append(re.sub(r" use=\d+| secctx=\S+| zone=0", "", text))
    return sorted(found)


def sets(folder: Path) -> list[str]:
    """The sets and their entries without what a hash or the clock chooses, sorted."""
    path = folder / "ipset.save"
    if not path.exists():
        return []
    return sorted(
        re.sub(r" (hashsize|bucketsize|initval|timeout) \S+", "", line) for line in path.read_text().splitlines()
    )


def first_difference(kernel: Outcome, traced: Outcome) -> str:
    """Where they part first, in lines of the kernel's (-) and of pyipt's (+); empty when they agree."""
    parted = kernel.differences(traced)
    if not parted:
        return ""
    what = parted[0]
    if what.startswith("packet"):
        number = int(what.split()[1])
        sides = [
            one.log.get(number, []) + [f"sends on {name}: {data.hex()}" for name, data in one.frames.get(number, [])]
            for one in (kernel, traced)
        ]
    elif what == "rules":
        sides = [
            [f"{table}: {line}" for table, lines in one.rules.items() for line in lines] for one in (kernel, traced)
        ]
    else:
        sides = [kernel.connections, traced.connections] if what == "connections" else [kernel.sets, traced.sets]
    lines = difflib.unified_diff(*sides, "kernel", "pyipt", n=0, lineterm="")
    return "\n".join([f"{len(parted)} differences, the first: {what}", *islice(lines, MOST_LINES)])


def main(names: Sequence[str]) -> int:
    """Replay recordings by the command in PATH and print where they part; 0 when all agree."""
    whole = 0
    for name in names:
        folder = Path(name)
        with tempfile.TemporaryDirectory() as results:
            words = ["pyipt", *(["-6"] if family_of(folder) == 6 else []), "trace", *arguments(folder, Path(results))]
            done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode:
                print(f"{folder.name}: exit status {done.returncode}: {done.stderr.strip()[-200:]}")
                continue
            kernel = kernel_outcome(folder)
            traced = traced_outcome(Path(results), done.stdout, start_of(folder))
            parted = kernel.differences(traced)
        whole += not parted
        if parted:
            print(f"{folder.name}: {len(parted)} differences: {', '.join(parted[:5])}")
            if len(names) == 1:
                print(first_difference(kernel, traced))
    print(f"{whole} of {len(names)} recordings agree")
    return int(whole < len(names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
