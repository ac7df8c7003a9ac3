"""S211."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.subject import ScriptStep, Subject


class ReversedInserts(Check):
    """Rules put in with ``-I`` one after the other: they stand in the chain in the reverse order.

    Each ``-I CHAIN`` without a number puts its rule first, before those put in earlier. Where one accepts and another
    drops, the order decides, and it is not that of the text.

    Bad:
        iptables -I INPUT -s 192.0.2.7 -j ACCEPT
        iptables -I INPUT -s 192.0.2.0/24 -j DROP

    Good:
        iptables -I INPUT 1 -s 192.0.2.7 -j ACCEPT
        iptables -I INPUT 2 -s 192.0.2.0/24 -j DROP

    Suppress when:
        the script is written from the bottom up on purpose.
    """

    code = "S211"
    name = "reversed-inserts"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """For each run of insertions into one chain with different verdicts, its second command."""
        runs: dict[tuple[Family, str, str], list[ScriptStep]] = {}
        for step in subject.steps:
            command = step.command
            if command is None or not command.specs or command.chain is None:
                continue
            key = (step.family, command.table, command.chain)
            if command.letter == "I" and command.number == 1 and step.certain:
                runs.setdefault(key, []).append(step)
        for (family, table, chain), steps in runs.items():
            verdicts = {step.command.specs[0].target_name for step in steps if step.command is not None}
            if len(steps) < 2 or "ACCEPT" not in verdicts or verdicts.isdisjoint(("DROP", "REJECT")):
                continue
            first, second = steps[0], steps[1]
            place = subject.line_place(second.source, second.line, table=table, chain=chain)
            before = subject.line_place(first.source, first.line, table=table, chain=chain)
            text = f"{len(steps)} rules are put first in {chain}: they stand there in the reverse order of the script"
            yield self.found(place, text, proof=Proof((before,)), family=family)
