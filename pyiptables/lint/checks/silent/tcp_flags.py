"""W106."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject
from pyiptables.packet.fields import flags_to_text


class FlagsOutsideMask(Check):
    """``--tcp-flags MASK COMP`` with flags in COMP that MASK leaves out: it never matches.

    Only the flags of the first list are looked at; one that is wanted beside them is never seen.

    Bad:
        -A INPUT -p tcp --tcp-flags SYN SYN,ACK -j DROP

    Good:
        -A INPUT -p tcp --tcp-flags SYN,ACK SYN,ACK -j DROP

    Suppress when:
        the rule is switched off on purpose.
    """

    code = "W106"
    name = "flags-outside-mask"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with such flags."""
        for rule in subject.using("tcp"):
            for match in rule.spec.matches:
                flags = match.values.get("flags") if match.name == "tcp" else None
                if flags is None or not flags[1] & ~flags[0]:
                    continue
                lost = flags_to_text(flags[1] & ~flags[0])
                fares = "with ! every segment matches" if "flags" in match.inverted else "no packet matches"
                yield self.at(subject, rule, f"{lost} is wanted but not looked at: {fares}", option="--tcp-flags")
