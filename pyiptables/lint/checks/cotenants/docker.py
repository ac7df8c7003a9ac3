"""K701."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.subject import PlacedRule, Subject

_BRIDGES = ("docker", "br-")
_DENIES = ("DROP", "REJECT")
_PORTS = ("tcp", "udp", "multiport")


class BesideDocker(Check):
    """A rule of one's own where Docker's rules come first, or that asks for a port that Docker has changed.

    Docker puts its jumps at the top of FORWARD each time it starts and rewrites its own chains; its chain DOCKER-USER, which
    it leaves alone, comes before. So what is to keep packets from containers belongs there: a rule in FORWARD behind Docker's
    jumps comes too late, one in DOCKER is gone at the next start. What comes to DOCKER-USER has the container's address and
    port already: the published port is ``-m conntrack --ctorigdstport``. Part of the profile co-tenants.

    What stands in other programs' own chains (Docker, kube-proxy, Calico, fail2ban, ufw, libvirt ...) is not judged by the
    checks of structure and of anomalies unless ``--foreign`` is given, whatever the profile; ``foreign-chains`` in the
    settings names more of them.

    Bad:
        -A FORWARD -j DOCKER-USER
        -A FORWARD -o docker0 -j DOCKER
        -A FORWARD -s 192.0.2.0/24 -o docker0 -j DROP

    Good:
        -A FORWARD -j DOCKER-USER
        -A FORWARD -o docker0 -j DOCKER
        -A DOCKER-USER -s 192.0.2.0/24 -o docker0 -j DROP

    Suppress when:
        the rule is not about containers.
    """

    code = "K701"
    name = "beside-docker"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules of filter that deny, in the wrong chain, or by the port from before translation."""
        for family in subject.families:
            table = subject.ruleset(family).tables.get("filter")
            if table is None or "DOCKER-USER" not in table.chains:
                continue
            rules = [rule for rule in subject.rules if rule.family is family and rule.table == "filter"]
            published = _published(subject, family)
            jumps = [rule for rule in rules if rule.chain == "FORWARD" and (rule.spec.jump or "").startswith("DOCKER")]
            for rule in rules:
                if rule.spec.target_name not in _DENIES:
                    continue
                if rule.chain == "FORWARD" and jumps and rule.number > jumps[0].number and _to_containers(rule):
                    text = "what is accepted by Docker's chains does not come here: DOCKER-USER is for such rules"
                    yield self.at(subject, rule, text, proof=Proof((subject.place(jumps[-1]),)))
                elif rule.chain == "DOCKER" and rule.spec.source is not None:
                    yield self.at(
                        subject, rule, "Docker empties this chain when it starts: DOCKER-USER is for such rules"
                    )
                elif rule.chain == "DOCKER-USER":
                    for port, maker in published.items():
                        if _asks_for(rule, port):
                            text = f"port {port} is translated before: ask for it with -m conntrack --ctorigdstport"
                            yield self.at(subject, rule, text, proof=Proof((subject.place(maker),)))
                            break


def _to_containers(rule: PlacedRule) -> bool:
    """Whether packets to containers may match: those that go out by their bridges, or by any interface."""
    out = rule.spec.out_interface
    return out is None or out.invert or out.name.startswith(_BRIDGES)


def _published(subject: Subject, family: Family) -> dict[int, PlacedRule]:
    """The ports of DNAT rules in Docker's chain that lead to another port, which is none of the published ones."""
    found: dict[int, PlacedRule] = {}
    inside: set[int] = set()
    for rule in subject.using("DNAT"):
        if rule.family is not family or rule.chain != "DOCKER":
            continue
        ports = next((match.values.get("dport") for match in rule.spec.matches if match.name in ("tcp", "udp")), None)
        words = [word for word, _, _ in subject.words(rule)]
        to = words[-1].rpartition(":")[2] if "--to-destination" in words else ""
        if isinstance(ports, tuple) and ports[0] == ports[1] and to.isdigit():
            found[ports[0]] = rule
            inside.add(int(to))
    return {port: rule for port, rule in found.items() if port not in inside}


def _asks_for(rule: PlacedRule, port: int) -> bool:
    """Whether a rule asks for that one destination port in the packet itself."""
    for match in rule.spec.matches:
        if match.name in _PORTS and "dport" in match.values and "dport" not in match.inverted:
            return bool(match.values["dport"] == (port, port))
    return False
