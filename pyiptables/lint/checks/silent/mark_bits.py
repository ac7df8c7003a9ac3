"""W105."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject

VALUES = (("mark", "--mark"), ("connmark", "--mark"), ("tos", "--tos"), ("realm", "--realm"))


class MarkOutsideMask(Check):
    """A mark, or TOS, with bits that its mask takes away: it never matches.

    ``--mark 0x10/0x1`` looks at one bit and wants another. With ``!`` the condition always holds.

    Bad:
        -A PREROUTING -m mark --mark 0x10/0x1 -j ACCEPT

    Good:
        -A PREROUTING -m mark --mark 0x10/0x10 -j ACCEPT

    Suppress when:
        the rule is switched off on purpose.
    """

    code = "W105"
    name = "mark-outside-mask"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with such a value."""
        for name, option in VALUES:
            for rule in subject.using(name):
                for match in rule.spec.matches:
                    if match.name != name:
                        continue
                    for attribute, value in match.values.items():
                        if _outside(value):
                            always = attribute in match.inverted
                            text = f"{option} {value[0]:#x}/{value[1]:#x} wants bits outside its mask: "
                            text += "with ! every packet matches" if always else "no packet matches"
                            yield self.at(subject, rule, text, option=option)


def _outside(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) != 2 or not all(isinstance(each, int) for each in value):
        return False
    return bool(value[0] & ~value[1])
