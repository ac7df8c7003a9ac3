"""``-m nfacct``: source extensions/libxt_nfacct.c and net/netfilter/xt_nfacct.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, Option, Refusal, RuleFacts, opt
from pyiptables.extensions.kinds.plain import PlainText


class ObjectName(PlainText):
    """The name of an accounting object."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The name; one line of it."""
        text = super().parse(texts, option, facts)
        if "\n" in text:
            raise ParameterProblem("Newlines not allowed in --nfacct-name")
        return text


class NfacctMatch(Match):
    """Count packets in an accounting object; always matches, unless the object has a quota."""

    name = "nfacct"
    needs = "accounting objects, of which there are none: such a rule is refused"

    object = opt("--nfacct-name", kind=ObjectName(31, least=1), required=True, help="name of the accounting object")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``nfacct-name NAME``, with two blanks around."""
        return f" nfacct-name  {self.object}"

    def save(self, facts: RuleFacts) -> str:
        """The same with dashes."""
        return f" --nfacct-name  {self.object}"

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """Objects are made by nfnetlink; here there are none."""
        return Refusal(f"there is no accounting object {self.object}", "No chain/target/match by that name")
