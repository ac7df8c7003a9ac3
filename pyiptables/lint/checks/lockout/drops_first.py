"""L601."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.subject import ScriptStep, Subject
from pyiptables.syntax.commands import Command


class DropsFirst(Check):
    """The script has a moment in which nothing that arrives is accepted.

    ``-P INPUT DROP`` before the first rule that accepts, or ``-F`` while the policy is DROP: the session over which the
    script is run hangs from there on, and if the script stops there, by an error or because its terminal is gone,
    nobody gets in any more. It is reported where the script empties INPUT itself: before that there may be rules, which it
    does not show. Rules first, the policy last; and to begin anew, first the policy ACCEPT.
    ``iptables-restore`` puts all in place at once.

    Bad:
        iptables -P INPUT DROP
        iptables -F
        iptables -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        iptables -P INPUT ACCEPT
        iptables -F
        iptables -A INPUT -p tcp --dport 22 -j ACCEPT
        iptables -P INPUT DROP

    Suppress when:
        the script is only run at boot, or at the console.
    """

    code = "L601"
    name = "drops-before-it-accepts"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """For each family the first command after which INPUT accepts nothing, if the script goes on to accept."""
        for family in Family:
            steps = [step for step in subject.steps if step.family is family and step.command is not None]
            shut = _first_shut(steps)
            if shut is None:
                continue
            step, why, opened = shut
            place = subject.line_place(step.source, step.line, table="filter", chain="INPUT")
            note = f"the script goes on until line {opened.line} without a rule in INPUT that accepts"
            yield self.found(place, why, proof=Proof(note=note), family=family)


def _first_shut(steps: list[ScriptStep]) -> tuple[ScriptStep, str, ScriptStep] | None:
    """The command that shuts INPUT, why, and the one that opens it again; None if there is none."""
    policy, accepting, emptied = "ACCEPT", 0, False
    shut: tuple[ScriptStep, str] | None = None
    for step in steps:
        command = step.command
        if command is None or command.table != "filter" or not step.certain:
            continue
        if command.letter == "P" and command.chain == "INPUT":
            policy = command.policy or policy
        elif command.letter == "F" and command.chain in (None, "INPUT"):
            accepting, emptied = 0, True
        elif command.letter in "AI" and command.chain == "INPUT" and _may_accept(command):
            accepting += 1
        if policy == "DROP" and emptied and not accepting:
            if shut is None:
                flushes = command.letter == "F"
                why = (
                    "INPUT is emptied while its policy is DROP"
                    if flushes
                    else "INPUT drops all before any rule accepts"
                )
                shut = (step, why)
        elif shut is not None:
            return (*shut, step)
    return None


def _may_accept(command: Command) -> bool:
    """Whether the rule, or a chain it leads to, may accept something."""
    spec = command.specs[0]
    name = spec.target_name
    return name not in ("DROP", "REJECT", "LOG", "RETURN", "NFLOG", "ULOG", "")
