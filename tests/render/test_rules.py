"""Rules as -S prints them: what iptables 1.8.13 answered, one case a line."""

from __future__ import annotations

import pytest
from specs import rule, ruleset, spec

from pyiptables.errors import OperationFailed, TableMissing
from pyiptables.extensions.matches.tcp import TcpMatch
from pyiptables.hooks import Family
from pyiptables.render.rules import rule_text, rules
from pyiptables.ruleset.model import Counters

SSH = TcpMatch({"dport": (22, 22)})

TEXTS = [
    # words                                                            text after -A FORWARD
    ({}, ""),
    ({"j": "ACCEPT"}, " -j ACCEPT"),
    ({"g": "foo"}, " -g foo"),
    ({"i": "+", "o": "+", "j": "foo"}, " -j foo"),
    ({"i": "!+"}, " ! -i +"),
    ({"i": "eth+", "o": "!lo", "p": "58", "f": False, "g": "foo"}, " -i eth+ ! -o lo -p ipv6-icmp ! -f -g foo"),
    ({"f": True}, " -f"),
    ({"s": "0.0.0.0", "d": "0.2.0.4/0.255.0.255", "p": "!6"}, " -s 0.0.0.0/32 -d 0.2.0.4/0.255.0.255 ! -p tcp"),
    ({"s": "0.0.0.0/0", "d": "10.0.0.0/8"}, " -d 10.0.0.0/8"),
    ({"s": "!0.0.0.0/0", "d": "!10.0.0.0/8", "j": "zé"}, " ! -s 0.0.0.0/0 ! -d 10.0.0.0/8 -j zé"),
    ({"p": "41"}, " -p 41"),
    ({"p": "135"}, " -p mobility-header"),
    ({"p": "108"}, " -p ipcomp"),
    ({"i": 'a b"c'}, ' -i a b"c'),
    ({"p": "6", "m": [SSH], "j": "ACCEPT"}, " -p tcp -m tcp --dport 22 -j ACCEPT"),
    ({"p": "6", "m": [SSH, SSH]}, " -p tcp -m tcp --dport 22 -m tcp --dport 22"),
    ({"p": "6", "m": [TcpMatch()]}, " -p tcp -m tcp"),
]

TEXTS_V6 = [
    ({"s": "!::/0", "d": "::"}, " ! -s ::/0 -d ::/128"),
    ({"s": "::/8", "d": "::/ffff::ffff", "p": "44", "g": "foo"}, " -s ::/8 -d ::/ffff::ffff -p 44 -g foo"),
    ({"s": "::/0", "d": "::ffff:1.2.3.4"}, " -d ::ffff:1.2.3.4/128"),
]


@pytest.mark.parametrize(
    ("family", "words", "text"),
    [(Family.IPV4, *case) for case in TEXTS] + [(Family.IPV6, *case) for case in TEXTS_V6],
)
def test_text(family, words, text):
    assert rule_text(spec(**words), "FORWARD", family, "filter") == "-A FORWARD" + text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({}, " -c 5 6"),
        ({"f": True, "j": "DROP"}, " -f -c 5 6 -j DROP"),
        ({"p": "6", "m": [SSH], "g": "foo"}, " -p tcp -m tcp --dport 22 -c 5 6 -g foo"),
    ],
)
def test_counters_stand_before_the_target(words, text):
    assert rule_text(spec(**words), "INPUT", Family.IPV4, "filter", Counters(5, 6)) == "-A INPUT" + text


HOST = ruleset({"INPUT": [rule(1, 2, j="foo"), rule(i="lo")], "foo": [rule(j="DROP")]})


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (
            {},
            "-P INPUT ACCEPT|-P FORWARD ACCEPT|-P OUTPUT ACCEPT|-N foo|-A INPUT -j foo|-A INPUT -i lo|-A foo -j DROP",
        ),
        ({"chain": "INPUT"}, "-P INPUT ACCEPT|-A INPUT -j foo|-A INPUT -i lo"),
        ({"chain": "foo", "verbose": True}, "-N foo|-A foo -c 0 0 -j DROP"),
        ({"chain": "INPUT", "verbose": True}, "-P INPUT ACCEPT -c 0 0|-A INPUT -c 1 2 -j foo|-A INPUT -i lo -c 0 0"),
        ({"chain": "INPUT", "number": 2}, "-A INPUT -i lo"),
        ({"chain": "INPUT", "number": 1, "verbose": True}, "-A INPUT -c 1 2 -j foo"),
        ({"chain": "INPUT", "number": 3}, ""),
        ({"chain": "INPUT", "number": 0}, ""),
    ],
)
def test_rules(words, lines):
    assert list(rules(HOST, "filter", **words)) == [line + "\n" for line in lines.split("|") if line]


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"chain": "nope"}, OperationFailed, "No chain/target/match by that name."),
        ({"chain": "nope", "number": 1}, OperationFailed, "No chain/target/match by that name."),
        ({"table_name": "foo"}, TableMissing, "can't initialize iptables table `foo': Table does not exist"),
    ],
)
def test_refused(words, error, text):
    with pytest.raises(error) as caught:
        list(rules(HOST, **{"table_name": "filter", **words}))
    assert caught.value.text.startswith(text)


def test_a_table_never_used_is_empty():
    assert list(rules(HOST, "raw")) == ["-P PREROUTING ACCEPT\n", "-P OUTPUT ACCEPT\n"]
