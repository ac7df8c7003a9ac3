"""Addresses as they stand in a rule's text, before masks have cut them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.kinds.addresses import numeric_address, parse_mask
from pyiptables.hooks import Family
from pyiptables.lint.subject import PlacedRule, Subject

OPTIONS = {
    "-s": "source", "--source": "source", "--src": "source",
    "-d": "destination", "--destination": "destination", "--dst": "destination",
}  # fmt: skip

ASKED = re.compile(r"(?:^|\s)(?:-[sd]|--(?:source|src|destination|dst))(?=\s)")
HOST = re.compile(r"(?:^|\s)-[sd] (?:[0-9.]+/32|[0-9a-f:]+/128)(?=\s)")
"""An address of all its bits, as iptables-save writes it."""


class Written(NamedTuple):
    """An item behind ``-s`` or ``-d``: its side, its text, the whole list it stands in, whether it is inverted."""

    side: str
    text: str
    whole: str
    inverted: bool

    def parts(self, family: Family) -> tuple[int, int] | None:
        """Address and mask as numbers, the address not cut; None where they are no numbers."""
        host, slash, mask_text = self.text.rpartition("/")
        if not slash:
            return None
        address = numeric_address(host, family)
        try:
            mask = parse_mask(mask_text, family)
        except ParameterProblem:
            return None
        return None if address is None else (address, mask)


def written(subject: Subject, rule: PlacedRule) -> Iterator[Written]:
    """The addresses of a rule's line that are given with a mask."""
    text = subject.source(rule.family, rule.table).line(rule.rule.line)
    if "/" not in text or len(ASKED.findall(text)) == len(HOST.findall(text)):
        return
    words = [word for word, _, _ in subject.words(rule)]
    for index, word in enumerate(words[:-1]):
        side = OPTIONS.get(word)
        if side is not None:
            inverted = index > 0 and words[index - 1] == "!"
            for item in words[index + 1].split(","):
                yield Written(side, item, words[index + 1], inverted)
