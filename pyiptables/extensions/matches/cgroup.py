"""``-m cgroup``: source extensions/libxt_cgroup.c and net/netfilter/xt_cgroup.c."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.kinds.texts import Text
from pyiptables.extensions.matches._sockets import may_have_socket
from pyiptables.hooks import Hook
from pyiptables.predicate import Predicate, Test


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
        """A socket, then its group, which no packet tells: it is taken as the root group, whose class is 0."""
        cls = type(self)
        yield may_have_socket
        yield self.wants(cls.path, facts, lambda negate: _root(lambda: not self.path.strip("/"), negate))
        yield self.wants(cls.classid, facts, lambda negate: _root(lambda: self.classid == 0, negate))


def _root(matches: Callable[[], bool], negate: bool) -> Predicate:
    """Whether the root group matches; the packet notes that it was taken for the sender's."""

    def holds(skb: Any) -> bool:
        skb.unknown.append("the control group of the process that sends, taken as the root group")
        return matches() != negate

    return Test("cgroup", holds)
