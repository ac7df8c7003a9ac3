"""Edits of a table: what they leave, and what libiptc refuses."""

from __future__ import annotations

import pytest

from pyiptables.errors import OperationFailed
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import Counters, RuleSpec, Table


def jump(name: str) -> RuleSpec:
    return RuleSpec(jump=name)


def start() -> TableEdit:
    """INPUT: ACCEPT, foo; foo: DROP; bar: empty."""
    edit = TableEdit(Table.empty("filter"))
    edit.create("foo")
    edit.create("bar")
    edit.append("INPUT", jump("ACCEPT"), Counters(1, 2))
    edit.append("INPUT", jump("foo"), Counters(3, 4))
    edit.append("foo", jump("DROP"))
    return TableEdit(edit.commit())


def picture(table: Table) -> str:
    return " ".join(
        chain.name + "".join(f"{{{rule.spec.jump}{rule.counters.packets or ''}}}" for rule in chain.rules)
        for chain in table.chains.values()
        if chain.rules or not chain.built_in
    )


DONE = [
    ("append", ("bar", jump("DROP")), "INPUT{ACCEPT1}{foo3} bar{DROP} foo{DROP}"),
    ("insert", ("INPUT", 1, jump("DROP")), "INPUT{DROP}{ACCEPT1}{foo3} bar foo{DROP}"),
    ("insert", ("INPUT", 3, jump("DROP")), "INPUT{ACCEPT1}{foo3}{DROP} bar foo{DROP}"),
    ("replace", ("INPUT", 2, jump("bar")), "INPUT{ACCEPT1}{bar} bar foo{DROP}"),
    ("delete", ("INPUT", jump("foo")), "INPUT{ACCEPT1} bar foo{DROP}"),
    ("delete_number", ("INPUT", 1), "INPUT{foo3} bar foo{DROP}"),
    ("flush", ("INPUT",), "bar foo{DROP}"),
    ("zero", ("INPUT",), "INPUT{ACCEPT}{foo} bar foo{DROP}"),
    ("zero_rule", ("INPUT", 2), "INPUT{ACCEPT1}{foo} bar foo{DROP}"),
    ("create", ("A",), "INPUT{ACCEPT1}{foo3} A bar foo{DROP}"),
    ("delete_chain", ("bar",), "INPUT{ACCEPT1}{foo3} foo{DROP}"),
    ("rename", ("foo", "a"), "INPUT{ACCEPT1}{a3} a{DROP} bar"),
    ("clear", (), ""),
]


@pytest.mark.parametrize(("method", "arguments", "after"), DONE)
def test_done(method: str, arguments: tuple[object, ...], after: str) -> None:
    edit = start()
    before = edit.commit()
    getattr(edit, method)(*arguments)
    assert picture(edit.commit()) == after
    assert picture(before) == "INPUT{ACCEPT1}{foo3} bar foo{DROP}"


NAME = "No chain/target/match by that name."
RULE = "Bad rule (does a matching rule exist in that chain?)."
INVALID = "Invalid argument. Run `dmesg' for more information."
REFUSED = [
    ("append", ("none", jump("DROP")), NAME),
    ("append", ("INPUT", jump("OUTPUT")), INVALID),
    ("insert", ("INPUT", 4, jump("DROP")), "Index of insertion too big."),
    ("replace", ("INPUT", 3, jump("DROP")), "Index of replacement too big."),
    ("delete_number", ("INPUT", 3), "Index of deletion too big."),
    ("delete_number", ("none", 1), NAME),
    ("delete", ("none", jump("foo")), RULE),
    ("delete", ("INPUT", jump("DROP")), RULE),
    ("delete", ("INPUT", RuleSpec()), RULE),
    ("delete", ("INPUT", jump("bar")), NAME),
    ("find", ("INPUT", RuleSpec(jump="foo", goto=True)), NAME),
    ("flush", ("none",), NAME),
    ("zero", ("none",), NAME),
    ("zero_rule", ("INPUT", 3), "Index of counter too big."),
    ("create", ("foo",), "Chain already exists."),
    ("create", ("INPUT",), "Chain already exists."),
    ("delete_chain", ("none",), NAME),
    ("delete_chain", ("INPUT",), INVALID),
    ("delete_chain", ("foo",), "Too many links."),
    ("rename", ("foo", "bar"), "File exists."),
    ("rename", ("INPUT", "x"), NAME),
    ("rename", ("none", "x"), NAME),
    ("set_policy", ("foo", "DROP"), "Bad built-in chain name."),
    ("set_policy", ("INPUT", "REJECT"), "Bad policy name. Run `dmesg' for more information."),
]


@pytest.mark.parametrize(("method", "arguments", "message"), REFUSED)
def test_refused(method: str, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(OperationFailed) as caught:
        getattr(start(), method)(*arguments)
    assert caught.value.text == message


def test_references_follow_the_edits() -> None:
    edit = start()
    with pytest.raises(OperationFailed, match="Too many links"):
        edit.delete_chain("foo")
    edit.delete("INPUT", jump("foo"))
    with pytest.raises(OperationFailed, match="Directory not empty"):
        edit.delete_chain("foo")
    edit.flush("foo")
    edit.delete_chain("foo")
    assert picture(edit.commit()) == "INPUT{ACCEPT1} bar"


def test_nothing_changed_is_the_same_table() -> None:
    table = Table.empty("nat")
    assert TableEdit(table).commit() is table


def test_appending_does_not_copy_the_chain() -> None:
    edit = start()
    for _ in range(50_000):
        edit.append("bar", jump("DROP"))
    assert len(edit.commit().chains["bar"].rules) == 50_000
