"""R301."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyiptables.analysis.before import Before, dead_without
from pyiptables.analysis.cover import Cover
from pyiptables.analysis.reach import Reach, RulePlace
from pyiptables.analysis.sets import PacketSet
from pyiptables.lint.alike import action, condition, constant
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import (
    HOSTS_OWN,
    beginning,
    behind,
    covering,
    named,
    placed,
    places,
    provable,
    selected,
    verdicts,
    witness,
)
from pyiptables.lint.states import states
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.fields import CT_STATES
from pyiptables.ruleset.model import RuleSpec

TRACKED = sum(CT_STATES[name] for name in ("NEW", "ESTABLISHED", "RELATED", "INVALID"))
ACCEPTS = frozenset(("ACCEPT",))
DENIES = frozenset(("DROP", "REJECT"))
ORDINARY = "! -i lo ! -o lo"
UNSEEN = HOSTS_OWN - {"owner"}
"""Matches about what neither rules nor packets show; whose process sends is the same for the rules before."""


class Unreachable(Check):
    """A rule that no packet comes to: the rules before it take everything that it asks for.

    Not one earlier rule need cover it: all of them together count, along every way from the hooks through jumps and gotos,
    over the other tables, and the rules that take it are named. What is not modelled (string, limit, time ...) only ever
    makes the later rule larger and the earlier ones smaller. It is an error where the earlier rules decide the opposite,
    for then one of them is a mistake; else the rule is only superfluous, which is information. A jump counts as what its chain
    decides. Rules that decide the same before, about a part, are taken for exceptions of those that decide the opposite.

    Nothing is said where a line could not be read, or a script's commands may run or not.

    Bad:
        -A INPUT -s 192.0.2.0/24 -j DROP
        -A INPUT -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT
        -A INPUT -s 192.0.2.0/24 -j DROP

    Suppress when:
        the rule before is there for a while only.
    """

    code = "R301"
    name = "unreachable-rule"
    severity = Severity.ERROR

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The rules that take no packet, in chains that some packet comes to."""
        cut_off = subject.settings.wants("R303", default=True)
        paired = all(subject.settings.wants(code, default=True) for code in ("R308", "S205"))
        for family in provable(subject):
            reach = subject.reach(family)
            earlier = Before(reach)
            for table in subject.ruleset(family).tables.values():
                for chain in table.chains.values():
                    if subject.settings.is_foreign(chain.name):
                        continue
                    if not chain.rules or not reach.chain_arrives(table.name, chain.name).may:
                        continue
                    seen: dict[object, PlacedRule] = {}
                    ended = False
                    for number, each in enumerate(chain.rules, 1):
                        rule = PlacedRule(family, table.name, chain.name, number, each)
                        if ended and cut_off:
                            break  # R303 says so
                        ended = ended or (rule.unconditional and rule.ends)
                        first = seen.setdefault(condition(rule.spec), rule)
                        if paired and first is not rule and _said(first, rule, table.name):
                            continue
                        if reach.dead(table.name, chain.name, number):
                            again = first is not rule and action(first.spec) == action(rule.spec)
                            found = self._about(subject, rule, earlier, again)
                            if found is not None:
                                yield found

    def _about(self, subject: Subject, rule: PlacedRule, earlier: Before, again: bool) -> Finding | None:
        reach = subject.reach(rule.family)
        asked = reach.matches(rule.table, rule.chain, rule.number).may
        if not asked:
            return None  # it contradicts itself: W109
        own = any(match.name in UNSEEN for match in rule.spec.matches)
        if own and not dead_without(reach, RulePlace(rule.table, rule.chain, rule.number), UNSEEN):
            return None
        taking = covering(subject, reach, rule)
        ordinary = _ordinary(earlier, rule, asked)
        early, all_of_it = earlier.drops(rule.table, rule.chain, ordinary)
        dropping = [placed(subject, rule.family, each.table, each.chain, each.number) for each in early]
        if not taking and not all_of_it:
            text = f"no packet that this rule asks for comes to {rule.chain}"
            proof = Proof(note="the conditions of the jumps to it keep them out")
            return self.at(subject, rule, text, proof=proof, severity=Severity.INFO)
        if all_of_it:
            taking = []
        alone = (each for each in taking if each.chain == rule.chain and each.ends)
        enough = [each for each in alone if asked <= reach.matches(each.table, each.chain, each.number).must]
        taking = enough[:1] or dropping + taking
        found, against = taking, frozenset[str]()
        if not again and not _is_net(rule, taking):  # what is said again is decided as before
            against, taking = self._against(subject, rule, taking, ordinary, earlier)
        before = [each for each in found if each not in taking and against]
        note = f"some of it is decided before, by {named(before)}" if before else ""
        together, take = (" together", "take") if len(taking) > 1 else ("", "takes")
        text = f"{named(taking)}{together} {take} all that this rule asks for"
        beyond = [each for one in taking for each in (one, *behind(reach, one))]
        takers = [each for each in beyond if each.spec.target_name in against]
        packet = witness(subject, rule, takers, ordinary) if against else None
        severity = Severity.ERROR if against else Severity.INFO
        return self.at(subject, rule, text, proof=Proof(places(subject, taking), packet, note), severity=severity)

    @staticmethod
    def _against(
        subject: Subject, rule: PlacedRule, taking: list[PlacedRule], asked: PacketSet, earlier: Before
    ) -> tuple[frozenset[str], list[PlacedRule]]:
        """What the rules that take it decide where that is the opposite, none where not; and which rules those are.

        A jump is as its chain: where that would decide both, it is the opposite of one.
        """
        if rule.table != "filter":
            return frozenset(), taking
        does = _decisions(earlier.reach, rule, asked)
        for kind, other in ((ACCEPTS, DENIES), (DENIES, ACCEPTS)):
            if not does & kind:
                continue
            if _decide(earlier.reach, rule, taking, asked, other):
                return other, taking
            # What decides the same before may be the exception of what decides the opposite.
            cover = Cover(earlier, other).of(RulePlace(rule.table, rule.chain, rule.number), asked)
            found = [placed(subject, rule.family, each.table, each.chain, each.number) for each in cover]
            if _touched(earlier.reach, found, asked):
                return other, found
        return frozenset(), taking


def _said(first: PlacedRule, rule: PlacedRule, table: str) -> bool:
    """Whether R308 or S205 says it of two rules with the same conditions."""
    if not first.ends or not constant(rule.spec, table):
        return False
    decided = {"accept" if each.spec.target_name in ACCEPTS else "deny" for each in (first, rule)}
    plain = {first.spec.target_name, rule.spec.target_name} <= ACCEPTS | DENIES
    return (plain and len(decided) > 1) or action(first.spec) == action(rule.spec)


def _is_net(rule: PlacedRule, taking: list[PlacedRule]) -> bool:
    """Whether a rule takes whatever is left where rules by state have left nothing: a net below, and no mistake."""
    known = 0
    for each in taking:
        if replace(each.spec, matches=(), jump=None, target=None, goto=False) == RuleSpec():
            known |= states(each.spec) or 0
    return rule.unconditional and known & TRACKED == TRACKED


def _decisions(reach: Reach, rule: PlacedRule, asked: PacketSet) -> set[str]:
    """What a rule decides, by itself or in the chains that it leads to."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = [rule]
    while todo:
        each = todo.pop()
        chain = reach.ruleset.tables[rule.table].chains.get(each.spec.jump or "")
        if chain is None:
            found |= {each.spec.target_name} if each.ends and each.spec.jump != "RETURN" else set()
        elif chain.name not in seen:
            seen.add(chain.name)
            inner = (PlacedRule(rule.family, rule.table, chain.name, at, one) for at, one in enumerate(chain.rules, 1))
            todo += [one for one in inner if asked & reach.matches(one.table, one.chain, one.number).may]
    return found


def _ordinary(earlier: Before, rule: PlacedRule, asked: PacketSet) -> PacketSet:
    """Of what a rule asks for, what it is for, from others if they send any: what begins a connection.

    Where it asks for none of that, one that accepts is for what belongs to connections, one that denies for the rest.
    """
    reach = earlier.reach
    real = asked & earlier.possible
    others = selected(reach, ORDINARY, rule.table)
    accepts = _decisions(reach, rule, asked) & ACCEPTS
    rest = selected(reach, f"-m conntrack --ctstate {'RELATED,ESTABLISHED' if accepts else 'INVALID'}", rule.table)
    first = beginning(reach, "", rule.table)
    for part in (first & others, rest & others, first, rest):
        if real & part:
            return real & part
    return real or asked


def _touched(reach: Reach, rules: list[PlacedRule], asked: PacketSet) -> bool:
    """Whether rules surely decide about some packets of a set that come to them."""
    return any(
        reach.takes(each.table, each.chain, each.number).must & asked for each in rules if each.table == "filter"
    )


def _decide(
    reach: Reach, rule: PlacedRule, taking: list[PlacedRule], asked: PacketSet, opposite: frozenset[str]
) -> bool:
    """Whether the rules that take it decide the opposite about what it is for.

    That is what begins a connection and does not come from the host itself: that ESTABLISHED is accepted first, INVALID
    dropped, and loopback accepted, is how firewalls are written.
    """
    done = {"DROP"} if any(each.table != rule.table for each in taking) else set()
    done |= verdicts(reach, [each for each in taking if each.table == rule.table], asked)
    for each in taking:  # one that alone would cover it: those before are its exceptions
        if each.chain == rule.chain and each.ends and asked <= reach.matches(each.table, each.chain, each.number).must:
            done = verdicts(reach, [each], asked) if each.spec.goto else {each.spec.target_name}
            break
    return bool(done) and done <= opposite
