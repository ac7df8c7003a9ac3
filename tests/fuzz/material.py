"""What fuzzing begins with: real-looking texts and bytes, and the mutations they go through."""

import sys
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

TESTS = Path(__file__).parents[1]
HOSTS = TESTS.parent / "rulesets"
sys.path.insert(0, str(TESTS / "extensions"))

SPECIAL = (
    b"", b"\0", b"\n", b'"', b"\\", b"'", b"!", b"-", b"--", b":", b"/", b",", b"=", b"[", b"]", b" ", b"\t", b"\r", b"#",
    b"0", b"-1", b"65536", b"4294967296", b"18446744073709551616", b"0x", b"08", b"1e999", b"nan", b"9" * 50, b"A" * 300,
    b"\xff", b"\xc3", "é".encode(), b"\xdf\x80", b"*filter\n", b"COMMIT\n", b"-A INPUT ", b"-m ", b"-j ", b"::", b"0/0",
)  # fmt: skip
MOST_MUTATIONS = 6


@st.composite
def mutated(draw, seeds, other=None):
    """Bytes from one of the seeds, with pieces taken out, doubled, overwritten, or put in from elsewhere."""
    data = bytearray(draw(seeds))
    for _ in range(draw(st.integers(0, MOST_MUTATIONS))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.sampled_from((0, 1, 1, 2, 4, 8, 40))))
        how = draw(st.integers(0, 4))
        if how == 0:
            del data[at:to]
        elif how == 1:
            data[at:at] = data[at:to]
        elif how == 2:
            data[at:to] = draw(st.binary(max_size=4))
        elif how == 3:
            data[at:to] = draw(st.sampled_from(SPECIAL))
        else:
            piece = draw(seeds if other is None else other)
            start = draw(st.integers(0, len(piece)))
            data[at:to] = piece[start : start + draw(st.integers(0, 60))]
    return bytes(data)


def lines_of(folder, pattern, keep):
    """The lines of the files that match, each once."""
    found = {}
    for path in sorted((TESTS / folder).glob(pattern)):
        for line in path.read_bytes().splitlines():
            if keep(line):
                found.setdefault(line.partition(b" | ")[0])
    return list(found)


@cache
def rule_words():
    """Options of rules, from the tables of cases."""
    return lines_of("extensions/cases", "*.txt", lambda line: line.startswith((b"-", b"! ")))


@cache
def command_lines():
    """Command lines of iptables."""
    kinds = b"""-L|-L -n -v -x --line-numbers|-S INPUT 1|-N foo|-N foo -t nat|-X|-F|-Z INPUT 1|-E foo bar|-P INPUT DROP
        -R INPUT 1 -j DROP|-I INPUT 2 -s 10.0.0.0/8,192.0.2.1 -d 198.51.100.0/255.255.255.0 -j foo|-D INPUT 1
        -C INPUT -j ACCEPT|-A INPUT -p tcp --syn --dport ssh -g foo -c 5 6|-m tcp -h|-V|-t mangle -A FORWARD -c 1 2 -vv
        -w 5 -W 100000 -A INPUT|-4 -A INPUT|-t nat -A POSTROUTING -s ::1|-L -Z|--app INPUT --prot=tcp --jump ACCEPT
        -A INPUT -i eth+ -o '' -f -j RETURN|--modprobe=x -L|--list-rules"""
    plain = [part.strip() for line in kinds.splitlines() for part in line.split(b"|")]
    return plain + [b"-A INPUT " + words for words in rule_words()]


@cache
def restore_files():
    """Files for iptables-restore, some of them short."""
    whole = [path.read_bytes() for path in sorted(HOSTS.glob("*/rules.v4"))]
    words = rule_words()
    parts = [b"".join(b"-A INPUT %s\n" % one for one in words[at : at + 8]) for at in range(0, len(words), 8)]
    tables = (b"filter", b"mangle", b"nat", b"raw")
    made = [b"*%s\n:foo - [0:0]\n%sCOMMIT\n" % (tables[at % 4], text) for at, text in enumerate(parts)]
    return [*made, *(b"*filter\n:INPUT DROP [1:2]\n[5:6] -A INPUT %s\nCOMMIT\n" % one for one in words), *whole]


@cache
def captures():
    """Captures, cut to their beginnings."""
    return [path.read_bytes()[:6000] for path in sorted(HOSTS.glob("*/capture.pcapng"))]


@cache
def snapshots():
    """The files of the hosts' snapshots: the folder, the file's name, what is in it."""
    names = ("*.json", "sysctl.txt", "ipset.save")
    return [(path.parent, path.name, path.read_bytes()) for name in names for path in sorted(HOSTS.glob(f"*/{name}"))]


HOST_FILE = b"""[interfaces.eth0]
addresses = ["192.0.2.1/24", "2001:db8::1/64"]
mac = "02:00:00:00:00:01"
mtu = 1500
[sysctls]
"net.ipv4.ip_forward" = 1
[[routes]]
to = "0.0.0.0/0"
via = "192.0.2.254"
"""


@cache
def set_files():
    """Files of ipset."""
    elements = {b"hash:ip": b"192.0.2.1", b"hash:net": b"10.0.0.0/8 nomatch", b"hash:ip,port": b"192.0.2.1,tcp:80",
        b"hash:mac": b"02:00:00:00:00:01", b"hash:net,iface": b"10.0.0.0/8,eth0", b"bitmap:port range 0-1000": b"80-90",
        b"bitmap:ip range 10.0.0.0/24": b"10.0.0.5", b"list:set size 8": b"other", b"hash:ip,mark": b"192.0.2.1,0x5",
        b"hash:net,port,net": b"10.0.0.0/24,udp:53,10.1.0.0/16", b"hash:ip,port,ip": b"10.0.0.1,icmp:8/0,10.0.0.2"}  # fmt: skip
    options = (
        b"",
        b" timeout 100",
        b" counters comment",
        b" skbinfo",
        b" hashsize 64 maxelem 10 netmask 24",
        b" family inet6",
    )
    lines = (
        b"create other hash:ip",
        b"create x %s%s",
        b"add x %s",
        b'add x %s timeout 5 packets 3 bytes 5 comment "a b"',
        b"flush x",
    )
    text = b"".join(line + b"\n" for line in lines)
    return [text % (kind, option, element, element) for kind, element in elements.items() for option in options]


@cache
def packet_words():
    """Packets in iptables' words."""
    address = b"-s 198.51.100.7 -d 203.0.113.10 "
    kinds = b"""-i eth0 -p tcp --sport 1234 --dport 443 --syn|-p udp --dport 53 --payload hex:0102|-p sctp --dport 5
        -i eth0 -p tcp --dport 80 --tcp-flags ALL SYN,ACK --ttl 5 --mark 3|-i eth0 -p icmp --icmp-type echo-request
        -i eth0 -p tcp --dport 22 --ctstate NEW --length 100|-i eth0 -p 47|-p esp --espspi 5|-f -p udp
        -i eth0 -m mac --mac-source 02:00:00:00:00:01 -p tcp --dport 1"""
    typed = [address + part.strip() for line in kinds.splitlines() for part in line.split(b"|")]
    table = lines_of("packet", "test_typed.py", lambda line: b"-p " in line)
    return typed + [line.strip(b" (),\"'") for line in table]
