"""Texts that are longer than what iptables keeps of them."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.subject import PlacedRule, Subject


def cut_texts(subject: Subject, name: str, option: str, most: int) -> Iterator[tuple[PlacedRule, str, int]]:
    """Rules whose text, of that option of that match or target, has more than ``most`` bytes; the text, its bytes."""
    for rule in subject.using(name):
        for extension in (*rule.spec.matches, rule.spec.target):
            if extension is None or extension.name != name or option not in extension.given:
                continue
            text = extension.given[extension.given.index(option) + 1]
            size = len(text.encode("utf-8", "surrogateescape"))
            if size > most:
                yield rule, text, size
