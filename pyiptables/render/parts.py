"""What the texts of a rule share: addresses under masks, protocols, and padding as printf(3) does it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from pyiptables.errors import OperationFailed
from pyiptables.hooks import Family
from pyiptables.packet import names
from pyiptables.packet.addresses import prefix_length, to_text
from pyiptables.ruleset.model import Chain, Rule, Ruleset, Table
from pyiptables.syntax.messages import table_missing


@cache
def mask_text(mask: int, family: Family) -> str:
    """A netmask: its prefix length, or in full where its ones do not stand together."""
    length = prefix_length(mask, family)
    return to_text(mask, family) if length is None else str(length)


def known_protocol(number: int) -> str:
    """A protocol as save and ``-n`` print it: by the names that the program knows itself, else as a number."""
    return names.SAVED_PROTOCOLS.get(number) or str(number)


def pad(text: str, width: int) -> str:
    """The text, blanks added until it is ``width`` bytes; longer ones stay as they are."""
    if text.isascii():
        return text.ljust(width)
    return text + " " * (width - len(text.encode("utf-8", "surrogateescape")))


def known_table(ruleset: Ruleset, name: str) -> Table:
    """The table of that name; TableMissing, as iptables says it, when the kernel has none."""
    try:
        return ruleset.table(name)
    except KeyError:
        raise table_missing(ruleset.family.command, name) from None


def chosen_chains(table: Table, chain: str | None) -> Collection[Chain]:
    """All chains of a table, or the one named; OperationFailed when it is not there."""
    if chain is None:
        return table.chains.values()
    if chain not in table.chains:
        raise OperationFailed("No chain/target/match by that name.")
    return (table.chains[chain],)


def chosen_rules(chain: Chain, number: int | None) -> Iterable[tuple[int, Rule]]:
    """The rules of a chain with their numbers, or the one of that number, if there is one."""
    if number is None:
        return enumerate(chain.rules, 1)
    return ((number, chain.rules[number - 1]),) if 0 < number <= len(chain.rules) else ()
