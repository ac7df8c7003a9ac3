"""A ruleset file as it was given, with new counters: what a trace leaves of a snapshot's rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from pyiptables.ruleset.model import Ruleset, Table

_CHAIN = re.compile(r":(\S+) (\S+)")
_RULE = re.compile(r"(?:\[\d+:\d+\] )?(-A (\S+)(?: .*)?)\Z", re.DOTALL)


def with_counters(lines: Iterable[str], ruleset: Ruleset) -> list[str] | None:
    """The lines with the counters of ``ruleset``, every other byte as it was; None where they are not plainly a dump.

    Plain means: each rule is one ``-A`` line and each chain one ``:`` line, so that the n-th line of a chain is its n-th
    rule. A file with other commands, or with lines that make several rules, has to be saved anew.
    """
    made: list[str] = []
    table: Table | None = None
    seen: Counter[tuple[str, str]] = Counter()
    for line in lines:
        text = line.rstrip("\n")
        if text.startswith("*"):
            table = ruleset.tables.get(text[1:].strip())
            made.append(text)
        elif not text or text.startswith(("#", "COMMIT")):
            made.append(text)
        elif table is None:
            return None
        else:
            changed = _chain_line(text, table) if text.startswith(":") else _rule_line(text, table, seen)
            if changed is None:
                return None
            made.append(changed)
    for name, found in ruleset.tables.items():
        if any(len(chain.rules) != seen[name, chain.name] for chain in found.chains.values()):
            return None
    return [f"{text}\n" for text in made]


def _chain_line(text: str, table: Table) -> str | None:
    found = _CHAIN.match(text)
    chain = table.chains.get(found[1]) if found is not None else None
    if found is None or chain is None:
        return None
    return f":{chain.name} {found[2]} [{chain.counters.packets}:{chain.counters.bytes}]"


def _rule_line(text: str, table: Table, seen: Counter[tuple[str, str]]) -> str | None:
    found = _RULE.match(text)
    chain = table.chains.get(found[2]) if found is not None else None
    if found is None or chain is None or seen[table.name, chain.name] >= len(chain.rules):
        return None
    counters = chain.rules[seen[table.name, chain.name]].counters
    seen[table.name, chain.name] += 1
    return f"[{counters.packets}:{counters.bytes}] {found[1]}"
