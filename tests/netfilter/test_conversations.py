"""Conversations whose answers the kernel gave, held with pyipt."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dialogue import HOST, STEP_NS, Conversation, files, list_answer, packet_answer, packet_of, read, same

from pyiptables import Engine, Host, load
from pyiptables.conntrack import ConntrackTable, TimeoutPolicy, dump, dump_expectations, load_expectations
from pyiptables.conntrack import load as load_connections
from pyiptables.hooks import Family
from pyiptables.ipset.reading import load as load_sets
from pyiptables.ipset.saving import save as save_sets
from pyiptables.trace.events import Logged, Sent

START = 1_700_000_000_000_000_000
CASES = [pytest.param(one, id=f"{path.stem}: {one.title}") for path in files() for one in read(path)]


PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "icmpv6": 58, "sctp": 132, "udplite": 136, "generic": 255}


def policy_of(words: list[str]) -> TimeoutPolicy:
    """The policy that ``nfct add timeout NAME`` makes of the words behind the name."""
    family = Family.IPV4 if words[0] == "inet" else Family.IPV6
    seconds = {state.upper(): int(number) for state, number in zip(words[2::2], words[3::2], strict=True)}
    return TimeoutPolicy("", family, PROTOCOLS[words[1]], seconds)


class Talk:
    """A conversation under way."""

    def __init__(self, conversation: Conversation, host: Host) -> None:
        self.conversation, self.host = conversation, host
        self.now = START
        self.sets = load_sets([f"{line}\n" for line in conversation.told("set")], "sets", now=START)
        self.engine = self._engine(conversation.rules())

    def _engine(self, rules: str) -> Engine:
        made = Engine(load(rules.splitlines(keepends=True), self.conversation.family), self.host, sets=self.sets)
        made.conntrack.now = self.now
        made.conntrack.policies = {name: policy_of(words) for name, words in self._policies()}
        return made

    def _policies(self) -> Iterator[tuple[str, list[str]]]:
        """Names of timeout policies, and the words that nfct made them of."""
        for name, *words in map(str.split, self.conversation.told("policy")):
            yield name, words

    def answer(self, words: str) -> list[str]:
        """What pyipt answers in a step."""
        if words.startswith("wait "):
            self.now += round(float(words.split()[1]) * 1e9)
            return []
        self.now += STEP_NS
        self.engine.conntrack.now = self.now
        match words:
            case "connections":
                return list_answer(dump(self.engine.conntrack))
            case "expectations":
                return list_answer(dump_expectations(self.engine.conntrack))
            case "sets":
                return list_answer(list(save_sets(self.engine.sets, now=self.now)))
            case "rules gone":
                connections = "\n".join(dump(self.engine.conntrack))
                self.sets = self.engine.sets
                self.engine = self._engine(self.conversation.rules(gone=True))
                load_connections(self.engine.conntrack, connections)
                return []
        packet = packet_of(words)
        trace = self.engine.send(packet.packet(self.now))
        prefixes = [event.prefix.strip() for event in trace.of(Logged)]
        sent = [(event.interface, event.frame) for event in trace.of(Sent)]
        return [packet_answer(packet, prefixes, sent)]


@pytest.mark.parametrize("conversation", CASES)
def test_conversation(conversation: Conversation, tmp_path: Path) -> None:
    folder = tmp_path / "host"
    shutil.copytree(HOST / f"v{conversation.family.version}", folder)
    with (folder / "sysctl.txt").open("a") as file:
        file.writelines(line.replace("=", " = ", 1) + "\n" for line in conversation.told("sysctl"))
    talk = Talk(conversation, Host.from_snapshot(folder))
    for number, step in enumerate(conversation.steps, 1):
        found = conversation.without_chance(talk.answer(step.words))
        assert same(step.answer, found), f"step {number}, {step.words}: {found}, the kernel: {step.answer}"


LISTS = {
    kind: [step.answer for path in files() for one in read(path) for step in one.steps if step.words == kind]
    for kind in ("connections", "expectations")
}


@pytest.mark.parametrize("lines", LISTS["connections"])
def test_what_conntrack_lists_is_read_and_listed_again(lines: list[str]) -> None:
    table = ConntrackTable()
    known = [line for line in lines if "<" not in line]
    assert load_connections(table, "\n".join(known)) == len(known)
    assert list_answer(dump(table)) == sorted(known)


def test_what_it_lists_as_expected_is_so_too() -> None:
    for lines in LISTS["expectations"]:
        table = ConntrackTable()
        for words in map(str.split, lines):
            at = words.index(next(word for word in words if word.startswith("master-src=")))
            master = [word.removeprefix("master-") for word in words[at : at + 4]]
            protocol = 6 if words[-1] in ("helper=ftp", "helper=irc", "helper=pptp") else 17
            row = f"{protocol} 100 {' '.join(master)} {_answers(master)} {words[-1]}"
            if not any(" ".join(master) in line for line in dump(table)):
                load_connections(table, f"{'tcp' if protocol == 6 else 'udp'} {row}")
        assert load_expectations(table, "\n".join(lines)) == len(lines)
        assert list_answer(dump_expectations(table)) == lines


def _answers(master: list[str]) -> str:
    source, destination, sport, dport = (word.partition("=")[2] for word in master)
    return f"src={destination} dst={source} sport={dport} dport={sport} mark=0"
