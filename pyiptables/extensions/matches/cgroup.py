"""``-m cgroup``: source extensions/libxt_cgroup.c and net/netfilter/xt_cgroup.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.kinds.texts import Text
from pyiptables.extensions.matches._sockets import may_have_socket
from pyiptables.hooks import Hook
from pyiptables.predicate import Predicate, Unknown


class CgroupMatch(Match):
    """Match by the control group of the process that sends. Without a socket it never matches, inverted or not."""

    name = "cgroup"
    hooks = frozenset({Hook.INPUT, Hook.OUTPUT, Hook.POSTROUTING})
    unknown = "the control group of the process that sends"

    path = opt("--path", kind=Text(511), invertible=True, help="a group of version 2, or one below it")
    classid = opt("--cgroup", kind=UINT32, invertible=True, help="class of net_cls, not beside --path")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """One of the two. Which groups there are on the host is not asked."""
        return None if self.has(type(self).path) != self.has(type(self).classid) else "a path or a class is needed"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``cgroup ! /system.slice``."""
        given = (option for option in self.options.values() if self.has(option))
        texts = (f" {'! ' if self.inverts(option) else ''}{self.values[option.attribute]}" for option in given)
        return " cgroup" + "".join(texts)

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """A socket, then its group, which no packet tells."""
        yield may_have_socket
        yield Unknown("the control group of the sending process")
