"""N405."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.sets import PacketSet
from pyiptables.hooks import Hook
from pyiptables.host import RouteType
from pyiptables.lint import translated
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import provable
from pyiptables.lint.subject import PlacedRule, Subject


class NoHairpin(Check):
    """DNAT back into the network that the client is in, without a new source.

    A client in the server's own network that uses the public address is sent back into its network. The server sees the
    client's address and answers it directly, past this host; the client knows nothing of a connection with that address
    and refuses. SNAT or MASQUERADE for such connections brings the answers back. Only said of a known host.

    Bad:
        -A PREROUTING -d 192.0.2.1 -p tcp --dport 443 -j DNAT --to-destination 10.0.0.5

    Good:
        -A PREROUTING -d 192.0.2.1 -p tcp --dport 443 -j DNAT --to-destination 10.0.0.5
        -A POSTROUTING -s 10.0.0.0/24 -d 10.0.0.5 -p tcp --dport 443 -j MASQUERADE

    Suppress when:
        clients inside have the server's own address from their resolver.
    """

    code = "N405"
    name = "no-hairpin"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules whose packets go back where they came from with the source that they had."""
        if subject.host is None:
            return
        for family in provable(subject):
            for rule in translated.redirecting(subject, family, "DNAT"):
                found = self._network(subject, rule)
                if found is not None and self._comes_back(subject, rule, *found):
                    name, _, _ = found
                    text = f"clients behind {name} get their answers past this host: their source is not translated"
                    proof = Proof(note=f"{translated.whither(rule)} is in the network of {name} itself")
                    yield self.at(subject, rule, text, word="DNAT", proof=proof)

    @staticmethod
    def _network(subject: Subject, rule: PlacedRule) -> tuple[str, int, int] | None:
        """The interface behind which the new destination is, with network and mask; None where that is not known."""
        chosen, host = translated.goal(rule), subject.host
        if host is None or chosen is None or chosen[0] != chosen[1]:
            return None
        if host.address_type(rule.family, chosen[0]) is not RouteType.UNICAST:
            return None
        full = (1 << rule.family.bits) - 1
        for link in host.interfaces:
            for own in link.addresses:
                mask = full ^ (full >> own.length)
                if own.family is rule.family and own.length and own.address & mask == chosen[0] & mask:
                    return link.name, own.address & mask, mask
        return None

    @staticmethod
    def _comes_back(subject: Subject, rule: PlacedRule, name: str, network: int, mask: int) -> bool:
        reach, chosen = subject.reach(rule.family), translated.goal(rule)
        space = reach.space
        link = space.interfaces.code(name)
        there = space.iif.equals(link) & space.source.masked(mask, network)
        must = translated.taken(reach, rule)[1] & PacketSet(space, there)
        if not must or chosen is None:
            return False
        sent = translated.onward(reach, rule, must, Hook.FORWARD) & PacketSet(space, space.oif.equals(link))
        sent = sent & reach.verdict_at(Hook.FORWARD, "ACCEPT").must
        sourced = reach.flow.hooks[Hook.POSTROUTING].translated
        return bool(sent) and (sourced is None or not sent & PacketSet(space, sourced.may))
