"""S201."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject


class UnreferencedChain(Check):
    """A user-defined chain that no rule jumps to.

    Its rules see no packet. Chains that other programs own (Docker, kube-proxy, fail2ban, ufw ...) are left alone, and so
    are those of a file in which a line could not be read, for that line may be the jump.

    Bad:
        :web - [0:0]
        -A web -p tcp --dport 443 -j ACCEPT

    Good:
        :web - [0:0]
        -A INPUT -j web
        -A web -p tcp --dport 443 -j ACCEPT

    Suppress when:
        something else puts the jump in: a script, a daemon, ``--noflush``.
    """

    code = "S201"
    name = "unreferenced-chain"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Chains without a jump to them, in tables that were read whole."""
        for family in subject.families:
            reading = subject.readings[family]
            for table in reading.ruleset.tables.values():
                if not reading.complete or any(lost[0] in (table.name, "") for lost in reading.lost):
                    continue
                for name, count in table.references().items():
                    chain = table.chains[name]
                    if count or chain.built_in or (table.name, name) in reading.outside:
                        continue
                    size = len(chain.rules)
                    rules = "is empty" if not size else f"has {size} rule{'s' if size > 1 else ''} that no packet sees"
                    place = subject.chain_place(family, table.name, name)
                    yield self.found(place, f"no rule jumps to {name}, which {rules}", family=family)
