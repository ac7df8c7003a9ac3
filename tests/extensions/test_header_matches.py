"""Matches that read headers: their words where cases/ has no room for them, and frames that Linux itself judged."""

import re
import socket
from types import SimpleNamespace

import pytest
from rule_words import facts_for, read
from test_packets import rows

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.kinds import named_numbers
from pyiptables.extensions.loading import find_match
from pyiptables.hooks import Family
from pyiptables.packet.bpf import VALID_CODES, Instruction, check, run
from pyiptables.packet.skb import PacketType, Skb

NUMBERS = {"/etc/iproute2/rt_realms": {"cosmos": 0}, "/etc/iproute2/group": {"default": 0}}
PROTOCOLS = {"hopopt": 0, "IPv6-Opts": 60, "tcp": 6, "ah": 51, "esp": 50}
UDP4 = "4500001c0000000040110000c0000201c6336402" + "03e8003500080000"


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    def by_name(name):
        if name not in PROTOCOLS:
            raise OSError("protocol not found")
        return PROTOCOLS[name]

    monkeypatch.setattr(named_numbers, "read_names", NUMBERS.__getitem__)
    monkeypatch.setattr(socket, "getprotobyname", by_name)


@pytest.mark.parametrize(("command", "words", "saved", "numeric", "by_name"), list(rows("header_words.txt")))
def test_words(command, words, saved, numeric, by_name):
    facts = facts_for(command)
    (match,) = read(words, facts)
    text = re.sub(r"^-p \S+ ", "", words if saved == "=" else saved)
    assert f"-m {match.name}{match.save(facts)}" == text
    assert match.list(facts, True).removeprefix(" ") == numeric.replace("\\0", "\0")
    assert match.list(facts, False).removeprefix(" ") == (numeric if by_name == "=" else by_name).replace("\\0", "\0")
    assert not match.kernel_check(facts)


REFUSED = [
    ("iptables", "-m realm --realm cosmos/1", 'realm: could not map name cosmos/1 to an integer value for option "--realm".\n'),
    ("iptables", "-m devgroup --src-group x", 'devgroup: could not map name x to an integer value for option "--src-group".\n'),
    ("ip6tables", "-m ipv6header --header tcp", "unknown header `6' specified"),
    ("iptables", '-m bpf --bytecode "1,6 0 0 0" --object-pinned /x', "bpf: one of --bytecode or --pinned is required"),
    ("iptables", "-m u32 --u32 " + "'" + "0=" * 5000 + "'", 'u32: at char 3: expected "," or "&&"'),
    ("iptables", "-m u32 --u32 '0=" + "9" * 5000 + "'", "u32: at char 2: not a number or out of range"),
    ("iptables", f"-m bpf --bytecode '1,{'6' * 5000}'", "bpf: error at instr 0"),
    ("iptables", "-m bpf --bytecode '1,6000'", "bpf: error at instr 0"),
    ("ip6tables", f"-m hbh --hbh-opts {'9' * 5000}", f"opt `{'9' * 5000}' specified too big: would overflow"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "words", "message"), REFUSED)
def test_refused(command, words, message):
    with pytest.raises(ParameterProblem) as caught:
        read(words, facts_for(command))
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["standard", "unclean", "l2tp", "_ranges", "_hops"])
def test_no_such_match(name):
    assert find_match(name, Family.IPV4) is None


def frame(text, family):
    raw = bytes.fromhex(text)
    skb = Skb(raw[14:], family, iif="eth0", mac=raw[:14])
    group = raw[0] & 1
    skb.pkt_type = (
        PacketType.BROADCAST if raw[:6] == b"\xff" * 6 else PacketType.MULTICAST if group else PacketType.HOST
    )
    return skb


@pytest.mark.parametrize(("command", "words", "text", "outcome"), list(rows("header_packets.txt")))
def test_frames(command, words, text, outcome):
    facts = facts_for(command)
    (match,) = read(words, facts)
    predicate, skb = match.predicate(facts), frame(text, facts.family)
    holds = predicate.holds(skb)
    assert ("drop" if skb.hotdrop else "yes" if holds else "no") == outcome
    assert (predicate.failing(frame(text, facts.family)) is None) == holds


class GroupsHost:
    """A host with one interface."""

    @staticmethod
    def interface(name):
        return SimpleNamespace(group=5, index=7) if name == "eth0" else None


FROM_HOST = [  # words | without a host | with one that has eth0
    ("-m devgroup --src-group 5", "unknown", "yes"),
    ("-m devgroup ! --src-group 4/6", "unknown", "no"),
    ("-m devgroup --dst-group 5", "unknown", "unknown"),
    ("-m realm --realm 0", "unknown", "yes"),
    ("-m realm --realm 5/0xff", "unknown", "no"),
    ("-m realm ! --realm 5", "unknown", "yes"),
    ("-m cpu --cpu 0", "unknown", "unknown"),
    ("-m cpu ! --cpu 0", "unknown", "unknown"),
    ("-m bpf --object-pinned /x", "unknown", "unknown"),
    ('-m bpf --bytecode "4,32 0 0 4294963208,21 0 1 7,6 0 0 1,6 0 0 0"', "unknown", "yes"),
    ('-m bpf --bytecode "2,32 0 0 4294963256,22 0 0 0"', "unknown", "unknown"),
    ('-m bpf --bytecode "4,32 0 0 4294963220,21 0 1 9,6 0 0 1,6 0 0 0"', "yes", "yes"),
]


@pytest.mark.parametrize(("words", "alone", "on_host"), FROM_HOST)
def test_from_host(words, alone, on_host):
    facts = facts_for("iptables")
    (match,) = read(words, facts)
    for host, outcome in ((None, alone), (GroupsHost, on_host)):
        skb = Skb(bytes.fromhex(UDP4), Family.IPV4, iif="eth0")
        skb.host, skb.mark = host, 9
        holds = match.predicate(facts).holds(skb)
        assert ("unknown" if skb.unknown else "yes" if holds else "no") == outcome


def test_every_program_ends():
    """Each single instruction between two loads: refused, or run to its end without an error."""
    skb = Skb(bytes.fromhex(UDP4), Family.IPV4)
    for code in range(256):
        for k in (0, 1, 31, 32, 0xFFFFF000, 0xFFFFF003, 0xFFFFFFFF, 0xFFE00000):
            program = (Instruction(1, 0, 0, 3), Instruction(code, 0, 0, k), Instruction(22, 0, 0, 0))
            if check(program) is None:
                assert code in VALID_CODES
                assert isinstance(run(program, skb), (int, str))
