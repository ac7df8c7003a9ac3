"""Asking the analysis of packet sets, and turning its answers into proofs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyiptables.analysis.diagrams import AnalysisError
from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.hooks import Family, Hook
from pyiptables.lint.finding import Place
from pyiptables.lint.subject import PlacedRule, Subject

HOSTS_OWN = frozenset(
    ("physdev", "policy", "rpfilter", "socket", "realm", "cgroup", "devgroup", "ipvs", "cluster", "cpu", "owner", "bpf"),
)  # fmt: skip
"""Matches about bridges, processes, policies and the like, which the rules and a packet do not show."""
BEGINS = "-m conntrack --ctstate NEW,UNTRACKED"
"""What begins a connection, where connections are tracked; where they are not, all packets are INVALID to a state match."""
_PORTS = frozenset(("tcp", "udp", "sctp", "dccp", "udplite", "multiport"))
_GROUPS = {Family.IPV4: "224.0.0.0/4", Family.IPV6: "ff00::/8"}
MOST_CONSUMERS = 8
"""Covering rules that a finding names."""


def provable(subject: Subject) -> Iterator[Family]:
    """The families of which all was read, so that what the analysis says is true of the rules in the files."""
    for family in subject.families:
        reading = subject.readings[family]
        if reading.complete and not reading.lost and not reading.outside and reading.ruleset.tables:
            try:
                subject.reach(family)
            except AnalysisError as error:
                subject.notes.setdefault(
                    f"{subject.sources[0].path}: what needs packet sets is not checked: {error.text}"
                )
                continue
            yield family


def placed(subject: Subject, family: Family, table: str, chain: str, number: int) -> PlacedRule:
    """The rule of that number."""
    rule = subject.ruleset(family).tables[table].chains[chain].rules[number - 1]
    return PlacedRule(family, table, chain, number, rule)


def covering(subject: Subject, reach: Reach, rule: PlacedRule) -> list[PlacedRule]:
    """The earlier rules that take what a rule asks for, in the order in which a packet meets them."""
    found = reach.consumers(rule.table, rule.chain, rule.number)
    return [placed(subject, rule.family, each.table, each.chain, each.number) for each in found if each.number]


def places(subject: Subject, rules: list[PlacedRule]) -> tuple[Place, ...]:
    """The places of covering rules, some eight at most."""
    return tuple(subject.place(rule) for rule in rules[:MOST_CONSUMERS])


def selected(reach: Reach, words: str, table: str) -> PacketSet:
    """The packets that conditions select, said in iptables' words."""
    from pyiptables.syntax.reader import Reader

    spec = Reader(reach.ruleset.family).read(["-A", "x", *words.split()], table).specs[0]
    return PacketSet(reach.space, reach.flow.reader.rule(spec, table, reach.flow.stage(table))[0].may)


def beginning(reach: Reach, words: str, table: str) -> PacketSet:
    """The packets among those that conditions select that begin a connection, as far as that can be told."""
    return selected(reach, f"{words} {BEGINS}" if reach.flow.tracking else words, table)


def verdicts(reach: Reach, rules: list[PlacedRule], packets: PacketSet) -> set[str]:
    """What the rules decide about packets of a set that come to them: names of verdicts and targets."""
    found: set[str] = set()
    for rule in rules:
        here = packets if rule.spec.jump == "RETURN" else reach.takes(rule.table, rule.chain, rule.number).may & packets
        if rule.spec.jump == "RETURN" or not here:
            continue
        if not rule.spec.goto:
            found.add(rule.spec.target_name)
            continue
        beyond = [each for each in behind(reach, rule) if each.ends]
        found |= verdicts(reach, [each for each in beyond if not each.spec.goto], here)
        for each in beyond:
            here = here - reach.takes(each.table, each.chain, each.number).must
        if here:  # comes to the end of the chain, or goes on in another
            found.add(reach.ruleset.tables[rule.table].chains[rule.chain].policy or rule.spec.target_name)
    return found


def behind(reach: Reach, rule: PlacedRule) -> list[PlacedRule]:
    """The rules of the chain that a goto leads to; none for other rules."""
    chain = reach.ruleset.tables[rule.table].chains.get(rule.spec.jump or "") if rule.spec.goto else None
    rules = chain.rules if chain is not None else ()
    return [
        PlacedRule(rule.family, rule.table, rule.spec.jump or "", number, each) for number, each in enumerate(rules, 1)
    ]


def named(rules: list[PlacedRule]) -> str:
    """``rule 1 of INPUT``, ``rules 1, 2 of INPUT and 1 of web``: a few of them; with their tables where those differ."""
    chains: dict[str, list[str]] = {}
    apart = len({rule.table for rule in rules}) > 1
    for rule in rules[:MOST_CONSUMERS]:
        chains.setdefault(f"{rule.table}'s {rule.chain}" if apart else rule.chain, []).append(str(rule.number))
    parts = [f"{', '.join(numbers)} of {chain}" for chain, numbers in chains.items()]
    more = " and others" if len(rules) > MOST_CONSUMERS else ""
    return f"rule{'s' if len(rules) > 1 else ''} {' and '.join(parts)}{more}"


def witness(subject: Subject, rule: PlacedRule, takers: list[PlacedRule], packets: PacketSet) -> str | None:
    """A packet that a rule asks for and an earlier one surely takes, as it arrives; None where none can be written."""
    reach = subject.reach(rule.family)
    hooks = reach.hooks_of(rule.table, rule.chain)
    for taker in takers[:MOST_CONSUMERS]:
        taken = reach.takes(taker.table, taker.chain, taker.number).must & packets
        for hook in hooks if taken else ():
            line = shown(subject, rule.family, taken, hook)
            if line is not None:
                return line
    return None


def shown(subject: Subject, family: Family, packets: PacketSet, hook: Hook) -> str | None:
    """A packet of a set at a hook, as it arrives; None where none can be written, or a trace could not show it.

    Where no host is given a trace takes the destination of what arrives for its own: it could not show a forwarded one.
    """
    reach = subject.reach(family)
    if subject.host is None:
        if hook not in (Hook.INPUT, Hook.OUTPUT):
            return None
        packets = packets & selected(reach, f"! -d {_GROUPS[family]}", "filter")  # which nobody has joined
    return reach.witness(packets, hook) if packets else None


def _elsewhere(reach: Reach, rule: PlacedRule) -> PacketSet:
    """What a rule would ask for without its words about the destination; nothing when it has none."""
    kept = tuple(match for match in rule.spec.matches if match.name not in _PORTS)
    spec = replace(rule.spec, destination=None, matches=kept)
    if spec == rule.spec:
        return PacketSet(reach.space, reach.space.false)
    pair = reach.flow.reader.rule(spec, rule.table, reach.flow.stage(rule.table))[0]
    return PacketSet(reach.space, pair.may) & beginning(reach, "! -i lo", rule.table)


def behind_translation(subject: Subject, family: Family, hook: Hook) -> Iterator[PlacedRule]:
    """The rules of filter chains that this hook alone leads to and that ask for a destination, where some is translated."""
    if not any(rule.family is family and rule.table == "nat" for rule in subject.using("DNAT", "REDIRECT")):
        return
    reach, settings = subject.reach(family), subject.settings
    table = subject.ruleset(family).tables.get("filter")
    for chain in table.chains.values() if table is not None else ():
        if settings.is_foreign(chain.name) or reach.hooks_of("filter", chain.name) != (hook,):
            continue
        for number, rule in enumerate(chain.rules, 1):
            if rule.spec.destination is not None or any(match.name in _PORTS for match in rule.spec.matches):
                yield PlacedRule(family, "filter", chain.name, number, rule)


def translators(subject: Subject, rule: PlacedRule) -> list[PlacedRule]:
    """The rules of PREROUTING's nat that send elsewhere all that begins a connection and that a filter rule asks for.

    None when some such packet comes to the rule all the same, or when rules of its own table keep it from coming.
    """
    reach = subject.reach(rule.family)
    asked = reach.matches(rule.table, rule.chain, rule.number).may & beginning(reach, "! -i lo", rule.table)
    if not asked or reach.takes(rule.table, rule.chain, rule.number).may & asked:
        return []
    if not reach.chain_arrives(rule.table, rule.chain).may & _elsewhere(reach, rule):
        return []  # nor would it take any with another destination
    if verdicts(reach, covering(subject, reach, rule), asked):
        return []
    found = []
    for name in ("DNAT", "REDIRECT"):
        for each in subject.using(name):
            if each.family is rule.family and reach.takes(each.table, each.chain, each.number).may & asked:
                found.append(each)
    return [each for each in found if Hook.PREROUTING in reach.hooks_of(each.table, each.chain)]
