"""``-m owner``: source extensions/libxt_owner.c and net/netfilter/xt_owner.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, OptionUses, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import strtoul
from pyiptables.extensions.matches._sockets import owner_of
from pyiptables.hooks import Hook
from pyiptables.packet import accounts
from pyiptables.predicate import Predicate, Test

MOST = 2**32 - 2
"""The largest number; the one behind it stands for nobody."""


class Identity(Kind):
    """A user or a group by name, or numbers ``A``, ``A-B``; a pair, both ends included."""

    metavar = "name|number[-number]"

    def __init__(self, group: bool) -> None:
        self.group = group

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The pair."""
        number = accounts.number_of(texts[0], self.group)
        if number is not None:
            return (number, number)
        first = strtoul(texts[0], MOST)
        last = strtoul(first[1][1:], MOST) if first is not None and first[1][:1] in ("-", ":") else first
        if first is None or last is None or last[1]:
            raise ParameterProblem(f'owner: Bad value for "{option.names[0]}" option: "{texts[0]}"')
        return (first[0], last[0])

    def save(self, value: Any, facts: RuleFacts) -> str:
        """In numbers."""
        return str(value[0]) if value[0] == value[1] else f"{value[0]}-{value[1]}"

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """A single one by name without ``-n``."""
        name = accounts.name_of(value[0], self.group) if value[0] == value[1] and not numeric else None
        return name or self.save(value, facts)


class OwnerMatch(Match):
    """Match by the process that sends a packet. Without a process only what is inverted matches."""

    name = "owner"
    hooks = frozenset({Hook.OUTPUT, Hook.POSTROUTING})
    needs = "who sends the host's own packets: root, unless --owner says otherwise"

    socket = opt("--socket-exists", invertible=True, list_as="owner socket exists", help="a socket sends it")
    user = opt(
        "--uid-owner", kind=Identity(group=False), invertible=True, list_as="owner UID match", help="user, or users"
    )
    group = opt(
        "--gid-owner", kind=Identity(group=True), invertible=True, list_as="owner GID match", help="group, or groups"
    )
    supplementary = opt("--suppl-groups", list_as="incl. suppl. groups", help="any of the process's groups will do")

    @classmethod
    def read_option(cls, option: Option, texts: Sequence[str], before: OptionUses, facts: RuleFacts) -> Any:
        """--suppl-groups stands behind what it belongs to."""
        if option is cls.supplementary and "group" not in before.values:
            raise ParameterProblem('owner: Bad value for "--suppl-groups" option: "you need to use --gid-owner first"')
        return super().read_option(option, texts, before, facts)

    def check(self, facts: RuleFacts) -> None:
        """Something must be asked for."""
        if not self.values:
            raise ParameterProblem("owner: At least one of --uid-owner, --gid-owner or --socket-exists is required")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """Ranges must not be reversed."""
        pairs = (pair for pair in (self.user, self.group) if pair is not None)
        return "the range is reversed" if any(low > high for low, high in pairs) else None

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``! owner UID match root``."""
        text = ""
        for option in self.options.values():
            if self.has(option):
                value = option.kind.list(self.values[option.attribute], facts, numeric) if option.kind.words else ""
                text += f"{' !' if self.inverts(option) else ''} {option.list_as}{value and ' ' + value}"
        return text

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """A socket, the user, then the group."""
        cls = type(self)
        yield self.wants(cls.socket, facts, lambda negate: Test("owner.socket", lambda skb: _has(skb) != negate))
        yield self.wants(cls.user, facts, lambda negate: self._test("user", 0, negate))
        yield self.wants(cls.group, facts, lambda negate: self._test("group", 1, negate))

    def _test(self, attribute: str, place: int, negate: bool) -> Predicate:
        low, high = self.values[attribute]

        def holds(skb: Any) -> bool:
            owner = owner_of(skb, f"the {attribute} of the process that sends")
            if owner is None and self.supplementary:
                return False
            number = owner[place] if owner is not None else None
            return (number is not None and low <= number <= high) != negate

        return Test(f"owner.{attribute}", holds)


def _has(skb: Any) -> bool:
    return owner_of(skb, "whether a process sends it") is not None
