"""E011."""

from __future__ import annotations

from dataclasses import replace

from pyiptables.lint import misspelt
from pyiptables.lint.finding import Edit, Finding, Fix, Proof
from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused


class OldNegation(RefusalCheck):
    """``!`` behind its option, as iptables had it until 1.4.3.

    It stands before the option now; behind the option it is taken for the value. ``--fix`` moves it.

    Bad:
        -A FORWARD -d ! 192.168.122.0/24 -j DROP

    Good:
        -A FORWARD ! -d 192.168.122.0/24 -j DROP

    Suppress when:
        never: no iptables of the last ten years takes it.
    """

    code = "E011"
    name = "old-negation"
    fixable = True

    def claims(self, refused: Refused) -> bool:
        """Words that belong to such a spelling."""
        return misspelt.old_negation(refused)

    def report(self, refused: Refused) -> Finding:
        """The finding, with a note of its own."""
        return replace(super().report(refused), proof=Proof(note="! stands before its option, not behind it"))

    def mend(self, refused: Refused) -> Fix | None:
        """Each mark of the line before its option."""
        path, line = refused.source.path, refused.refusal.line
        edits = [
            Edit(path, line, start, after, f"! {option}") for option, start, _, after in misspelt.old_negations(refused)
        ]
        return Fix("Put ! before the option", True, tuple(edits))
