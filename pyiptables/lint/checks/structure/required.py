"""S210."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject


class RequiredMissing(Check):
    """Something that the settings require is not there.

    ``required`` lists chains as ``TABLE:CHAIN``, and rules as ``TABLE: -A CHAIN ...`` in the words that iptables-save would
    print. Nothing is required unless it is listed.

    Bad:
        # required = ["filter:DOCKER-USER"]
        *filter
        COMMIT

    Good:
        *filter
        :DOCKER-USER - [0:0]
        COMMIT

    Suppress when:
        never: take it from the list.
    """

    code = "S210"
    name = "required-missing"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """What is listed and in no family's ruleset."""
        for required in subject.settings.required:
            name, _, wanted = required.partition(":")
            wanted = wanted.strip()
            if not any(_has(subject, family, name, wanted) for family in subject.families):
                what = "rule" if wanted.startswith("-A ") else "chain"
                place = subject.line_place(subject.sources[0], 1, table=name)
                yield self.found(place, f"the table {name} has no {what} {wanted}")


def _has(subject: Subject, family: Family, name: str, wanted: str) -> bool:
    for rule_family, table, chain in subject.chains():
        if rule_family is not family or table != name:
            continue
        if chain.name == wanted:
            return True
        if wanted.startswith(f"-A {chain.name} "):
            source = subject.source(rule_family, table)
            return any(" ".join(source.line(rule.line).split()).endswith(wanted) for rule in chain.rules)
    return False
