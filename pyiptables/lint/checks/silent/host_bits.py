"""W103."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.addresses import written
from pyiptables.lint.check import Check, replacement
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject
from pyiptables.ruleset.conditions import address_text
from pyiptables.ruleset.model import AddressMatch


class HostBits(Check):
    """An address with bits outside its mask: the network is meant, or the mask is wrong.

    ``10.1.2.3/8`` is taken for ``10.0.0.0/8`` without a word: 16 million addresses where perhaps one was meant.
    ``192.0.2.1/0`` is every address there is. ``--fix`` writes what iptables makes of it.

    Bad:
        -A INPUT -s 10.1.2.3/8 -j ACCEPT

    Good:
        -A INPUT -s 10.1.2.3/32 -j ACCEPT
        -A INPUT -s 10.0.0.0/8 -j ACCEPT

    Suppress when:
        the address is written so to note the gateway of the network that is meant.
    """

    code = "W103"
    name = "host-bits"
    fixable = True

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules whose ``-s`` or ``-d`` has such bits."""
        for rule in subject.rules:
            spec = rule.spec
            if spec.source is None and spec.destination is None and rule.family.bits == 128:
                continue
            for each in written(subject, rule):
                parts = each.parts(rule.family)
                if parts is None or not parts[0] & ~parts[1]:
                    continue
                address, mask = parts
                real = address_text(AddressMatch(address & mask, mask), rule.family)
                about = f"{each.text} has bits outside its mask: it is {real}"
                if not mask:
                    about = f"{each.text} is every address: the mask /0 leaves nothing of it"
                place = subject.place(rule, each.whole)
                fix = None
                if subject.source(rule.family, rule.table).kind == "save" and place.text[place.column - 1 :].startswith(
                    each.whole
                ):
                    fix = replacement(place, each.whole.replace(each.text, real), f"Write {real}")
                yield self.found(place, about, fix=fix, family=rule.family)
