"""Time and memory grow as the input does: each kind of input at a size, at twice and at four times that size.

What a line asks for in so many words is left out: ``-s`` with n addresses and ``-d`` with n asks for n * n rules.
"""

import io
import time
import tracemalloc
from contextlib import suppress

import pytest
from targets import file_of, streams

from pyiptables import Family, Host, load, parse_packet
from pyiptables.cli import iptables, restore
from pyiptables.errors import Error
from pyiptables.ipset.reading import load as load_sets
from pyiptables.packet.capture import open_capture

MOST = 2.9
"""How much longer twice the input may take: between 2, as long as it should, and 4, which would be its square."""
TRIES = 4


def table(*parts):
    return "*filter\n" + "".join(parts) + "COMMIT\n"


def lines(text, count):
    return "".join(text.format(number, a=number >> 8 & 255, b=number & 255) for number in range(count))


RESTORED = {
    "rules": lambda n: table(lines("-A INPUT -s 10.0.{a}.{b} -p tcp --dport {} -j ACCEPT\n", n)),
    "chains": lambda n: table(lines(":c{} - [0:0]\n", n)),
    "nested chains": lambda n: table(
        lines(":c{} - [0:0]\n", n + 1), "".join(f"-A c{at} -j c{at + 1}\n" for at in range(n)), "-A INPUT -j c0\n"
    ),
    "deletions": lambda n: table(lines("-A INPUT -s 10.0.{a}.{b}\n", n), lines("-D INPUT -s 10.0.{a}.{b}\n", n)),
    "deletions of the first": lambda n: table(lines("-A INPUT -s 10.0.{a}.{b}\n", n), "-D INPUT 1\n" * n),
    "insertions": lambda n: table(lines("-I INPUT -s 10.0.{a}.{b}\n", n)),
    "checks": lambda n: table(lines("-A INPUT -s 10.0.{a}.{b}\n", n), lines("-C INPUT -s 10.0.{a}.{b}\n", n)),
    "chains deleted": lambda n: table(lines(":c{} - [0:0]\n", n), lines("-X c{}\n", n)),
    "chains renamed": lambda n: table(lines(":c{0} - [0:0]\n-A INPUT -j c{0}\n", n), lines("-E c{0} d{0}\n", n)),
    "tables": lambda n: lines("*nat\n-A INPUT -s 10.0.{a}.{b}\nCOMMIT\n", n),
    "comments": lambda n: "# x\n" * n * 10,
    "words": lambda n: table("-A INPUT ", "x " * n * 10, "\n"),
    "quotes": lambda n: table("-A INPUT ", '"' * n * 10, "\n"),
    "open quotes": lambda n: table('-A INPUT "x\n' * n),
    "backslashes": lambda n: table('-A INPUT "', "\\" * n * 10, "\n"),
    "a long word": lambda n: table("-A INPUT -m comment --comment ", "x" * n * 50, "\n"),
}
TYPED = {
    "addresses": lambda n: ["-s", ",".join(f"10.0.{at >> 8}.{at & 255}" for at in range(n))],
    "matches": lambda n: ["-m", "tcp"] * n,
    "comments": lambda n: ["-m", "comment", "--comment", "x"] * n,
    "digits": lambda n: ["-m", "mark", "--mark", "9" * n * 50],
    "colons": lambda n: ["-m", "length", "--length", "1:" * n * 50],
    "ports": lambda n: ["-p", "tcp", "-m", "multiport", "--ports", "1," * n * 50],
    "bytecode": lambda n: ["-m", "bpf", "--bytecode", "64," + "1 1 1 1," * n * 10],
    "blanks in u32": lambda n: ["-m", "u32", "--u32", "0" + " " * n * 50 + "x"],
    "shifts in u32": lambda n: ["-m", "u32", "--u32", "0>>1" * n * 10],
    "hexadecimal": lambda n: ["-m", "string", "--algo", "bm", "--hex-string", "|00|" * n * 20],
    "days": lambda n: ["-m", "time", "--weekdays", "1," * n * 20],
    "states": lambda n: ["-m", "conntrack", "--ctstate", "NEW," * n * 20],
    "flags": lambda n: ["-p", "tcp", "--tcp-flags", "SYN," * n * 20, "SYN"],
    "an unknown option": lambda n: ["--" + "x" * n * 50],
    "letters": lambda n: ["-" + "v" * n * 50],
    "a rate": lambda n: ["-m", "limit", "--limit", "1" * n * 50],
    "a float": lambda n: ["-m", "statistic", "--mode", "random", "--probability", "0." + "1" * n * 50],
    "an interval": lambda n: ["-j", "RATEEST", "--rateest-name", "x", "--rateest-interval", "1" * n * 50],
}
SETS = {
    "elements": lambda n: "create x hash:ip maxelem 1000000\n" + lines("add x 10.0.{a}.{b}\n", n),
    "networks": lambda n: "create x hash:net maxelem 1000000\n" + lines("add x 10.{a}.{b}.0/24\n", n),
    "sets": lambda n: lines("create x{} hash:ip\n", n),
    "words": lambda n: "create x hash:ip " + "timeout 5 " * n,
}
PACKETS = {
    "payload": lambda n: ["-p", "udp", "--payload", "hex:" + "00" * n * 10],
    "words": lambda n: ["-p", "udp", *["-x"] * n],
    "flags": lambda n: ["-p", "tcp", "--tcp-flags", "SYN," * n, "SYN"],
}


def restored(text):
    with file_of(b"") as path, streams(text.encode()):
        restore.main(["--file", str(path)], Family.IPV4)


def typed(words):
    with file_of(b"") as path, streams():
        iptables.main(["-A", "INPUT", *words], Family.IPV4, str(path))


def sets(text):
    load_sets(text.splitlines(keepends=True), "sets")


def packet(words):
    parse_packet(["-s", "192.0.2.1", "-d", "192.0.2.2", *words])


def loaded(text):
    load(text.splitlines(keepends=True))


def block(kind, body):
    size = (12 + len(body)).to_bytes(4, "little")
    return kind.to_bytes(4, "little") + size + body + size


SECTION = block(0x0A0D0D0A, bytes.fromhex("4d3c2b1a01000000ffffffffffffffff"))
INTERFACE = block(1, bytes.fromhex("0100000000000400"))
CAPTURES = {
    "interfaces": lambda n: SECTION + INTERFACE * n,
    "sections": lambda n: SECTION * n,
    "frames": lambda n: SECTION + INTERFACE + block(6, bytes(12) + b"\x04\0\0\0\x04\0\0\0" + bytes(4)) * n,
    "unknown blocks": lambda n: SECTION + block(0x77, bytes(8)) * n,
    "options": lambda n: SECTION + block(1, bytes.fromhex("0100000000000400") + b"\x02\0\x04\0abcd" * n),
}


def capture(data):
    with open_capture(io.BytesIO(data), name="capture") as frames:
        for _ in frames:
            pass


CASES = [
    *(pytest.param(restored, make, 100, id=f"restore {name}") for name, make in RESTORED.items()),
    *(pytest.param(loaded, RESTORED[name], 100, id=f"load {name}") for name in ("rules", "open quotes", "a long word")),
    *(pytest.param(typed, make, 50, id=f"iptables {name}") for name, make in TYPED.items()),
    *(pytest.param(sets, make, 200, id=f"sets {name}") for name, make in SETS.items()),
    *(pytest.param(packet, make, 100, id=f"packet {name}") for name, make in PACKETS.items()),
    *(pytest.param(capture, make, 500, id=f"capture {name}") for name, make in CAPTURES.items()),
]


def seconds(function, given):
    start = time.process_time()
    with suppress(Error):
        function(given)
    return time.process_time() - start


def peak(function, given):
    tracemalloc.start()
    seconds(function, given)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(("function", "make", "size"), CASES)
def test_growth(function, make, size):
    seconds(function, make(size))  # what is loaded once
    while seconds(function, make(size)) < 0.004 and size < 4000:
        size *= 2
    for _ in range(TRIES):  # others may use the machine
        first, last = (seconds(function, make(factor * size)) for factor in (1, 4))
        if last < max(first, 0.002) * MOST**2:
            break
    else:
        pytest.fail(f"{last:.3f} s for four times what takes {first:.3f} s")
    small, large = (peak(function, make(factor * size)) for factor in (1, 4))
    assert large < max(small, 1 << 18) * MOST**2


def test_hosts(tmp_path):
    for name in ("ip-route.json", "ip-addr.json"):
        entry = '{"dst":"10.0.%d.%d","dev":"eth0","ifname":"eth%d","addr_info":[]}'
        times = []
        for count in (500, 2000):
            text = ",".join(entry % (at >> 8, at & 255, at) for at in range(count))
            (tmp_path / name).write_text(f"[{text}]")
            times.append(min(seconds(Host.from_snapshot, tmp_path) for _ in range(3)))
        assert times[1] < max(times[0], 0.002) * MOST**2, name
