#!/usr/bin/env python3
"""record_conversations.py FILE...: ask the machine's kernel what it answers in conversations, and write it into them.

The files are those of ``tests/netfilter/conversations`` (see ``tests/netfilter/dialogue.py``). Each conversation is
held twice, and only what the kernel repeats is written. ``--only WORDS`` takes those whose title has the words,
``--missing`` those without answers. Needs root, iproute2, iptables (legacy), ipset, conntrack, nftables and ethtool, and nfct for timeout policies.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "netfilter")]

from dialogue import HOST, STEP_NS, Conversation, Step, list_answer, packet_answer, packet_of, read, same
from oracle.kernel_host import KernelHost, LogLostError
from oracle.universe import Link, Universe

LATE = 0.2
"""Seconds that a packet may come too late."""
TRIES = 8
LOOK = 0.1
"""Seconds between looks at the log, while time passes."""
WAIT = 0.003
PREFIX = re.compile(r"^(?:<\d>)?(.*?) ?IN=")


class LateError(RuntimeError):
    """The machine was too busy to keep the time; says by how much."""


def host(family: int, sysctls: dict[str, str | int]) -> Universe:
    """The host of all conversations: a wire to the world, and one to a network of its own."""
    four = {
        "wan": Link("02:00:00:00:00:01", ["198.18.99.1/24", "198.18.99.2/24"], ["198.18.99.10"], ["203.0.113.9"]),
        "lan": Link("02:00:00:00:01:01", ["10.99.0.1/24"], ["10.99.0.10", "10.99.0.11"]),
    }
    six = {
        "wan": Link("02:00:00:00:00:01", ["2001:db8:99::1/64"], ["2001:db8:99::10"], ["2001:db8:ffff::9"]),
        "lan": Link("02:00:00:00:01:01", ["2001:db8:99:1::1/64"], ["2001:db8:99:1::10", "2001:db8:99:1::11"]),
    }
    gateway = "198.18.99.254" if family == 4 else "2001:db8:99::fe"
    routes = [f"default via {gateway} dev wan"]
    return Universe(family, 99, four if family == 4 else six, gateway, routes, sysctls=sysctls)


def hold(conversation: Conversation) -> list[list[str]]:
    """Hold a conversation with the kernel; its answers, a list for each step."""
    sysctls: dict[str, str | int] = {
        word.partition("=")[0]: word.partition("=")[2] for word in conversation.told("sysctl")
    }
    universe = host(conversation.family.version, sysctls)
    with KernelHost(universe) as kernel:
        if sets := conversation.told("set"):
            kernel.sh("ipset", "restore", stdin="\n".join(sets) + "\n")
        for policy in conversation.told("policy"):
            kernel.sh("nfct", "add", "timeout", *policy.split())
        kernel.sh(f"{kernel.command}-restore", stdin=conversation.rules())
        if not (HOST / f"v{universe.family}").exists():
            (HOST / f"v{universe.family}").mkdir(parents=True)
            kernel.snapshot(HOST / f"v{universe.family}")
        kernel.listen()
        start, passed, answers = time.monotonic(), 0, []
        for step in conversation.steps:
            passed += _time_of(step)
            answers.append(_answer(kernel, conversation, step, start + passed / 1e9))
        return answers


def _time_of(step: Step) -> int:
    """Nanoseconds that a step takes."""
    words = step.words.split()
    return round(float(words[1]) * 1e9) if words[0] == "wait" else STEP_NS


def _answer(kernel: KernelHost, conversation: Conversation, step: Step, due: float) -> list[str]:
    if step.words.startswith("wait "):
        return []
    while (left := due - time.monotonic()) > 0:
        time.sleep(min(left, LOOK))
        if left > LOOK:
            kernel.log()  # the log is everybody's: others may fill it meanwhile
    if -left > LATE:
        raise LateError(f"{-left:.3f}")
    match step.words:
        case "connections":
            lines = kernel.connections().splitlines()
        case "expectations":
            lines = kernel.sh("conntrack", "-L", "expect").splitlines()
        case "sets":
            lines = kernel.sets().splitlines()
        case "rules gone":
            kernel.sh(f"{kernel.command}-restore", stdin=conversation.rules(gone=True))
            return []
        case _:
            return conversation.without_chance([_packet(kernel, conversation, step)])
    return list_answer(conversation.without_chance(lines))


def _packet(kernel: KernelHost, conversation: Conversation, step: Step) -> str:
    packet = packet_of(step.words)
    data, name = packet.data, packet.interface
    if name is not None:
        sender = kernel.universe.mac_of(name, "") if packet.mac_source is None else packet.mac_source.hex(":")
        macs = kernel.universe.links[name].mac + sender
        kind = b"\x86\xdd" if conversation.family.version == 6 else b"\x08\0"
        data = bytes.fromhex(macs.replace(":", "")) + kind + data
    came = kernel.inject(name, data, WAIT)
    prefixes = [
        found[1] for line in kernel.log() if (found := PREFIX.match(line)) and not found[1].startswith("TRACE: ")
    ]
    sent = [(where, frame) for where, frame in came if frame[12:14] in (b"\x08\x00", b"\x86\xdd")]
    return packet_answer(packet, prefixes, sent)


def steadily(conversation: Conversation) -> list[list[str]] | None:
    """What the kernel answers twice; None when it does not repeat itself."""
    before: list[list[str]] | None = None
    for _ in range(TRIES):
        try:
            answers = hold(conversation)
        except (LateError, LogLostError) as error:
            print(f"  {type(error).__name__} {error}", file=sys.stderr)
            continue
        if before is not None and all(map(same, before, answers)):
            return before
        for one, other in zip(before or (), answers, strict=False):
            if not same(one, other):
                print(f"  {one}\n  {other}", file=sys.stderr)
        before = answers
    return None


def main() -> int:
    """Read the command line and ask."""
    parser = argparse.ArgumentParser(description="record conversations (needs root)")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--missing", action="store_true")
    options = parser.parse_args()
    unsteady = 0
    for path in options.files:
        found = read(path)
        for one in found:
            answered = any(step.answer for step in one.steps)
            if options.only not in one.title or (options.missing and answered):
                continue
            try:
                answers = steadily(one)
            except RuntimeError as error:
                print(error, file=sys.stderr)
                answers = None
            print(f"{path.name}: {one.title}{': the kernel does not repeat itself' if answers is None else ''}")
            unsteady += answers is None
            for step, answer in zip(one.steps, answers or (), strict=bool(answers)):
                step.answer = answer
            path.write_text("".join(each.text() for each in found))
    return int(unsteady > 0)


if __name__ == "__main__":
    sys.exit(main())
