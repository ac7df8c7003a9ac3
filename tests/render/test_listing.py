"""The columns of -L, and what -v prints for a rule: what iptables 1.8.13 answered, one case a line."""

from __future__ import annotations

import pytest
from names_of_debian import debian_names  # noqa: F401
from specs import rule, ruleset, spec

from pyiptables.errors import OperationFailed, TableMissing
from pyiptables.extensions.matches.tcp import TcpMatch
from pyiptables.hooks import Family
from pyiptables.render.listing import listing, verbose_line
from pyiptables.ruleset.model import Counters

SSH = TcpMatch({"dport": (22, 22)})
ANYWHERE = "anywhere             anywhere            "
ALL = "0.0.0.0/0            0.0.0.0/0           "

ROWS = [
    # words                                        -L
    ({}, f"           all  --  {ANYWHERE}"),
    ({"j": "ACCEPT"}, f"ACCEPT     all  --  {ANYWHERE}"),
    ({"f": False, "p": "58", "g": "foo"}, f"foo        ipv6-icmp !f  {ANYWHERE}[goto] "),
    ({"f": True, "p": "!6"}, f"          !tcp  -f  {ANYWHERE}"),
    ({"s": "0.0.0.0", "d": "0.2.0.4/0.255.0.255"}, "           all  --  default              0.2.0.4/0.255.0.255 "),
    ({"s": "!0.0.0.0/0", "d": "!10.0.0.0/8"}, "           all  -- !anywhere            !10.0.0.0/8          "),
    ({"j": "zé"}, f"zé        all  --  {ANYWHERE}"),
    ({"j": "a-rather-long-chain-name-28c"}, f"a-rather-long-chain-name-28c  all  --  {ANYWHERE}"),
    ({"s": "127.0.0.1", "d": "127.0.0.0/8"}, "           all  --  localhost            loopback/8          "),
    ({"s": "169.254.0.0/16", "d": "8.8.8.8"}, "           all  --  link-local/16        8.8.8.8             "),
    ({"p": "41"}, f"           ipv6 --  {ANYWHERE}"),
    ({"p": "255"}, f"           255  --  {ANYWHERE}"),
    ({"p": "135"}, f"           mobility-header --  {ANYWHERE}"),
    ({"p": "6", "m": [SSH], "g": "foo"}, f"foo        tcp  --  {ANYWHERE}[goto]  tcp dpt:ssh"),
]

NUMERIC_ROWS = [
    ({}, f"           all  --  {ALL}"),
    ({"p": "41"}, f"           41   --  {ALL}"),
    ({"p": "!6", "s": "0.0.0.0"}, "          !tcp  --  0.0.0.0              0.0.0.0/0           "),
    ({"s": "127.0.0.1", "d": "127.0.0.0/8"}, "           all  --  127.0.0.1            127.0.0.0/8         "),
    ({"p": "6", "m": [SSH]}, f"           tcp  --  {ALL} tcp dpt:22"),
]

ROWS_V6 = [
    ({"s": "!::/0", "d": "::"}, "           all  -- !anywhere             anywhere            "),
    ({"s": "::1", "d": "::/64"}, "           all  --  ::1                  anywhere            "),
    ({"s": "::/ffff::ffff", "p": "44", "g": "foo"}, f"foo        ipv6-frag --  {ANYWHERE}[goto] "),
]

NUMERIC_ROWS_V6 = [
    ({"s": "!::/0", "d": "::"}, "           all  -- !::/0                 ::                  "),
    ({"s": "::/8", "d": "::/ffff::ffff", "p": "44"}, "           44   --  ::/8                 ::/ffff::ffff       "),
]


def one_row(family, words, **how):
    return list(listing(ruleset({"FORWARD": [words]}, family), "filter", "FORWARD", 1, **how))


@pytest.mark.parametrize(
    ("family", "numeric", "words", "row"),
    [
        (family, numeric, *case)
        for family, numeric, cases in (
            (Family.IPV4, False, ROWS),
            (Family.IPV4, True, NUMERIC_ROWS),
            (Family.IPV6, False, ROWS_V6),
            (Family.IPV6, True, NUMERIC_ROWS_V6),
        )
        for case in cases
    ],
)
def test_row(family, numeric, words, row):
    assert one_row(family, rule(**words), numeric=numeric) == [row + "\n"]


INTERFACES = [
    # words                  how                              what stands before the source
    ({"i": "+", "o": "+"}, {"numeric": True}, "    0     0            all  --  +      +       "),
    ({"i": "!+"}, {"numeric": True}, "    0     0            all  --  !+     *       "),
    ({"i": "!eth0"}, {}, "    0     0            all  --  !eth0  any     "),
    ({"i": 'a b"c'}, {}, '    0     0            all  --  a b"c  any     '),
    ({"o": "averyverylongif"}, {"exact": True}, "       0        0            all  --  any    averyverylongif  "),
    ({"i": "eth+"}, {"line_numbers": True}, "1        0     0            all  --  eth+   any     "),
]


@pytest.mark.parametrize(("words", "how", "front"), INTERFACES)
def test_interfaces(words, how, front):
    (row,) = one_row(Family.IPV4, rule(**words), verbose=True, **how)
    assert row.startswith(front)
    assert row[len(front) :].startswith(("anywhere", "0.0.0.0/0"))


COUNTERS = [
    (0, "    0"),
    (99999, "99999"),
    (100000, " 100K"),
    (100499, " 100K"),
    (100500, " 101K"),
    (999500, "1000K"),
    (9999499, "9999K"),
    (9999500, "  10M"),
    (99999999, " 100M"),
    (999999999, "1000M"),
    (9999499499, "9999M"),
    (9999499999, "  10G"),
    (9999500000, "  10G"),
    (9999499499499, "9999G"),
    (9999499999999, "  10T"),
    (9999500000000, "  10T"),
    (999999999999999, "1000T"),
    (2**63, "9223372T"),
    (2**64 - 1, "   0K"),
]


@pytest.mark.parametrize(("count", "text"), COUNTERS)
def test_counter(count, text):
    (row,) = one_row(Family.IPV4, rule(count, 7), verbose=True)
    assert row.startswith(f"{text}     7 ")
    (exact,) = one_row(Family.IPV4, rule(count, 7), verbose=True, exact=True)
    assert exact.startswith(f"{count:8}        7 ")


HEADS = [
    ({}, "target     prot opt source               destination         "),
    ({"exact": True}, "target     prot opt source               destination         "),
    ({"line_numbers": True}, "num  target     prot opt source               destination         "),
    ({"verbose": True}, " pkts bytes target     prot opt in     out     source               destination         "),
    (
        {"verbose": True, "exact": True, "line_numbers": True, "numeric": True},
        "num      pkts      bytes target     prot opt in     out     source               destination         ",
    ),
]


@pytest.mark.parametrize(("how", "head"), HEADS)
def test_heads(how, head):
    assert "".join(listing(ruleset({}), "filter", "INPUT", **how)).splitlines()[1] == head


@pytest.mark.parametrize(
    ("chain", "how", "head"),
    [
        ("INPUT", {}, "Chain INPUT (policy ACCEPT)"),
        ("INPUT", {"verbose": True}, "Chain INPUT (policy ACCEPT 0 packets, 0 bytes)"),
        ("b", {}, "Chain b (2 references)"),
        ("b", {"verbose": True}, "Chain b (2 references)"),
        ("empty", {}, "Chain empty (0 references)"),
    ],
)
def test_chain_head(chain, how, head):
    host = ruleset({"INPUT": [rule(j="b"), rule(g="b")], "b": [], "empty": []})
    assert "".join(listing(host, "filter", chain, **how)).splitlines()[0] == head


def test_chains_are_parted_by_an_empty_line():
    text = "".join(listing(ruleset({"INPUT": [rule()]}), "filter"))
    assert [line[:14] for line in text.split("\n")] == [
        "Chain INPUT (p", "target     pro", "           all", "",
        "Chain FORWARD ", "target     pro", "",
        "Chain OUTPUT (", "target     pro", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "error"),
    [(("filter", "nope"), OperationFailed), (("filter", "nope", 3), OperationFailed), (("foo",), TableMissing)],
)
def test_refused(place, error):
    with pytest.raises(error):
        list(listing(ruleset({}), *place))


def test_a_rule_that_is_not_there_lists_as_nothing():
    assert list(listing(ruleset({"INPUT": [rule()]}), "filter", "INPUT", 2)) == []


VERBOSE = [
    # words, line
    ({}, "  all opt -- in * out *  0.0.0.0/0  -> 0.0.0.0/0  "),
    (
        {"i": "eth2", "o": "eth3", "s": "10.0.0.1", "d": "10.0.0.2", "j": "ACCEPT"},
        "ACCEPT  all opt -- in eth2 out eth3  10.0.0.1  -> 10.0.0.2  ",
    ),
    (
        {"f": True, "i": "!eth0", "s": "!10.0.0.0/8", "p": "17", "g": "foo"},
        "foo  udp opt -f in !eth0 out * !10.0.0.0/8  -> 0.0.0.0/0  [goto] ",
    ),
    (
        {"p": "6", "m": [SSH], "j": "DROP"},
        "DROP  tcp opt -- in * out *  0.0.0.0/0  -> 0.0.0.0/0   tcp dpt:22",
    ),
    (
        {"p": "58", "f": False, "s": "!0.0.0.0/0", "d": "1.0.3.0/255.0.255.0"},
        "  ipv6-icmp opt !f in * out * !0.0.0.0/0  -> 1.0.3.0/255.0.255.0  ",
    ),
    ({"p": "41", "i": "+", "o": "+"}, "  41 opt -- in + out +  0.0.0.0/0  -> 0.0.0.0/0  "),
    ({"p": "!47", "d": "!1.2.3.4"}, " !47 opt -- in * out *  0.0.0.0/0 !-> 1.2.3.4  "),
]

VERBOSE_V6 = [
    ({"p": "!58", "s": "::", "d": "::1", "g": "foo"}, "foo !ipv6-icmp opt -- in * out *  ::  -> ::1  [goto] "),
    ({}, "  all opt -- in * out *  ::/0  -> ::/0  "),
]


@pytest.mark.parametrize(
    ("family", "words", "line"),
    [(Family.IPV4, *case) for case in VERBOSE] + [(Family.IPV6, *case) for case in VERBOSE_V6],
)
def test_verbose_line(family, words, line):
    assert verbose_line(spec(**words), family, "filter") == line


def test_counters_of_a_policy_are_rounded_too():
    made = ruleset({})
    table = made.table("filter")
    chain = type(table.chains["INPUT"])("INPUT", (), "DROP", Counters(123456, 99999))
    made = made.with_table(type(table)("filter", {**table.chains, "INPUT": chain}))
    assert next(listing(made, "filter", verbose=True)).startswith(
        "Chain INPUT (policy DROP 123K packets, 99999 bytes)\n"
    )
