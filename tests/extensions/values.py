"""Words that options take, for generated rules: a strategy for each kind of value.

A kind is looked up by its module and class, then by those it derives from; ``test_properties`` asks that each has one.
"""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from pyiptables.extensions.base import Flag
from pyiptables.hooks import Family

NAMES = st.text("abcXYZ019_-.", min_size=1, max_size=12)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=6
)
BITS32 = 0xFFFFFFFF
PORTS = ("ssh", "http", "domain")


def integers(low, high):
    """Numbers of a range, its ends more often; decimal, octal or hexadecimal."""
    number = st.sampled_from(sorted({low, high, min(high, low + 1), max(low, high // 2)})) | st.integers(low, high)
    return st.builds(lambda value, form: form.format(value), number, st.sampled_from(("{}", "{:#x}", "0{:o}")))


def ranges(part, mark=":", whole=(":",)):
    """``A``, ``A:B``, and the ranges open on one side, or on both where ``whole`` has them."""
    both = st.tuples(part, part).map(mark.join)
    found = part | both
    return (
        found | part.map(lambda one: one + mark) | part.map(lambda one: mark + one) | st.sampled_from(whole)
        if whole
        else found
    )


def lists(part, most=4):
    return st.lists(part, min_size=1, max_size=most).map(",".join)


def names_of(kind, family):
    words = sorted(kind.choices(family)) or sorted(getattr(kind, "names", ()))
    return st.sampled_from(words)


def addresses(family):
    if family is Family.IPV4:
        return st.integers(0, 2**32 - 1).map(lambda value: str(IPv4Address(value)))
    low = st.integers(0, 0xFFFF)
    return st.builds(
        lambda high, low: str(IPv6Address(high << 64 | low)), st.sampled_from((0, 0x20010DB8 << 32, 0xFE80 << 48)), low
    )


def lengths(family):
    return st.integers(0, family.bits).map(str)


def masks(family):
    return lengths(family) | addresses(family)


def hosts(family):
    return addresses(family) | st.tuples(addresses(family), masks(family)).map("/".join)


def values(kind, family):
    return masked(integers(0, BITS32))


def masked(part):
    return part | st.tuples(part, part).map("/".join)


def nat(family):
    address = addresses(family)
    several = address | st.tuples(address, address).map("-".join)
    ports = nat_ports()
    if family is Family.IPV4:
        return several | st.tuples(several, ports).map(":".join) | ports.map(":{}".format)
    return several | st.builds("[{}]:{}".format, several, ports) | ports.map(":{}".format)


def nat_ports():
    port = st.integers(0, 65535).map(str)
    return port | st.tuples(port, port).map(lambda pair: "-".join(sorted(pair, key=int)))


def rates(units):
    return st.tuples(st.integers(1, 20000).map(str), st.sampled_from(units)).map("".join)


def clock():
    return st.builds("{:02}:{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))


def dates():
    part = st.builds("{}-{:02}-{:02}".format, st.integers(1970, 2037), st.integers(1, 12), st.integers(1, 28))
    return part | st.tuples(part, clock()).map("T".join)


def u32():
    number = st.integers(0, BITS32).map("{:#x}".format)
    steps = st.lists(st.tuples(st.sampled_from(("&", "<<", ">>", "@")), number).map("".join), max_size=3).map("".join)
    one = st.builds("{}{}={}".format, number, steps, lists(number | st.tuples(number, number).map(":".join)))
    return st.lists(one, min_size=1, max_size=3).map("&&".join)


def programs():
    one = st.builds("{} {} {} {}".format, *(st.integers(0, most) for most in (0xFFFF, 255, 255, BITS32)))
    return st.lists(one, min_size=1, max_size=5).map(lambda found: f"{len(found)},{','.join(found)}")


def flags(words):
    return st.sampled_from(("ALL", "NONE")) | lists(st.sampled_from(words))


def chunks(family):
    kinds = st.sampled_from(("DATA", "INIT", "ABORT", "ABORT:T", "DATA:Ube", "SHUTDOWN_COMPLETE:t", "ASCONF", "I_DATA"))
    return st.tuples(
        st.sampled_from(("all", "any", "only")), flags(("DATA",)).filter(lambda one: one != "DATA") | lists(kinds)
    )


def hexadecimal():
    part = st.binary(min_size=1, max_size=6).map(lambda raw: f"|{raw.hex()}|") | st.text(
        "abc XYZ.", min_size=1, max_size=6
    )
    return st.lists(part, min_size=1, max_size=3).map("".join)


def icmp(family):
    return st.sampled_from(
        ("echo-request", "redirect", "any") if family is Family.IPV4 else ("echo-request", "redirect")
    ) | masked(st.integers(0, 254).map(str))


def multiports():
    port = st.integers(0, 65535).map(str) | st.sampled_from(PORTS)
    pair = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda both: "{}:{}".format(*sorted(both)))
    return lists(port | pair, 7)


PORT = integers(0, 65535) | st.sampled_from(PORTS)
VALUES = {
    "bytecode.Bytecode": lambda kind, family: programs(),
    "choices.Choice": lambda kind, family: st.sampled_from(kind.words_known),
    "chunks.ChunkList": lambda kind, family: chunks(family),
    "dscp.DscpClass": lambda kind, family: st.sampled_from(("CS0", "BE", "AF31", "ef")),
    "hash_rates.HashRateText": lambda kind, family: rates(("", "/sec", "/minute", "/h", "b/s", "kb/s", "mb/s")),
    "hash_rates.Burst": lambda kind, family: rates(("", "k", "m")),
    "host.Host": lambda kind, family: addresses(family),
    "hosts.HostMask": lambda kind, family: hosts(family),
    "interfaces.InterfaceName": lambda kind, family: NAMES | NAMES.map("{}+".format),
    "lists.NameList": lambda kind, family: lists(names_of(kind, family)),
    "macs.Mac": lambda kind, family: st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":")),
    "marks.MarkMask": lambda kind, family: masked(integers(0, BITS32)),
    "masks.Mask": lambda kind, family: masks(family),
    "named_numbers.NamedNumber": lambda kind, family: masked(integers(0, BITS32)),
    "numbers.IntegerRange": lambda kind, family: ranges(integers(0, kind.most)),
    "numbers.Integer": lambda kind, family: integers(kind.low, kind.high),
    "patterns.Pattern": lambda kind, family: TEXTS,
    "patterns.HexPattern": lambda kind, family: hexadecimal(),
    "plain.PlainText": lambda kind, family: NAMES | TEXTS,
    "ports.GuidedPortRange": lambda kind, family: ranges(st.integers(0, 65535).map(str) | st.sampled_from(PORTS)),
    "ports.PortRange": lambda kind, family: ranges(PORT),
    "protocols.Protocol": lambda kind, family: integers(1, 255) | st.sampled_from(("tcp", "udp", "icmp")),
    "protocols.AnyProtocol": lambda kind, family: integers(0, 255) | st.sampled_from(("tcp", "udp", "icmp")),
    "rates.Rate": lambda kind, family: rates(("", "/sec", "/minute", "/h", "/day")),
    "sets.SetAndSides": lambda kind, family: st.tuples(NAMES, lists(st.sampled_from(("src", "dst")), 6)),
    "texts.Text": lambda kind, family: NAMES | TEXTS,
    "times.Date": lambda kind, family: dates(),
    "times.Daytime": lambda kind, family: clock(),
    "times.Weekdays": lambda kind, family: lists(st.sampled_from(("Mon", "Tu", "7", "1"))),
    "times.Monthdays": lambda kind, family: lists(st.integers(1, 31).map(str)),
    "tos.Tos": lambda kind, family: masked(integers(0, 255)) | names_of(kind, family),
    "u32.U32Tests": lambda kind, family: u32(),
    "_icmp.IcmpType": lambda kind, family: icmp(family),
    "_options.OptionTypes": lambda kind, family: lists(ranges(st.integers(2, 255).map(str), whole=())),
    "connbytes.Counts": lambda kind, family: ranges(st.integers(0, 2**64 - 1).map(str), whole=()),
    "connlabel.Label": lambda kind, family: st.integers(0, 127).map(str),
    "conntrack.Direction": lambda kind, family: st.sampled_from(("ORIGINAL", "REPLY")),
    "dccp.DccpTypes": lambda kind, family: lists(st.sampled_from(("REQUEST", "DATA", "ACK", "CLOSE", "INVALID"))),
    "hashlimit.Mode": lambda kind, family: lists(names_of(kind, family)),
    "hashlimit.Interval": lambda kind, family: st.integers(1, 2**31 - 1).map(str),
    "iprange.AddressRange": lambda kind, family: ranges(addresses(family), "-", ()),
    "ipv6header.HeaderList": lambda kind, family: lists(
        st.sampled_from(("hop", "dst", "route", "frag", "auth", "esp", "none", "prot"))
    ),
    "ipvs.Port": lambda kind, family: PORT,
    "mh.MobilityTypes": lambda kind, family: ranges(names_of(kind, family) | integers(0, 255)),
    "multiport.PortList": lambda kind, family: multiports(),
    "owner.Identity": lambda kind, family: ranges(st.integers(0, 2**32 - 2).map(str), "-", ()) | st.just("root"),
    "pkttype.LinkType": lambda kind, family: st.sampled_from(("unicast", "broadcast", "multicast")),
    "policy.Part": lambda kind, family: strategy(kind.kind, family),
    "policy.Spi": lambda kind, family: integers(0, BITS32),
    "policy.IpsecProtocol": lambda kind, family: st.sampled_from(("ah", "esp", "ipcomp", "50")),
    "rateest.Rate": lambda kind, family: rates(("", "bit", "kbit", "Mibps") if kind.unit == "bps" else ("",)),
    "rt.AddressList": lambda kind, family: lists(addresses(family), 8),
    "set.Comparison": lambda kind, family: integers(0, 2**64 - 1),
    "statistic.Probability": lambda kind, family: st.floats(0, 1, allow_nan=False).map("{:.11f}".format),
    "tcp.OptionNumber": lambda kind, family: integers(1, 255),
    "tcp.TcpFlags": lambda kind, family: st.tuples(*(flags(("SYN", "ACK", "FIN", "RST", "PSH", "URG")) for _ in "ab")),
    "AUDIT.AuditType": lambda kind, family: st.sampled_from(("accept", "drop", "reject")),
    "CLUSTERIP.MulticastMac": lambda kind, family: st.binary(min_size=5, max_size=5).map(
        lambda raw: "01:" + raw.hex(":")
    ),
    "CLASSIFY.TrafficClass": lambda kind, family: st.builds(
        "{:x}:{:x}".format, *(st.integers(0, 0xFFFF) for _ in "ab")
    ),
    "CT.Events": lambda kind, family: lists(names_of(kind, family)),
    "CT.ZoneId": lambda kind, family: integers(0, 0xFFFF) | st.just("mark"),
    "HMARK.Types": lambda kind, family: lists(st.sampled_from(("src", "dst", "sport", "dport", "proto", "spi", "ct"))),
    "LED.Delay": lambda kind, family: integers(0, BITS32) | st.just("inf"),
    "LOG.Level": lambda kind, family: integers(0, 7) | names_of(kind, family),
    "RATEEST.Time": lambda kind, family: rates(("s", "ms", "us", "")) | st.sampled_from(("1s", "250ms", "4s", "8s")),
    "REJECT.RejectKind": names_of,
    "SET.Timeout": lambda kind, family: integers(0, BITS32 // 1000),
    "TCPOPTSTRIP.TcpOptions": lambda kind, family: lists(
        st.sampled_from(("mss", "wscale", "sack", "timestamp", "2", "31"))
    ),
    "TPROXY.Port": lambda kind, family: PORT,
    "_nat.AddressRange": lambda kind, family: nat(family),
    "_nat.PortRange": lambda kind, family: nat_ports(),
    "_npt.Prefix": lambda kind, family: st.tuples(addresses(family), st.integers(0, 64).map(str)).map("/".join),
}


def found(kind):
    """The entry for a kind, or None."""
    keys = (f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}" for cls in type(kind).__mro__)
    return next((VALUES[key] for key in keys if key in VALUES), None)


def strategy(kind, family):
    """The words that stand for a value: a text, or several."""
    if isinstance(kind, Flag):
        return st.just(())
    return found(kind)(kind, family)
