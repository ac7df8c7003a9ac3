"""What lint finds by packet sets, held against packets that are sent: nothing comes where it says that nothing comes.

Called with ruleset files. At each rule that a finding calls dead, and at all others, packets are aimed, conversations
with answers and errors among them, on hosts whose addresses and routes differ; the rule's counter must stay 0. What N402
says is refused must not come through, and each witness is traced. With --misses, the rules are listed that no packet met
though many were aimed at them, and that lint did not call dead: to be read, for some cannot be aimed at.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

from aimed import Aim, Place, Range

from pyiptables.cli.inputs import assumed_host
from pyiptables.errors import Error
from pyiptables.hooks import Family, Hook
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.proofs import placed
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source
from pyiptables.lint.subject import Subject
from pyiptables.lint.translated import goal, hooks_behind
from pyiptables.netfilter import Engine
from pyiptables.netfilter.arriving import handed_over
from pyiptables.packet.conversation import parse_conversation
from pyiptables.trace import events
from pyiptables.trace.events import Trace

DEAD = ("R301", "R303", "R308", "N401", "N403", "N410", "N411", "C504", "W104", "W105", "W106", "W107", "W109", "W110")
CHECKED = (*DEAD, "N402")
HOSTS = 6
AT_DEAD, AT_OTHERS, AGAIN = 40, 3, 40
MOST = 6000
"""Shots at a ruleset."""


def dead(subject: Subject, findings: list[Finding]) -> Iterator[tuple[Family, Place, Finding]]:
    """The rules that findings say no packet meets."""
    for finding in findings:
        place, family = finding.place, finding.family
        if finding.code not in DEAD or family is None or not place.number or "every packet" in finding.message:
            continue
        last = place.number
        if finding.code == "R303":
            last = len(subject.ruleset(family).tables[place.table].chains[place.chain].rules)
        for number in range(place.number, last + 1):
            yield family, (place.table, place.chain, number), finding


def counted(ranges: list[Range]) -> Counter[Place]:
    """How many packets each rule has met on all hosts."""
    found: Counter[Place] = Counter()
    for each in ranges:
        for table, chain, number, rule in each.engine.snapshot().rules():
            before = each.engine.ruleset.tables[table.name].chains[chain.name].rules[number - 1].counters.packets
            found[table.name, chain.name, number] += rule.counters.packets - before
    return found


def shot_at(aim: Aim, ranges: list[Range], places: list[Place], times: int, most: int = MOST) -> None:
    """Aim at each place some times, on all hosts in turn; fewer times where there are very many places."""
    times = max(1, min(times, most // max(1, len(places))))
    for place in places if len(places) <= most else aim.random.sample(places, most):
        for _ in range(times):
            aim.random.choice(ranges).shoot(place)


def came_through(trace: Trace, place: Place) -> bool:
    """Whether a packet met a nat rule, and was delivered or left the host."""
    depth, met = 0, False
    for event in trace.events:
        depth += isinstance(event, events.Made) - isinstance(event, events.MadeEnd)
        if depth:
            continue
        if isinstance(event, events.RuleMatched) and (event.table, event.chain, event.number) == place:
            met = True
        if met and isinstance(event, events.Delivered | events.Sent):
            return True
    return False


def in_vain(subject: Subject, aim: Aim, finding: Finding) -> tuple[int, bool]:
    """How many packets met the rule that translates in vain, and whether one came through."""
    place, met = (finding.place.table, finding.place.chain, finding.place.number), 0
    rule = placed(subject, aim.family, *place)
    chosen = goal(rule) if hooks_behind(subject, rule) == (Hook.FORWARD,) else None
    for host in aim.hosts(HOSTS):
        if chosen is not None and host.is_local(aim.family, chosen[0]):
            continue  # not the host that the rules are for
        shooting = Range(aim, host, record=True)
        for _ in range(AT_DEAD):
            typed, _, _ = aim.packet(place, host)
            trace = shooting.send(typed)
            met += any((each.table, each.chain, each.number) == place for each in trace.of(events.RuleMatched))
            if came_through(trace, place) and " from " not in finding.message:
                return met, True
    return met, False


def confirmed(subject: Subject, finding: Finding) -> bool:
    """Whether the last packet of a witness meets a rule that the finding names, or is dropped by a policy that it names."""
    assert finding.family is not None
    ruleset = subject.ruleset(finding.family)
    packets = parse_conversation(finding.proof.witness or "")
    host = assumed_host(ruleset, typed=packets[0], later=packets[1:])
    engine = Engine(ruleset, host)
    trace = Trace(0, ())
    for number, packet in enumerate(packets, 1):
        trace = engine.send(handed_over(packet, host, number=number))
    met = {(event.table, event.chain, event.number) for event in trace.of(events.RuleMatched)}
    named = {(place.table, place.chain, place.number) for place in finding.proof.covering}
    itself = (finding.place.table, finding.place.chain, finding.place.number)
    if finding.code == "N402":
        return itself in met and trace.decided is not None and trace.decided.verdict in ("DROP", "REJECT")
    return bool(met & named) and itself not in met


def problems(path: str, seed: int, misses: bool, tally: Counter[str]) -> Iterator[str]:
    """What is wrong with the findings about a file."""
    subject = read_subject([read_source(path)], Settings(select=CHECKED, floor=Severity.INFO))
    findings = list(run(subject).findings)
    for finding in findings:
        tally[f"{finding.code} {finding.severity.label}"] += 1
        if finding.proof.witness is not None:
            tally["witnesses"] += 1
            if not confirmed(subject, finding):
                yield f"{path}:{finding.place.line}: {finding.code}: the witness does not meet it: {finding.proof.witness}"
    for family, reading in subject.readings.items():
        ruleset = reading.ruleset
        aim = Aim(ruleset, seed)
        said = {place: finding for mine, place, finding in dead(subject, findings) if mine is family}
        ranges = [Range(aim, host) for host in aim.hosts(HOSTS)]
        if not ranges or not aim.specs:
            continue
        shot_at(aim, ranges, list(aim.specs), AT_OTHERS)
        shot_at(aim, ranges, list(said), AT_DEAD)
        counts = counted(ranges)
        if misses:
            left = [place for place in aim.specs if not counts[place] and place not in said]
            shot_at(aim, ranges, left, AGAIN)
            counts = counted(ranges)
            for place in left:
                if not counts[place]:
                    yield f"  never met: {path}: {' '.join(map(str, place))}"
        tally["packets"] += sum(each.sent for each in ranges)
        tally["dead rules shot at"] += len(said)
        tally["rules"] += len(aim.specs)
        tally["rules met"] += sum(bool(counts[place]) for place in aim.specs)
        for place, finding in said.items():
            if counts[place]:
                yield f"{path}:{finding.place.line}: {finding.code}: {counts[place]} packets met {' '.join(map(str, place))}"
        for finding in findings:
            if finding.code == "N402" and finding.family is family:
                met, through = in_vain(subject, aim, finding)
                tally["translated in vain"] += met
                if through:
                    yield f"{path}:{finding.place.line}: N402: a packet came through"


def main(words: list[str]) -> int:
    """Hold the findings about each file against packets; 0 when none is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--misses", action="store_true")
    given = parser.parse_args(words)
    tally: Counter[str] = Counter()
    wrong = 0
    for path in given.files:
        try:
            for text in problems(path, given.seed, given.misses, tally):
                print(text, flush=True)
                wrong += not text.startswith("  ")
        except Error as error:
            print(f"  {path}: {error.text}")
    print(", ".join(f"{number} {name}" for name, number in sorted(tally.items())))
    print(f"{wrong} findings are wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
