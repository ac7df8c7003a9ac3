"""R301."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.lint.alike import condition, constant
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import HOSTS_OWN, beginning, behind, covering, named, places, provable, verdicts, witness
from pyiptables.lint.subject import PlacedRule, Subject

ACCEPTS = frozenset(("ACCEPT",))
DENIES = frozenset(("DROP", "REJECT"))
ORDINARY = "! -i lo ! -o lo"


class Unreachable(Check):
    """A rule that no packet comes to: the rules before it take everything that it asks for.

    Not one earlier rule need cover it: all of them together count, along every way from the hooks through jumps and gotos,
    over the other tables, and the rules that take it are named. What is not modelled (string, limit, time ...) only ever
    makes the later rule larger and the earlier ones smaller. It is an error where the earlier rules decide the opposite,
    for then one of them is a mistake; else the rule is only superfluous, which is information.

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
        for family in provable(subject):
            reach = subject.reach(family)
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
                        if ended:
                            break  # R303 has said so
                        ended = rule.unconditional and rule.ends
                        first = seen.setdefault(condition(rule.spec), rule)
                        if first is not rule and first.ends and constant(rule.spec, table.name):
                            continue  # R308 or S205
                        if reach.dead(table.name, chain.name, number):
                            found = self._about(subject, rule)
                            if found is not None:
                                yield found

    def _about(self, subject: Subject, rule: PlacedRule) -> Finding | None:
        reach = subject.reach(rule.family)
        if not reach.matches(rule.table, rule.chain, rule.number).may:
            return None  # it contradicts itself: W109
        if any(match.name in HOSTS_OWN for match in rule.spec.matches):
            return None
        taking = covering(subject, reach, rule)
        if not taking:
            text = f"no packet that this rule asks for comes to {rule.chain}"
            proof = Proof(note="the conditions of the jumps to it keep them out")
            return self.at(subject, rule, text, proof=proof, severity=Severity.INFO)
        asked = reach.matches(rule.table, rule.chain, rule.number).may
        alone = (each for each in taking if each.chain == rule.chain and each.ends)
        enough = [each for each in alone if asked <= reach.matches(each.table, each.chain, each.number).must]
        taking = enough[:1] or taking
        together = " together" if len(taking) > 1 else ""
        take = "take" if len(taking) > 1 else "takes"
        text = f"{named(taking)}{together} {take} all that this rule asks for"
        asked = asked & beginning(reach, ORDINARY, rule.table) or asked
        opposite = _opposite(reach, rule, taking, asked)
        deciding = DENIES if rule.spec.target_name in ACCEPTS else ACCEPTS
        beyond = [each for one in taking for each in (one, *behind(reach, one))]
        takers = [each for each in beyond if each.spec.target_name in deciding]
        packet = witness(subject, rule, takers, asked) if opposite else None
        severity = Severity.ERROR if opposite else Severity.INFO
        return self.at(subject, rule, text, proof=Proof(places(subject, taking), packet), severity=severity)


def _opposite(reach: Reach, rule: PlacedRule, taking: list[PlacedRule], asked: PacketSet) -> bool:
    """Whether the rules that take it decide the opposite about what it is for.

    That is what begins a connection and does not come from the host itself: that ESTABLISHED is accepted first, INVALID
    dropped, and loopback accepted, is how firewalls are written.
    """
    does = rule.spec.target_name
    if rule.table != "filter" or does not in ACCEPTS | DENIES:
        return False
    done = verdicts(reach, taking, asked)
    for each in taking:  # one that alone would cover it: those before are its exceptions
        if each.chain == rule.chain and each.ends and asked <= reach.matches(each.table, each.chain, each.number).must:
            done = verdicts(reach, [each], asked) if each.spec.goto else {each.spec.target_name}
            break
    return bool(done) and (done <= DENIES if does in ACCEPTS else done <= ACCEPTS)
