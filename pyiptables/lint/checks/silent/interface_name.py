"""W108."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.subject import Subject
from pyiptables.ruleset.model import InterfaceMatch


class LiteralInterface(Check):
    """An interface that no device is called: ``eth*``, ``eth0:1``, a name with a slash or a blank.

    The wildcard is ``+`` and stands at the end; ``*`` is a character like any other. ``eth0:1`` is a label of an address:
    its packets come in on eth0. The kernel has no device whose name holds ``:``, ``/`` or a blank.

    Bad:
        -A INPUT -i eth* -j ACCEPT
        -A INPUT -i eth0:1 -j ACCEPT

    Good:
        -A INPUT -i eth+ -j ACCEPT
        -A INPUT -i eth0 -d 192.0.2.7 -j ACCEPT

    Suppress when:
        a device really has a ``*`` in its name.
    """

    code = "W108"
    name = "literal-interface"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with such a name."""
        for rule in subject.rules:
            for given in (rule.spec.in_interface, rule.spec.out_interface):
                why = _wrong(given) if given is not None else ""
                if given is not None and why:
                    fares = "every packet matches" if given.invert else "no packet matches"
                    yield self.at(
                        subject,
                        rule,
                        f"no device is called {given.name}: {fares}",
                        word=given.name,
                        proof=Proof(note=why),
                    )


def _wrong(given: InterfaceMatch) -> str:
    name = given.name
    if "*" in name:
        return f"* is no wildcard; {name.partition('*')[0]}+ stands for all that begin so"
    if ":" in name:
        return f"{name} is a label of an address; the device is {name.partition(':')[0]}"
    if "/" in name or any(character.isspace() for character in name):
        return "a device's name has neither / nor blanks"
    return "" if name not in (".", "..") else "the kernel takes no device of that name"
