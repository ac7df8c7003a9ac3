"""Restore files: what is committed, what is refused, and where the diagnosis points."""

from __future__ import annotations

import pytest

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.ruleset.model import Counters, Ruleset
from pyiptables.syntax.diagnosis import diagnosis
from pyiptables.syntax.messages import VERSION, BrokenRuleset
from pyiptables.syntax.restore import Restore, RestoreFailed, Settings, Silent, load

V4 = Family.IPV4
BEFORE = "*filter\n:INPUT DROP [5:6]\n:old - [0:0]\n[1:2] -A INPUT -j old\nCOMMIT\n"


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def restored(text: str, settings: Settings, before: str = BEFORE) -> Ruleset:
    restore = Restore(load(lines(before), V4, "before"), settings, Silent())
    restore.run(lines(text))
    return restore.ruleset


def picture(ruleset: Ruleset) -> str:
    """Chains of filter, with policy, counters and the jumps of their rules."""
    return " ".join(
        f"{chain.name}:{chain.policy or '-'}[{chain.counters.packets}]"
        + "".join(f"{{{rule.spec.target_name or '*'}{rule.counters.packets or ''}}}" for rule in chain.rules)
        for chain in ruleset.table("filter").chains.values()
        if chain.name not in ("FORWARD", "OUTPUT")
    )


OUTCOMES = [
    # restore file, settings, filter table afterwards
    ("", {}, "INPUT:DROP[5]{old1} old:-[0]"),
    ("*filter\nCOMMIT\n", {}, "INPUT:DROP[5]"),
    ("*filter\n:INPUT ACCEPT [7:8]\nCOMMIT\n", {}, "INPUT:ACCEPT[0]"),
    ("*filter\n:INPUT ACCEPT [7:8]\nCOMMIT\n", {"counters": True}, "INPUT:ACCEPT[7]"),
    ("*filter\n:INPUT - [7:8]\nCOMMIT\n", {"counters": True}, "INPUT:DROP[5]"),
    ("*filter\n[3:4] -A INPUT -j ACCEPT\nCOMMIT\n", {"counters": True}, "INPUT:DROP[5]{ACCEPT3}"),
    ("*filter\n[3:4] -A INPUT -j ACCEPT\nCOMMIT\n", {}, "INPUT:DROP[5]{ACCEPT}"),
    ("*filter\n-A INPUT -j DROP\nCOMMIT\n", {"noflush": True}, "INPUT:DROP[5]{old1}{DROP} old:-[0]"),
    ("*filter\n:new - [0:0]\n:old - [0:0]\n-A old -j new\nCOMMIT\n", {"noflush": True},
     "INPUT:DROP[5]{old1} new:-[0] old:-[0]{new}"),
    ("*filter\n-A INPUT -j DROP\nCOMMIT\n", {"test": True}, "INPUT:DROP[5]{old1} old:-[0]"),
    ("*filter\n-A INPUT -j DROP\nCOMMIT\n", {"table": "nat"}, "INPUT:DROP[5]{old1} old:-[0]"),
    ("# c\n\n*filter\n \t-A INPUT -4\n-6 -A INPUT --no-such\nCOMMIT\n", {}, "INPUT:DROP[5]{*}"),
    ("*filter\n:LOG - [0:0]\n-A INPUT -j LOG\nCOMMIT\n", {}, "INPUT:DROP[5]{LOG} LOG:-[0]"),
    ("*filter\n-A INPUT -c 1 2\n-Z INPUT\nCOMMIT\n", {}, "INPUT:DROP[0]{*1}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "settings", "after"), OUTCOMES)
def test_outcome(text: str, settings: dict[str, bool], after: str) -> None:
    assert picture(restored(text, Settings(**settings))) == after  # type: ignore[arg-type]


def test_a_committed_table_stays() -> None:
    restore = Restore(Ruleset(V4), Settings(), Silent())
    with pytest.raises(RestoreFailed):
        restore.run(lines("*nat\nCOMMIT\n*filter\n-A INPUT\n-A INPUT --no-such\nCOMMIT\n"))
    assert list(restore.ruleset.tables) == ["nat"]


HINT = "Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n"
NAMED = f"iptables-restore {VERSION}: "
REFUSED = [
    # restore file, settings, iptables' message, status, line:column of the diagnosis, its last line
    ("*filter\n-A INPUT -j ACCEPT\n", {}, "iptables-restore: COMMIT expected at line 3\n", 1, "3", ""),
    ("-A INPUT\n", {}, "iptables-restore: line 1 failed\n", 1, "1:1", "expected *TABLE"),
    ("*filter\ngarbage\n", {}, f"Bad argument `garbage'\nError occurred at line: 2\n{HINT}", 2, "2:1", "expected an option"),
    ("*filter\nCOMMIT", {}, f"Bad argument `COMMIT'\nError occurred at line: 2\n{HINT}", 2, "2:1", "expected COMMIT alone"),
    ("*fliter\n", {}, f"{NAMED}iptables-restore: unable to initialize table 'fliter'\nError occurred at line: 1\n{HINT}", 2,
     "1:1", "expected a table; did you mean filter?"),
    ("*filter\n:INPUT\n", {}, f"{NAMED}iptables-restore: line 2 policy invalid\nError occurred at line: 2\n{HINT}", 2, "2:1",
     "expected ACCEPT, DROP or -"),
    ("*filter\n:INPUT FOO [0:0]\n", {}, f"{NAMED}Can't set policy `FOO' on `INPUT' line 2: Bad policy name\n", 1, "2:1",
     "expected ACCEPT or DROP"),
    ("*filter\n:INPUT DROP bar\n", {}, f"{NAMED}invalid policy counters for chain 'INPUT'\nError occurred at line: 2\n{HINT}",
     2, "2:1", "expected [PACKETS:BYTES]"),
    ("*filter\n:INPUT DROP\n", {"counters": True},
     f"{NAMED}invalid policy counters for chain 'INPUT'\nError occurred at line: 2\n{HINT}", 2, "2:1",
     "expected [PACKETS:BYTES]"),
    ("*filter\n:a - [0:0]\n:a - [0:0]\n", {},
     f"{NAMED}error creating chain 'a':File exists\nError occurred at line: 3\n{HINT}", 2, "3:1", ""),
    ("*filter\n[1:2 -A INPUT\n", {}, f"{NAMED}Bad line 2: need ]\nError occurred at line: 2\n{HINT}", 2, "2:1",
     "expected [PACKETS:BYTES] before the rule"),
    ("*filter\n-A FOO -j ACCEPT\n", {}, "iptables-restore: line 2 failed\n", 1, "2:4",
     "there is no chain FOO in the table filter"),
    ("*filter\n-A INPUT -j FOO\n", {},
     f"{NAMED}Couldn't load target `FOO':No such file or directory\n\nError occurred at line: 2\n{HINT}", 2, "2:13",
     "expected a target or chain"),
    ("*filter\n:web - [0:0]\n[1:2] -A INPUT -g wbe\n", {},
     f"{NAMED}goto 'wbe' is not a chain\nError occurred at line: 3\n{HINT}", 2, "3:19", "did you mean web?"),
    ("*filter\n-A INPUT -p tcp --dprot 22\n", {},
     f'{NAMED}unknown option "--dprot"\nError occurred at line: 2\n{HINT}', 2, "2:17", "did you mean --dport?"),
    ("*filter\n-A INPUT -p tcp --dport 22 --sport x:y\n", {},
     f"{NAMED}invalid port/service `x' specified\nError occurred at line: 2\n{HINT}", 2, "2:36", "port[:port]"),
    ("*filter\n-A INPUT -p tpc\n", {}, f'{NAMED}unknown protocol "tpc" specified\nError occurred at line: 2\n{HINT}', 2,
     "2:13", "did you mean tcp?"),
    ("*filter\n-A INPUT -m comnent\n", {},
     f"{NAMED}Couldn't load match `comnent':No such file or directory\n\nError occurred at line: 2\n{HINT}", 2, "2:13",
     "a match"),
    ("*filter\n-A INPUT -d 1.2.3.444 -j DROP\n", {},
     f"{NAMED}host/network `1.2.3.444' not found\nError occurred at line: 2\n{HINT}", 2, "2:13", "expected addresses"),
    ("*filter\n-A INPUT\n-A INPUT ! -p tcp -m tcp\nCOMMIT\n", {}, "iptables-restore: line 4 failed\n", 1, "3:1", "-p 6"),
    ("*filter\n-t nat -A PREROUTING\n", {},
     f"{NAMED}The -t option cannot be used in iptables-restore.\n\nError occurred at line: 2\n{HINT}", 2, "2:4", ""),
    ("*filter\n-A INPUT -w 5\n", {},
     f"{NAMED}You cannot use `-w' from iptables-restore\nError occurred at line: 2\n{HINT}", 2, "2:10", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "settings", "message", "status", "place", "last"), REFUSED)
def test_refused(text: str, settings: dict[str, bool], message: str, status: int, place: str, last: str) -> None:
    restore = Restore(Ruleset(V4), Settings(**settings), Silent(), source="f")  # type: ignore[arg-type]
    with pytest.raises(RestoreFailed) as caught:
        restore.run(lines(text))
    assert (caught.value.message, caught.value.status) == (message, status)
    explained = diagnosis(caught.value)
    assert explained.startswith(f"f:{place}: ")
    assert last in explained.splitlines()[-1]


def test_diagnosis_shows_line_and_caret() -> None:
    with pytest.raises(BrokenRuleset) as caught:
        load(lines("*filter\n-A INPUT\t-p tcp --dprot 22\nCOMMIT\n"), V4, "my.rules")
    assert diagnosis(caught.value) == (
        'my.rules:2:17: unknown option "--dprot"\n'
        "    -A INPUT -p tcp --dprot 22\n"
        "                    ^\n"
        "    expected an option; did you mean --dport?\n"
    )


def test_diagnosis_of_a_long_line_stays_short_and_steers_no_terminal() -> None:
    with pytest.raises(Error) as caught:
        load(
            lines("*filter\n-A INPUT " + "-m comment --comment \x1b[2J " * 60 + "--nosuch" + " " * 100_000 + "\n"),
            V4,
            "f",
        )
    explained = diagnosis(caught.value)
    assert len(explained) < 600
    assert "\x1b" not in explained
    snippet, caret = explained.splitlines()[1:3]
    assert snippet[caret.index("^") :].startswith("--nosuch")


def test_load_keeps_counters_lines_and_the_order_of_use() -> None:
    ruleset = load(lines("*nat\nCOMMIT\n*filter\n:INPUT DROP [1:2]\n[3:4] -A INPUT -j DROP\nCOMMIT\n"), V4, "f")
    assert list(ruleset.tables) == ["filter", "nat"]
    chain = ruleset.table("filter").chains["INPUT"]
    assert (chain.policy, chain.counters) == ("DROP", Counters(1, 2))
    assert [(rule.counters, rule.line) for rule in chain.rules] == [(Counters(3, 4), 5)]


def test_load_reads_a_rule_over_two_lines() -> None:
    text = ["*filter\n", '-A INPUT -m comment --comment "a\nb"\n', "-A INPUT -j NOSUCH\n"]
    with pytest.raises(BrokenRuleset) as caught:
        load(text, V4, "f")
    assert caught.value.line == 4


@pytest.mark.parametrize(
    "text", ["*filter\n\0\n", "*filter\n-A\0 INPUT\n", ":\n", "*\n", "*filter\n:\n", "\udcff\n", "*filter\n\udcff\n"]
)
def test_hostile_lines_are_errors(text: str) -> None:
    with pytest.raises(BrokenRuleset):
        load(lines(text), V4, "f")
