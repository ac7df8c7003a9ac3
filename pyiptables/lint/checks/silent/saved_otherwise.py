"""W112."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.ruleset.conditions import protocol_text

ADDRESSES = frozenset(("-s", "-d", "--source", "--src", "--destination", "--dst"))
PROTOCOL = frozenset(("-p", "--protocol", "--proto"))
PORTS = frozenset(
    ("--sport", "--source-port", "--dport", "--destination-port", "--sports", "--source-ports", "--dports",
     "--destination-ports", "--ports")
)  # fmt: skip
OWNERS = frozenset(("--uid-owner", "--gid-owner"))
NAMED = re.compile(r"[A-Za-z]")
LIKELY = re.compile(
    r"(?:^|\s)(?:(?:-[sd]|--(?:source|src|destination|dst))\s+\S*,|(?:-p|--proto(?:col)?)\s+(?!(?:tcp|udp|icmp)\s)"
    r"|--(?:[sd]|source-|destination-)?ports?\s+\S*[A-Za-z]|--[ug]id-owner\s+[A-Za-z])"
)
"""What a line has that this check may have to do with: most have none of it."""


class SavedOtherwise(Check):
    """A rule that is saved in other words than it was given.

    ``-s a,b`` becomes two rules; names of services, users, and of some protocols become numbers, or other names. Nothing
    is wrong with the rule, but a program that compares the file with iptables-save, to see whether something has changed,
    sees a change each time, and a rule that was loaded as two is not deleted as one by its number.

    Bad:
        -A INPUT -s 192.0.2.1,192.0.2.2 -p tcp --dport ssh -j ACCEPT

    Good:
        -A INPUT -s 192.0.2.1/32 -p tcp -m tcp --dport 22 -j ACCEPT
        -A INPUT -s 192.0.2.2/32 -p tcp -m tcp --dport 22 -j ACCEPT

    Suppress when:
        nobody compares.
    """

    code = "W112"
    name = "saved-otherwise"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The words that are saved otherwise; once for a line that is several rules."""
        seen: set[tuple[str, int]] = set()
        for rule in subject.rules:
            source = subject.source(rule.family, rule.table)
            where = (source.path, rule.rule.line)
            if not LIKELY.search(source.line(rule.rule.line)) or where in seen:
                continue
            seen.add(where)
            words = [word for word, _, _ in subject.words(rule)]
            for option, value in pairwise(words):
                about = _saved(option, value, rule)
                if about is not None:
                    proof = Proof(note="a comparison with what iptables-save prints shows a difference each time")
                    yield self.at(subject, rule, about, word=value, proof=proof)


def _saved(option: str, value: str, rule: PlacedRule) -> str | None:
    """What becomes of a value when it is saved, where that differs."""
    if option in ADDRESSES and "," in value:
        return f"{value} is saved as {len(value.split(','))} rules"
    if option in PORTS and NAMED.search(value):
        return f"{value} is saved as a number"
    if option in OWNERS and not value.replace("-", "").isdigit():
        return f"{value} is saved as a number"
    if option in PROTOCOL and rule.spec.protocol is not None:
        saved = protocol_text(rule.spec.protocol.number)
        return None if saved == value else f"{value} is saved as {saved}"
    return None
