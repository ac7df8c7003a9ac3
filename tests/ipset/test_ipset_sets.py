"""Reading, errors, changes of whole sets, and the types that the machine's kernel did not have when answers were asked."""

from __future__ import annotations

import pytest

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.ipset import reading
from pyiptables.ipset.model import SECOND, MatchOptions, Refusal
from pyiptables.ipset.reading import load
from pyiptables.ipset.saving import save
from pyiptables.packet.skb import Skb
from pyiptables.packet.typed_notation import parse_notation

MAC = bytes.fromhex("020000000001" + "02aa00000001" + "0800")
SRC, DST = True, False


def packet(line: str, *, mark: int = 0, mac: bytes = MAC) -> Skb:
    typed = parse_notation(line)
    skb = Skb(typed.data, typed.family, iif=typed.interface or "", mac=mac)
    skb.mark = mark
    return skb


# lines of sets | the wrong line | what the error says | its hint
WRONG = [
    ("", "create x hash:nett", "typename 'hash:nett' is unknown", "nearest: hash:net"),
    ("", "creat x hash:net", "unknown argument creat", "nearest: create"),
    ("", "create x", "Missing second mandatory argument to command create", "create NAME TYPE"),
    ("", "create x hash:ip tiemout 5", "Unknown argument: `tiemout'", "nearest: timeout"),
    ("", "create x hash:ip timeout", "Missing mandatory argument of option `timeout'", "after timeout"),
    ("", "create x hash:ip timeout 1h", "'1h' is invalid as number", "0-2147483"),
    ("", "create x hash:ip family inet5", "unknown family 'inet5'", "nearest: inet"),
    ("", f"create {'x' * 32} hash:ip", "longer than 31 characters", None),
    ("", "create x hash:ip,mark markmask 0", "markmask parameter is invalid", "not 0"),
    ("create x hash:ip", "create x hash:ip", "already exists", "new name"),
    ("create x hash:ip", "create x hash:net -exist", "already exists", "new name"),
    ("create blocked hash:ip", "add bloked 10.0.0.1", "does not exist", "nearest: blocked"),
    ("create x hash:ip", "add x", "Missing second mandatory argument to command add", "add NAME ELEMENT"),
    ("create x hash:ip", "add x www.example.org", "not an IPv4 address", "expected: IPv4 address"),
    ("create x hash:ip,port", "add x 10.0.0.1", "Second element is missing", "expected: ip,port"),
    ("create x hash:ip,port", "add x 10.0.0.1,tpc:80", "cannot parse 'tpc' as a protocol", "nearest: tcp"),
    ("create x hash:ip,port", "add x 10.0.0.1,icmp:echo-requst", "as an ICMP type/code", "nearest: echo-request"),
    ("create x hash:ip,port", "add x 10.0.0.1,99999", "out of range 0-65535", None),
    ("create x hash:mac", "add x 02:00", "cannot parse ethernet address", "aa:bb:cc:dd:ee:ff"),
    ("create x hash:ip", "add x 10.0.0.1 timeout 5", "without timeout support", "created with timeout"),
    ("create x hash:ip comment", 'add x 10.0.0.1 comment "a', "does not end", '"'),
    ("create x hash:ip maxelem 4294967295", "add x 0.0.0.1-255.255.255.255", "more than can be kept", "at most"),
    ("create x hash:net", "add x 1.0.0.1-223.255.255.254", "Hash is full", "2147483648"),
    ("create x hash:ip,port,ip", "add x 10.0.0.0/8,1-65535,1.1.1.1", "more than can be kept", "at most"),
    ("create a hash:ip\ncreate x list:set", "add x b", "element does not exist", None),
    ("create x list:set\nadd x x", "", "Sets with list:set type cannot be added", "another type"),
    ("create a hash:ip\ncreate x list:set\nadd x a", "destroy a", "in use", None),
    ("create a hash:ip\ncreate x list:set\nadd x a", "rename a b", "in use", None),
    ("create a hash:ip\ncreate b hash:net", "swap a b", "type does not match", None),
    ("create x hash:ip", "del x 10.0.0.1", "not added", None),
]


@pytest.mark.parametrize(("before", "line", "text", "hint"), WRONG, ids=[case[1] or case[0] for case in WRONG])
def test_error(before: str, line: str, text: str, hint: str | None) -> None:
    lines = [*before.splitlines(), *([line] if line else [])]
    with pytest.raises(Error) as caught:
        load(lines, "ipset.save")
    error = caught.value
    assert text in error.text
    assert (error.source, error.line, error.snippet) == ("ipset.save", len(lines), lines[-1])
    assert hint is None or hint in (error.hint or "")


# lines | what is saved, initval left out
COMMANDS = [
    (
        "create a hash:ip initval 1\n\n# x\n-A a 10.0.0.1\nCOMMIT\n-exist add a 10.0.0.1\nadd a 10.0.0.2\n-D a 10.0.0.1",
        "a 10.0.0.2",
    ),
    ("-N a iphash\n-A a 10.0.0.1 -!\nrename a b", "b 10.0.0.1"),
    ("create a hash:ip\ncreate b hash:ip\nadd a 10.0.0.1\nadd b 10.0.0.2\nswap a b", "a 10.0.0.2|b 10.0.0.1"),
    ("create a hash:net\nadd a 10.0.0.0/24\nflush a\nadd a 10.0.0.0/25\ncreate b hash:ip\ndestroy b", "a 10.0.0.0/25"),
    ("create l list:set\ncreate a hash:ip\nadd l a\nadd a 1.1.1.1\ndel a 1.1.1.1 \ndel a 1.1.1.1 -exist", "l a"),
    ("create a hash:ip,mark markmask 0xff\nadd a 10.0.0.0/31,0x1234", "a 10.0.0.0,0x00000034|a 10.0.0.1,0x00000034"),
    ("create a hash:mac\nadd a 2:0:0:0:0:aa", "a 02:00:00:00:00:AA"),
    ("create a hash:ip,mac\nadd a 10.0.0.1,02:00:00:00:00:aa", "a 10.0.0.1,02:00:00:00:00:AA"),
    ("create a hash:net,net\nadd a 10.0.0.1-10.0.0.2,1.1.1.1/8", "a 10.0.0.1,1.0.0.0/8|a 10.0.0.2,1.0.0.0/8"),
    ("create a hash:net,net netmask 24\nadd a 10.0.0.1,1.1.1.1", "a 10.0.0.0,1.1.1.0"),
    ("create a hash:net,port,net\nadd a 10.0.0.0/8,80-81,::", None),
    (
        "create a hash:net,port,net\nadd a 10.0.0.0/8,80-81,1.1.1.0/24 nomatch",
        "a 10.0.0.0/8,tcp:80,1.1.1.0/24 nomatch|a 10.0.0.0/8,tcp:81,1.1.1.0/24 nomatch",
    ),
]


@pytest.mark.parametrize(("text", "saved"), COMMANDS)
def test_commands(text: str, saved: str | None) -> None:
    if saved is None:
        with pytest.raises(Error):
            load(text.splitlines())
        return
    assert [line[4:] for line in save(load(text.splitlines())) if line.startswith("add ")] == saved.split("|")


# set | its elements | packet | directions | answer
FOUND = [
    ("hash:mac", "02:aa:00:00:00:01", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (SRC,), True),
    ("hash:mac", "02:aa:00:00:00:01", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (DST,), False),
    ("hash:mac", "02:00:00:00:00:01", "eth0: 2001:db8::1 > 2001:db8::2 udp dport 1", (DST,), True),
    ("hash:ip,mac", "10.0.0.1,02:aa:00:00:00:01", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (SRC, SRC), True),
    ("hash:ip,mac", "10.0.0.1,02:aa:00:00:00:02", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (SRC, SRC), False),
    ("hash:ip,mark", "10.0.0.1,0x7", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (SRC, SRC), True),
    ("hash:ip,mark markmask 0xf0", "10.0.0.1,0x7", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (SRC, SRC), True),
    ("hash:ip,mark", "10.0.0.1,0x8", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (SRC, SRC), False),
    ("hash:net,net", "10.0.0.0/24,10.1.0.0/16", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (SRC, DST), True),
    (
        "hash:net,net",
        "10.0.0.0/24,10.1.0.0/16 nomatch;10.0.0.0/8,10.0.0.0/8",
        "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1",
        (SRC, DST),
        False,
    ),
    (
        "hash:net,net",
        "10.0.0.0/24,10.2.0.0/16 nomatch;10.0.0.0/8,10.0.0.0/8",
        "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1",
        (SRC, DST),
        True,
    ),
    ("hash:net,net netmask 24", "10.0.0.9,10.1.0.9", "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1", (SRC, DST), True),
    (
        "hash:net,port,net",
        "10.0.0.0/24,udp:1,10.1.0.0/16",
        "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1",
        (SRC, DST, DST),
        True,
    ),
    (
        "hash:net,port,net",
        "10.0.0.0/24,tcp:1,10.1.0.0/16",
        "eth0: 10.0.0.1 > 10.1.0.1 udp dport 1",
        (SRC, DST, DST),
        False,
    ),
]


@pytest.mark.parametrize(("kind", "elements", "line", "directions", "answer"), FOUND)
def test_found(kind: str, elements: str, line: str, directions: tuple[bool, ...], answer: bool) -> None:
    sets = load([f"create x {kind}", *(f"add x {element}" for element in elements.split(";"))])
    assert sets.test("x", packet(line, mark=7), directions, now=0) is answer


def test_no_ethernet_header_is_no_mac() -> None:
    sets = load(["create x hash:mac", "add x 02:aa:00:00:00:01"])
    for mac in (b"", MAC[:6], bytes(14)):
        assert not sets.test("x", packet("10.0.0.1 > 10.1.0.1 udp dport 1", mac=mac), (SRC,), now=0)
        assert sets.add("x", packet("10.0.0.1 > 10.1.0.1 udp dport 1", mac=mac), (SRC,), now=0) is Refusal.UNUSABLE


@pytest.mark.parametrize(
    ("kind", "description"),
    [
        ("hash:net,port,net family inet6", ("hash:net,port,net", 3, Family.IPV6)),
        ("bitmap:ip,mac range 10.0.0.0/24", ("bitmap:ip,mac", 2, Family.IPV4)),
        ("bitmap:port range 1-2", ("bitmap:port", 1, None)),
        ("hash:mac", ("hash:mac", 1, None)),
        ("list:set", ("list:set", 1, None)),
    ],
)
def test_describe(kind: str, description: tuple[str, int, Family | None]) -> None:
    sets = load([f"create x {kind}"])
    assert sets.describe("x") == description
    assert sets.describe("y") is None


def test_unknown_set_is_an_error() -> None:
    with pytest.raises(Error, match="doesn't exist") as caught:
        load(["create blocked hash:ip"]).test("bloked", packet("10.0.0.1 > 10.1.0.1 udp dport 1"), (SRC,), now=0)
    assert caught.value.hint == "nearest: blocked"


@pytest.mark.parametrize("kind", ["hash:ip", "hash:net", "bitmap:ip range 10.0.0.0/8 netmask 24", "list:set"])
def test_copy_changes_on_its_own(kind: str) -> None:
    lines = ["create m hash:ip counters", f"create x {kind}", *(["add x m"] if kind == "list:set" else [])]
    sets = load(lines)
    copy = sets.copy()
    copy.add("x", packet("10.0.0.1 > 10.1.0.1 udp dport 1"), (SRC,), now=0)
    assert copy.test("x", packet("10.0.0.1 > 10.1.0.1 udp dport 1"), (SRC,), now=0)
    assert not sets.test("x", packet("10.0.0.1 > 10.1.0.1 udp dport 1"), (SRC,), now=0)
    assert list(save(sets)) == list(save(load(lines)))


def test_forceadd_takes_an_old_one_out() -> None:
    sets = load(["create x hash:ip maxelem 2 forceadd", "add x 10.0.0.1", "add x 10.0.0.2"])
    assert sets.add("x", packet("10.0.0.3 > 10.1.0.1 udp dport 1"), (SRC,), now=0) is None
    assert len([line for line in save(sets) if line.startswith("add")]) == 2


def test_full_set_makes_room_of_what_is_over() -> None:
    sets = load(["create x hash:ip maxelem 1 timeout 1", "add x 10.0.0.1"])
    late = packet("10.0.0.3 > 10.1.0.1 udp dport 1")
    assert sets.add("x", late, (SRC,), now=SECOND) is Refusal.FULL
    assert sets.add("x", late, (SRC,), now=SECOND + 1) is None


def test_timeouts_count_from_now() -> None:
    start = 1_700_000_000 * SECOND
    sets = load(["create x hash:ip timeout 10", "add x 10.0.0.1 timeout 5"], now=start)
    assert list(save(sets, now=start + SECOND))[1] == "add x 10.0.0.1 timeout 4"
    assert list(save(sets, now=start + 4 * SECOND + 1))[1] == "add x 10.0.0.1 timeout 1"
    assert len(list(save(sets, now=start + 5 * SECOND + 1))) == 1


def test_ranges_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SPREAD", 300)
    load(["create x hash:ip", "add x 10.0.0.0/24"])
    with pytest.raises(Error, match="more than can be kept") as caught:
        load(["create x hash:ip", "add x 10.0.0.0/24", "add x 10.0.1.0/24"])
    assert caught.value.line == 3


def test_conditions_of_a_list_are_its_own() -> None:
    sets = load(["create a hash:ip counters", "add a 10.0.0.1", "create x list:set counters", "add x a packets 5"])
    options = MatchOptions(packets=("gt", 5))
    assert sets.test("x", packet("10.0.0.1 > 10.1.0.1 udp dport 1"), (SRC,), now=0, options=options)
    assert [line for line in save(sets) if line.startswith("add")] == [
        "add a 10.0.0.1 packets 1 bytes 28",
        "add x a packets 6 bytes 28",
    ]
