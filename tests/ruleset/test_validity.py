"""What the kernel refuses at commit: places of extensions, protocols, loops; measured on Linux 6.18."""

from __future__ import annotations

import time

import pytest

from pyiptables.hooks import Family
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import RuleSpec, Table
from pyiptables.ruleset.validity import Refused, check_table
from pyiptables.syntax.reader import Reader

LOOP = "Too many levels of symbolic links."
INVALID = "Invalid argument. Run `dmesg' for more information."

CASES = [
    # table, rules (-N foo and -N bar stand before them), what the kernel says and why
    ("filter", "-A INPUT -p tcp -m tcp --dport 1", None, ""),
    ("filter", "-A INPUT ! -p tcp -m tcp --dport 1", INVALID, "-p 6"),
    ("filter", "-A INPUT -p udp -m tcp --dport 1", INVALID, "-p 6"),
    ("filter", "-A foo -m tcp --dport 1", INVALID, "-p 6"),
    ("filter", "-A INPUT -j DNAT --to 1.2.3.4", INVALID, "nat table"),
    ("nat", "-A PREROUTING -j DNAT --to 1.2.3.4", None, ""),
    ("nat", "-A POSTROUTING -j DNAT --to 1.2.3.4", INVALID, "POSTROUTING"),
    ("nat", "-A foo -j DNAT --to 1.2.3.4; -A POSTROUTING -j foo", INVALID, "POSTROUTING"),
    ("nat", "-A foo -j DNAT --to 1.2.3.4", None, ""),
    ("nat", "-A foo -j DNAT --to 1.2.3.4; -A bar -j foo; -A POSTROUTING -g bar", INVALID, "POSTROUTING"),
    ("nat", "-A POSTROUTING -j ACCEPT; -A POSTROUTING -j DNAT --to 1.2.3.4", None, ""),
    ("nat", "-A POSTROUTING -p tcp -j ACCEPT; -A POSTROUTING -j DNAT --to 1.2.3.4", INVALID, "POSTROUTING"),
    ("filter", "-A foo -j bar; -A bar -j foo", None, ""),
    ("filter", "-A foo -j bar; -A bar -j foo; -A INPUT -j foo", LOOP, "loop"),
    ("filter", "-A foo -j foo; -A INPUT -g foo", LOOP, "loop"),
    ("filter", "-A foo -j ACCEPT; -A foo -j foo; -A INPUT -j foo", None, ""),
    ("filter", "-A foo -j bar; -A INPUT -j foo; -A INPUT -j bar; -A INPUT -j foo", None, ""),
]


@pytest.mark.parametrize(("table", "rules", "answer", "reason"), CASES)
def test_cases(table: str, rules: str, answer: str | None, reason: str) -> None:
    edit, reader = TableEdit(Table.empty(table)), Reader(Family.IPV4)
    edit.create("foo")
    edit.create("bar")
    for words in rules.split("; "):
        command = reader.read(words.split(), table)
        edit.append(command.chain or "", command.specs[0])
    if answer is None:
        check_table(edit.commit(), Family.IPV4)
        return
    with pytest.raises(Refused) as caught:
        check_table(edit.commit(), Family.IPV4)
    assert caught.value.text == answer
    assert reason in (caught.value.hint or "")


def nested(depth: int) -> TableEdit:
    edit = TableEdit(Table.empty("filter"))
    for number in range(depth):
        edit.create(f"c{number}")
    edit.append("INPUT", RuleSpec(jump="c0"))
    for number in range(depth - 1):
        edit.append(f"c{number}", RuleSpec(jump=f"c{number + 1}"))
        edit.append(f"c{number}", RuleSpec(jump=f"c{number + 1}"))
    return edit


def test_deep_and_branching_chains_take_linear_time() -> None:
    edit = nested(30_000)
    begin = time.monotonic()
    check_table(edit.commit(), Family.IPV4)
    edit.append("c29999", RuleSpec(jump="c0"))
    with pytest.raises(Refused, match="Too many levels"):
        check_table(edit.commit(), Family.IPV4)
    assert time.monotonic() - begin < 10
