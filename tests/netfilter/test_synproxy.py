"""SYNPROXY where no recording can say: the cookies are of its own. Whole conversations are recordings."""

from __future__ import annotations

import pytest

from pyiptables import Engine, Host, load, parse_packet
from pyiptables.hooks import Family
from pyiptables.netfilter import synproxy
from pyiptables.netfilter.synproxy import Options, read_options
from pyiptables.packet.skb import Skb
from pyiptables.trace import events
from pyiptables.trace.events import Trace

SECOND = 1_000_000_000
RULES = """*raw
-A PREROUTING -i eth0 -p tcp -j CT --notrack
COMMIT
*filter
-A FORWARD -i eth0 -p tcp -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7
-A FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
"""
TIMESTAMPS = "0402080a0000100000000000030305"


def engine() -> Engine:
    host = Host.assumed(["eth0", "eth1"], {"eth0": ["192.0.2.1"], "eth1": ["10.0.0.1"]})
    return Engine(load(RULES.splitlines(keepends=True)), host)


class Client:
    """A client of 10.0.0.2, as SYNPROXY sees it."""

    def __init__(self, proxy: Engine, port: int = 4000) -> None:
        self.proxy, self.port, self.now = proxy, port, SECOND

    def send(self, flags: str, more: str) -> tuple[Trace, list[Skb]]:
        words = f"-i eth0 -p tcp -s 192.0.2.7 --sport {self.port} -d 10.0.0.2 --dport 80 --tcp-flags ALL {flags} {more}"
        trace = self.proxy.send(parse_packet(words, time=self.now))
        return trace, [
            Skb(frame[14:] if kind == 1 else frame, Family.IPV4) for _, kind, frame in self.proxy.take_frames()
        ]


def field(skb: Skb, at: int) -> int:
    return int.from_bytes(skb.data[skb.thoff + at : skb.thoff + at + 4], "big")


def greet(client: Client, options: str = "") -> int:
    """Send a SYN; the cookie that comes back."""
    _, (answer,) = client.send("SYN", f"--seq 1000 {options}")
    assert answer.data[answer.thoff + 13] == 0x12 and field(answer, 8) == 1001
    return field(answer, 4)


@pytest.mark.parametrize(
    ("seq", "ack", "after", "opens"),
    [
        (1001, 1, 0, True),
        (1001, 1, 119, True),
        (1001, 1, 121, False),  # cookies grow old
        (1002, 1, 0, False),
        (1001, 5000, 0, True),  # a cookie of the real host's, as in a capture
        (900, 5000, 0, False),
    ],
)
def test_cookies(seq: int, ack: int, after: int, opens: bool) -> None:
    client = Client(engine())
    cookie = greet(client)
    client.now += after * SECOND
    trace, sent = client.send("ACK", f"--seq {seq} --ack {cookie + ack & 0xFFFFFFFF}")
    assert [skb.data[skb.thoff + 13] for skb in sent] == ([2] if opens else [])
    assert trace.decided is not None and trace.decided.verdict == ("STOLEN" if opens else "DROP")
    assert bool(trace.of(events.Assumed)) == (opens and ack != 1)
    if opens:
        assert field(sent[0], 4) == 1000 and field(sent[0], 8) == cookie + ack - 1 & 0xFFFFFFFF


def test_an_acknowledgement_out_of_nowhere_is_dropped() -> None:
    _, sent = Client(engine()).send("ACK", "--seq 5 --ack 9")
    assert not sent


def test_a_foreign_cookie_is_believed_once() -> None:
    client = Client(engine())
    greet(client)
    assert client.send("ACK", "--seq 1001 --ack 7777")[1]
    other = Client(engine(), 4001)
    greet(other)
    assert other.send("ACK", "--seq 1001 --ack 7777")[1]


def test_the_offer_comes_back_in_the_timestamp() -> None:
    client = Client(engine())
    _, (answer,) = client.send("SYN", f"--seq 1000 --options {TIMESTAMPS}")
    shown = read_options(bytes(answer.data[answer.thoff + 20 :]))
    assert shown.timestamps is not None and (shown.timestamps[0] & 0x3F, shown.timestamps[1]) == (0x15, 0x1000)
    assert (shown.scale, shown.sack, shown.mss) == (7, True, None)


def test_the_same_seed_gives_the_same_cookies() -> None:
    assert greet(Client(engine())) == greet(Client(engine()))


def test_few_cookies_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synproxy, "MOST_COOKIES", 3)
    proxy = engine()
    for port in range(4000, 4010):
        greet(Client(proxy, port))
    assert len(proxy.services.proxy.cookies) == 3
    assert not Client(proxy, 4000).send("ACK", "--seq 1001 --ack 7777")[1]


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        ("020405b4", Options(mss=1460)),
        ("0402080a00000001000000020303ff", Options(scale=14, timestamps=(1, 2), sack=True)),
        ("01010402", Options(sack=True)),
        ("00020405b4", Options()),
        ("0204", Options()),
        ("020105b4", Options()),
        ("0203050402", Options(sack=True)),  # a wrong size is passed over
    ],
)
def test_options(raw: str, options: Options) -> None:
    assert read_options(bytes.fromhex(raw)) == options
    assert read_options(options.encoded()) == options
