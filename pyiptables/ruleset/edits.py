"""Changing a table: a working copy that takes edits and becomes a frozen table again.

Only the chains that change are copied. What is refused is refused as libiptc does, with its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from pyiptables.errors import OperationFailed
from pyiptables.hooks import Hook
from pyiptables.ruleset.model import STANDARD_VERDICTS, ZERO, Chain, Counters, Rule, RuleSpec, Table

NO_SUCH_NAME = "No chain/target/match by that name."
NO_SUCH_RULE = "Bad rule (does a matching rule exist in that chain?)."
INVALID = "Invalid argument. Run `dmesg' for more information."
_HOOK_NAMES = frozenset(hook.name for hook in Hook)


class _Working:
    """A chain while it is being changed."""

    __slots__ = ("before", "counters", "policy", "policy_set", "rules")

    def __init__(self, chain: Chain) -> None:
        self.before = chain.rules
        self.policy_set = False
        self.rules = list(chain.rules)
        self.policy = chain.policy
        self.counters = chain.counters


class TableEdit:
    """A table being changed. Every method raises OperationFailed where libiptc would refuse; nothing is then changed.

    Rule numbers count from 1. :meth:`commit` gives the new table; ``changed`` says whether there is anything new.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._chains: dict[str, Chain | _Working] = dict(table.chains)
        self._references: Counter[str] | None = None
        self._alike: dict[str, dict[RuleSpec, list[Rule]]] = {}
        self._pointing: dict[str, list[tuple[str, int]]] | None = None
        self._sorted = True
        self.changed = False

    @property
    def name(self) -> str:
        """The table's name."""
        return self._table.name

    # looking

    def is_chain(self, name: str | None) -> bool:
        """Whether there is a chain of that name."""
        return name in self._chains

    def is_built_in(self, name: str) -> bool:
        """Whether a chain of that name stands at a hook."""
        found = self._chains.get(name)
        return found is not None and found.policy is not None

    def chain_names(self, built_in: bool = True) -> list[str]:
        """The names of the chains in listing order; only the user-defined ones with ``built_in=False``."""
        names = [name for name, chain in self._chains.items() if chain.policy is not None]
        users = [name for name, chain in self._chains.items() if chain.policy is None]
        if not self._sorted:
            users.sort(key=_bytes)
        return names + users if built_in else users

    def find(self, chain: str, spec: RuleSpec) -> int:
        """The number of the first rule that says the same; OperationFailed as -D and -C word it."""
        found = self._chains.get(chain)
        if found is not None:
            self._check_jump(spec)
            alike = self._rules_by_spec(chain, found).get(spec.comparable)
            if alike:
                if len(alike) == 1 and alike[0] is found.rules[-1]:
                    return len(found.rules)
                wanted = set(map(id, alike))
                return next(number for number, rule in enumerate(found.rules, 1) if id(rule) in wanted)
            if spec.target is not None or spec.jump not in (None, *STANDARD_VERDICTS):
                raise OperationFailed(NO_SUCH_NAME)
        raise OperationFailed(NO_SUCH_RULE)

    # rules

    def append(self, chain: str, spec: RuleSpec, counters: Counters = ZERO, line: int = 0) -> None:
        """Add a rule at the end."""
        working = self._chains.get(chain)
        if working.__class__ is not _Working:
            working = self._open(chain)
        assert isinstance(working, _Working)
        if spec.jump in _HOOK_NAMES:
            self._check_jump(spec)
        rule = Rule(spec, counters, line)
        working.rules.append(rule)
        if self._references is not None:
            self._refer(spec, 1)
        if self._pointing is not None and spec.jump is not None:
            self._pointing.setdefault(spec.jump, []).append((chain, len(working.rules) - 1))
        if self._alike and chain in self._alike:
            self._alike[chain].setdefault(spec.comparable, []).append(rule)

    def insert(self, chain: str, number: int, spec: RuleSpec, counters: Counters = ZERO, line: int = 0) -> None:
        """Put a rule before the one of that number, or at the end when the number is one more than the last."""
        working = self._open(chain)
        if number > len(working.rules) + 1:
            raise OperationFailed("Index of insertion too big.")
        self._check_jump(spec)
        self._forget(chain)
        working.rules.insert(number - 1, Rule(spec, counters, line))
        self._refer(spec, 1)

    def replace(self, chain: str, number: int, spec: RuleSpec, counters: Counters = ZERO, line: int = 0) -> None:
        """Put a rule in place of the one of that number."""
        working = self._open(chain)
        if number > len(working.rules):
            raise OperationFailed("Index of replacement too big.")
        self._check_jump(spec)
        self._refer(working.rules[number - 1].spec, -1)
        self._forget(chain)
        working.rules[number - 1] = Rule(spec, counters, line)
        self._refer(spec, 1)

    def delete_number(self, chain: str, number: int) -> None:
        """Remove the rule of that number."""
        working = self._open(chain)
        if not 0 < number <= len(working.rules):
            raise OperationFailed("Index of deletion too big.")
        self._pointing = None
        rule = working.rules.pop(number - 1)
        self._refer(rule.spec, -1)
        if chain in self._alike:
            alike = self._alike[chain][rule.spec.comparable]
            alike[:] = [one for one in alike if one is not rule]

    def delete(self, chain: str, spec: RuleSpec) -> None:
        """Remove the first rule that says the same."""
        self.delete_number(chain, self.find(chain, spec))

    # chains

    def flush(self, chain: str) -> None:
        """Remove all rules of a chain."""
        working = self._open(chain)
        for rule in working.rules:
            self._refer(rule.spec, -1)
        self._forget(chain)
        working.rules.clear()

    def zero(self, chain: str) -> None:
        """Set the counters of a chain's rules and policy to 0.

        As in libiptc, that is for counters that the kernel has: rules and policies set in this same edit keep theirs.
        """
        working = self._open(chain)
        self._alike.pop(chain, None)
        before = set(map(id, working.before))
        working.rules = [Rule(rule.spec, ZERO, rule.line) if id(rule) in before else rule for rule in working.rules]
        if not working.policy_set:
            working.counters = ZERO

    def zero_rule(self, chain: str, number: int) -> None:
        """Set the counters of one rule to 0, unless it was set in this same edit."""
        working = self._open(chain)
        if not 0 < number <= len(working.rules):
            raise OperationFailed("Index of counter too big.")
        rule = working.rules[number - 1]
        if any(rule is old for old in working.before):
            self._alike.pop(chain, None)
            working.rules[number - 1] = Rule(rule.spec, ZERO, rule.line)

    def create(self, chain: str) -> None:
        """Add an empty user-defined chain."""
        if chain in self._chains or chain in STANDARD_VERDICTS:
            raise OperationFailed("Chain already exists.")
        self._chains[chain] = Chain(chain)
        self._sorted = False
        self.changed = True

    def delete_chain(self, chain: str) -> None:
        """Remove a user-defined chain, which must be empty and pointed to by no rule."""
        found = self._chains.get(chain)
        if found is None:
            raise OperationFailed(NO_SUCH_NAME)
        if found.policy is not None:
            raise OperationFailed(INVALID, hint=f"{chain} is a built-in chain")
        if self._counted()[chain] > 0:
            raise OperationFailed("Too many links.")
        if found.rules:
            raise OperationFailed("Directory not empty.")
        del self._chains[chain]
        self.changed = True

    def clear(self) -> None:
        """Remove all rules and all user-defined chains; policies and their counters stay, as iptables-restore has it."""
        for name in list(self._chains):
            if self.is_built_in(name):
                self._open(name).rules.clear()
            else:
                del self._chains[name]
        self._references = self._pointing = None
        self._alike.clear()
        self.changed = True

    def rename(self, old: str, new: str) -> None:
        """Give a user-defined chain another name, in the rules that point to it too."""
        if new in self._chains or new in STANDARD_VERDICTS:
            raise OperationFailed("File exists.")
        if old not in self._chains or self.is_built_in(old):
            raise OperationFailed(NO_SUCH_NAME)
        self._chains[new] = self._chains.pop(old)
        pointing = self._places_by_jump()
        if old in pointing:
            pointing[new] = [(new if name == old else name, place) for name, place in pointing.pop(old)]
            for name, place in pointing[new]:
                rules = self._open(name).rules
                rules[place] = _renamed(rules[place], new)
        if isinstance(found := self._chains[new], Chain):
            self._chains[new] = Chain(new, found.rules)
        if found.rules:
            self._pointing = None  # which knows its rules by the old name
        self._references = None
        self._alike.clear()
        self._sorted = False
        self.changed = True

    def set_policy(self, chain: str, policy: str, counters: Counters = ZERO) -> None:
        """Set the policy of a built-in chain, ACCEPT or DROP, and its counters."""
        if not self.is_built_in(chain):
            raise OperationFailed("Bad built-in chain name.")
        if policy not in ("ACCEPT", "DROP"):
            raise OperationFailed("Bad policy name. Run `dmesg' for more information.")
        working = self._open(chain)
        working.policy = policy
        working.policy_set = True
        working.counters = counters

    def commit(self) -> Table:
        """The table as it is now: the very same one when nothing was changed."""
        if not self.changed:
            return self._table
        chains = {name: self._frozen(name) for name in self.chain_names()}
        return Table(self.name, MappingProxyType(chains))

    # inside

    def _open(self, chain: str) -> _Working:
        found = self._chains.get(chain)
        if found.__class__ is not _Working:
            if found is None:
                raise OperationFailed(NO_SUCH_NAME, hint=f"there is no chain {chain} in the table {self.name}")
            assert isinstance(found, Chain)
            found = self._chains[chain] = _Working(found)
        self.changed = True
        assert isinstance(found, _Working)
        return found

    def _frozen(self, name: str) -> Chain:
        found = self._chains[name]
        return found if isinstance(found, Chain) else Chain(name, tuple(found.rules), found.policy, found.counters)

    def _forget(self, chain: str) -> None:
        """Rules of a chain change their places or go."""
        self._alike.pop(chain, None)
        self._pointing = None

    def _places_by_jump(self) -> dict[str, list[tuple[str, int]]]:
        """Where the rules that jump stand, chain and index, by the chain that they jump to."""
        found = self._pointing
        if found is None:
            found = self._pointing = {}
            for name, chain in self._chains.items():
                for place, rule in enumerate(chain.rules):
                    if rule.spec.jump is not None:
                        found.setdefault(rule.spec.jump, []).append((name, place))
        return found

    def _rules_by_spec(self, name: str, chain: Chain | _Working) -> dict[RuleSpec, list[Rule]]:
        """The chain's rules by what they say, so that many deletions need not look through it each time."""
        found = self._alike.get(name)
        if found is None:
            found = self._alike[name] = {}
            for rule in chain.rules:
                found.setdefault(rule.spec.comparable, []).append(rule)
        return found

    def _check_jump(self, spec: RuleSpec) -> None:
        jump = spec.jump
        if jump is not None and jump in self._chains and self.is_built_in(jump):
            raise OperationFailed(INVALID, hint=f"{jump} is a built-in chain, which no rule can jump to")

    def _refer(self, spec: RuleSpec, change: int) -> None:
        if self._references is not None and spec.jump is not None:
            self._references[spec.jump] += change

    def _counted(self) -> Counter[str]:
        if self._references is None:
            self._references = Counter(jump for jump in self._jumps() if jump is not None)
        return self._references

    def _jumps(self) -> Iterator[str | None]:
        for chain in self._chains.values():
            for rule in chain.rules:
                yield rule.spec.jump


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _renamed(rule: Rule, new: str) -> Rule:
    return Rule(replace(rule.spec, jump=new), rule.counters, rule.line)
