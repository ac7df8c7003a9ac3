"""``-m connlabel``: source extensions/libxt_connlabel.c and net/netfilter/xt_connlabel.c."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, Option, Refusal, RuleFacts, Services, opt
from pyiptables.extensions.kinds.numbers import signed_int, strtoul
from pyiptables.extensions.kinds.texts import Text

PATH = "/etc/xtables/connlabel.conf"
BITS = 128
"""Labels that a connection can have."""
MOST_NAMED = 1023
_LINE = re.compile(r"[ \t]*([0-9a-fA-Fx]+)(.*)", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9 -]+\Z")


@cache
def label_names() -> Mapping[int, str]:
    """The names of labels by bit, from lines ``BIT NAME`` of connlabel.conf; of equal ones the first counts."""
    found: dict[int, str] = {}
    try:
        with open(PATH, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                number = strtoul(line, MOST_NAMED)
                name = number[1].strip(" \t\n\r\v\f") if number is not None else ""
                if number is not None and _NAME.match(name) and name not in found.values():
                    found.setdefault(number[0], name)
    except OSError:
        return {}
    return found


class Label(Text):
    """The name of a label, or its number; kept as the number."""

    metavar = "name|number"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number, cut to 16 bits."""
        text = super().parse(texts, option, facts)
        number = signed_int(text)
        if number is not None and number >= 0:
            return number & 0xFFFF
        named = next((bit for bit, name in label_names().items() if name == text), None)
        if named is None:
            if not os.access(PATH, os.R_OK):
                facts.warnings.append(f"Warning: cannot open {PATH}: No such file or directory\n")
            raise ParameterProblem(f"label '{text}' not found or invalid value")
        return named

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The name, or the number, in quotes."""
        return f'"{label_names().get(value, value)}"'

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The number with ``-n`` or where there is no name; else the name in quotes."""
        name = None if numeric else label_names().get(value)
        return str(value) if name is None else f"'{name}'"


class ConnlabelMatch(Match):
    """Match, or set, one of a connection's 128 labels."""

    name = "connlabel"
    stateful = True

    label = opt("--label", kind=Label(255, least=1), required=True, invertible=True, help="a label that is set")
    set = opt("--set", help="set it when it is not, and match")

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """There are 128."""
        return (
            Refusal(f"there is no label {self.label}", "Numerical result out of range") if self.label >= BITS else None
        )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``connlabel ! 41 set``."""
        mark = "! " if self.inverted else ""
        label = type(self).label.kind.list(self.label, facts, numeric)
        return f" connlabel {mark}{label}{' set' if self.set else ''}"

    def step(self, skb: Any, state: None, services: Services) -> bool:
        """Look at the label and, where asked, set it (connlabel_mt)."""
        found = skb.nfct is not None
        if found and self.set:
            skb.nfct.labels |= 1 << self.label
        elif found:
            found = bool(skb.nfct.labels >> self.label & 1)
        return found != bool(self.inverted)
