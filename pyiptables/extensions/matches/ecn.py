"""``-m ecn``: source extensions/libxt_ecn.c and net/netfilter/xt_ecn.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.packet.fields_headers import CWR, ECE, tcp_ecn, traffic
from pyiptables.predicate import Predicate


class EcnMatch(Match):
    """Match the bits of explicit congestion notification (RFC 3168)."""

    name = "ecn"

    ece = opt("--ecn-tcp-ece", invertible=True, list_as="ECE", help="the ECE flag of TCP is set")
    cwr = opt("--ecn-tcp-cwr", invertible=True, list_as="CWR", help="the CWR flag of TCP is set")
    ect = opt(
        "--ecn-ip-ect", kind=Integer(0, 3), invertible=True, list_as="ECT=", help="the code point in the IP header"
    )

    def check(self, facts: RuleFacts) -> None:
        """Something must be asked for."""
        if not self.values:
            raise ParameterProblem("ECN match: some option required")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """TCP's flags need ``-p tcp``."""
        tcp = facts.protocol == 6 and not facts.protocol_inverted
        return None if tcp or not (self.ece or self.cwr) else "the flags of TCP without -p tcp"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``ECN match !ECE CWR ECT=2``."""
        marked = ((option, "!" if self.inverts(option) else "") for option in self.options.values() if self.has(option))
        texts = (f" {mark}{option.list_as}{self.ect if option.kind.words else ''}" for option, mark in marked)
        return f" ECN match{''.join(texts)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The IP header's bits, then TCP's, as ecn_mt tests them."""
        cls = type(self)
        yield self.wants(cls.ect, facts, lambda negate: traffic.ecn.equals(self.ect, negate=negate))
        if self.ece or self.cwr:
            yield tcp_ecn.header
        yield self.wants(cls.ece, facts, lambda negate: tcp_ecn.flags.any_bit(ECE, negate=negate))
        yield self.wants(cls.cwr, facts, lambda negate: tcp_ecn.flags.any_bit(CWR, negate=negate))
