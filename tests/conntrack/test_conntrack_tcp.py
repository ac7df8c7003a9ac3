"""TCP connections as conversations: who sends what, what it is, and the entry after it (state, seconds, marks)."""

from __future__ import annotations

import pytest
from conversation import A, B, Host, tcp

from pyiptables.conntrack import dump
from pyiptables.hooks import Hook

HANDSHAKE = """
A S   100 0    NEW          SYN_SENT    120 UNREPLIED
B SA  500 101  ESTABLISHED  SYN_RECV    60  -
A A   101 501  ESTABLISHED  ESTABLISHED 432000 ASSURED
"""

CONVERSATIONS = {
    "closed by the client": HANDSHAKE
    + """
A FA  101 501  ESTABLISHED  FIN_WAIT    120 ASSURED
B A   501 102  ESTABLISHED  CLOSE_WAIT  60  ASSURED
B FA  501 102  ESTABLISHED  LAST_ACK    30  ASSURED
A A   102 502  ESTABLISHED  TIME_WAIT   120 ASSURED
""",
    "refused: nothing is left": """
A S   100 0    NEW          SYN_SENT    120 UNREPLIED
B RA  0   101  ESTABLISHED  -
""",
    "reset in the middle": HANDSHAKE
    + """
B R   501 0    ESTABLISHED  CLOSE       10  ASSURED
""",
    "a RST with a guessed sequence number is no end": HANDSHAKE
    + """
A A   101 501  ESTABLISHED  ESTABLISHED 432000 ASSURED
B R   900 0    ESTABLISHED  ESTABLISHED 10  ASSURED
B R   400 0    INVALID      ESTABLISHED 10  ASSURED
""",
    "picked up in the middle": """
A A   100 500  NEW          ESTABLISHED 300 UNREPLIED
B A   500 100  ESTABLISHED  ESTABLISHED 300 -
A A   100 500  ESTABLISHED  ESTABLISHED 432000 ASSURED
""",
    "an answer to nothing": """
B SA  500 101  INVALID      -
A R   100 0    INVALID      -
A FA  100 0    INVALID      -
""",
    "flags that cannot be": """
A SF  100 0    INVALID      -
A F   100 0    INVALID      -
A SR  100 0    INVALID      -
A U   100 0    INVALID      -
A SU  100 0    NEW          SYN_SENT    120 UNREPLIED
""",
    "a retransmitted SYN": """
A S   100 0    NEW          SYN_SENT    120 UNREPLIED
A S   100 0    NEW          SYN_SENT    120 UNREPLIED
A A   101 501  INVALID      SYN_SENT    120 UNREPLIED
""",
    "both open at once": """
A S   100 0    NEW          SYN_SENT    120 UNREPLIED
B S   500 0    ESTABLISHED  SYN_SENT2   120 -
A SA  100 501  ESTABLISHED  SYN_RECV    60  -
B SA  500 101  ESTABLISHED  SYN_RECV    60  -
A A   101 501  ESTABLISHED  ESTABLISHED 432000 ASSURED
""",
    "opened again after its end": HANDSHAKE
    + """
A FA  101 501  ESTABLISHED  FIN_WAIT    120 ASSURED
B FA  501 102  ESTABLISHED  LAST_ACK    30  ASSURED
A A   102 502  ESTABLISHED  TIME_WAIT   120 ASSURED
A S   900 0    NEW          SYN_SENT    120 UNREPLIED
""",
    "out of sync: the SYN is let through, its answer believed": HANDSHAKE
    + """
A S   9000 0   ESTABLISHED  ESTABLISHED 432000 ASSURED
B SA  7000 9001 ESTABLISHED SYN_RECV    60  ASSURED
A A   9001 7001 ESTABLISHED ESTABLISHED 432000 ASSURED
""",
    "a challenge is not the last ACK": HANDSHAKE
    + """
A FA  101 501  ESTABLISHED  FIN_WAIT    120 ASSURED
B FA  501 102  ESTABLISHED  LAST_ACK    30  ASSURED
A S   9000 0   ESTABLISHED  LAST_ACK    30  ASSURED
B A   502 102  ESTABLISHED  LAST_ACK    30  ASSURED
""",
    "beyond the window": HANDSHAKE
    + """
A A   99999 501 INVALID     ESTABLISHED 432000 ASSURED
A A   101 9999 INVALID      ESTABLISHED 432000 ASSURED
""",
    "the same segment again and again": HANDSHAKE
    + """
A A   101 501  ESTABLISHED  ESTABLISHED 432000 ASSURED
A A   101 501  ESTABLISHED  ESTABLISHED 432000 ASSURED
A A   101 501  ESTABLISHED  ESTABLISHED 300 ASSURED
""",
}


def play(host: Host, text: str) -> None:
    for number, row in enumerate(text.split("\n")):
        if not row.strip():
            continue
        who, flags, seq, ack, state, *entry = row.split()
        source, target, ports = (A, B, {}) if who == "A" else (B, A, {"sport": 80, "dport": 1000})
        _, found = host.send(tcp(source, target, flags, int(seq), int(ack), **ports))
        assert found == state, (number, row)
        lines = [line.split() for line in dump(host.table)]
        if entry == ["-"]:
            assert not lines, (number, row)
            continue
        marks = ",".join(word[1:-1] for word in lines[0] if word[0] == "[") or "-"
        assert [lines[0][3], lines[0][2], marks] == entry, (number, row)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversation(name: str) -> None:
    play(Host(), CONVERSATIONS[name])


@pytest.mark.parametrize(
    ("sysctls", "rows"),
    [
        ({"tcp_loose": "0"}, "A A 100 500 INVALID -"),
        ({"tcp_be_liberal": "1"}, HANDSHAKE + "A A 99999 9999 ESTABLISHED ESTABLISHED 432000 ASSURED"),
        ({"tcp_timeout_syn_sent": "7"}, "A S 100 0 NEW SYN_SENT 7 UNREPLIED"),
        ({"tcp_max_retrans": "1"}, HANDSHAKE + "A A 101 501 ESTABLISHED ESTABLISHED 300 ASSURED"),
        (
            {"tcp_ignore_invalid_rst": "1"},
            HANDSHAKE
            + "A A 101 501 ESTABLISHED ESTABLISHED 432000 ASSURED\nB R 400 0 ESTABLISHED ESTABLISHED 10 ASSURED",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_sysctls(sysctls: dict[str, str], rows: str) -> None:
    play(Host(**sysctls), rows)


@pytest.mark.parametrize("cut", [0, 3, 4, 8, 19])
def test_truncated(cut: int) -> None:
    whole = tcp(A, B, "S")
    packet = bytearray(whole[: 20 + cut])
    packet[2:4] = len(packet).to_bytes(2, "big")
    assert Host().send(bytes(packet))[1] == "INVALID"


def test_checksum_counts_only_where_packets_come_in() -> None:
    broken = bytearray(tcp(A, B, "S"))
    broken[36] ^= 1
    assert Host().send(bytes(broken))[1] == "INVALID"
    assert Host(checksum="0").send(bytes(broken))[1] == "NEW"
    assert Host().send(bytes(broken), hook=Hook.OUTPUT)[1] == "NEW"


def test_scaled_windows() -> None:
    scale = b"\x03\x03\x04\x01"
    host = Host()
    host.send(tcp(A, B, "S", 100, options=scale))
    host.send(tcp(B, A, "SA", 500, 101, sport=80, dport=1000, options=scale))
    host.send(tcp(A, B, "A", 101, 501, window=4096))
    assert host.send(tcp(B, A, "A", 501 + 65_000, 101, sport=80, dport=1000))[1] == "ESTABLISHED"
    assert host.send(tcp(B, A, "A", 501 + 200_000, 101, sport=80, dport=1000))[1] == "INVALID"
