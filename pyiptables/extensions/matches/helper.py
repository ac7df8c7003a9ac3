"""``-m helper``: source extensions/libxt_helper.c and net/netfilter/xt_helper.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.texts import Text
from pyiptables.predicate import Predicate, Test


class HelperMatch(Match):
    """Match connections that a helper expected, such as FTP's for data; with an empty name those of any."""

    name = "helper"
    needs = "the connections that helpers have expected"

    helper = opt("--helper", kind=Text(29), required=True, invertible=True, help="name of the helper")

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``helper match ! "ftp"``."""
        return f' helper match {"! " if self.inverted else ""}"{self.helper}"'

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The helper of the connection that expected this one."""
        yield self.wants(
            type(self).helper, facts, lambda negate: Test("ct.helper", lambda skb: self._expected(skb) != negate)
        )

    def _expected(self, skb: Any) -> bool:
        """The helper's name needs only be the beginning of the one given: ``ftp`` for ``ftp-2121``."""
        master = skb.nfct.master if skb.nfct is not None else None
        if master is None or not master.helper:
            return False
        return not self.helper or str(self.helper).startswith(master.helper)
