"""P105."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import beginning, provable, shown
from pyiptables.lint.subject import Subject

LOGGING = ("LOG", "NFLOG")
WORDS = {Hook.INPUT: "! -i lo", Hook.FORWARD: ""}


class LogBeforeDrop(Check):
    """New connections are dropped by default, and nothing is logged of them.

    Detectors of port scans (psad) and whoever reads logs see what the default drops only where a LOG or NFLOG rule stands
    before it. Reported are INPUT and FORWARD when a new connection is dropped by the policy, or by a last rule for all
    packets, that no such rule of any chain may have logged. A rule with a limit counts as logging. Off unless asked for.

    Bad:
        :INPUT DROP [0:0]
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        :INPUT DROP [0:0]
        -A INPUT -p tcp --dport 22 -j ACCEPT
        -A INPUT -m limit --limit 10/min -j LOG --log-prefix "dropped: "

    Suppress when:
        the line is too busy for logs.
    """

    code = "P105"
    name = "drops-without-log"
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The chains of which something is dropped unseen."""
        for family in provable(subject):
            table, reach = subject.ruleset(family).tables.get("filter"), subject.reach(family)
            for hook, words in WORDS.items() if table is not None else ():
                unseen = _dropped(reach, hook) & beginning(reach, words, "filter")
                for rule in subject.using(*LOGGING) if unseen else ():
                    if rule.family is family and rule.table == "filter":
                        unseen = unseen - reach.takes("filter", rule.chain, rule.number).may
                if unseen:
                    place = subject.chain_place(family, "filter", hook.name)
                    proof = Proof(witness=shown(subject, family, unseen, hook))
                    about = f"what {hook.name} drops by default is not logged"
                    yield self.found(place, about, proof=proof, family=family)


def _dropped(reach: Reach, hook: Hook) -> PacketSet:
    """The packets at a hook that its policy, or its last rule for all that is left, surely drops."""
    chain = reach.ruleset.table("filter").chains[hook.name]
    dropped = reach.fallen("filter", hook).must
    if chain.policy != "DROP":
        dropped = dropped - dropped
    last = chain.rules[-1].spec if chain.rules else None
    if last is not None and last.target_name in ("DROP", "REJECT"):
        here = reach.takes("filter", hook.name, len(chain.rules)).must
        if here and not reach.arrives("filter", hook.name, len(chain.rules)).may - here:
            dropped = dropped | here
    return dropped
