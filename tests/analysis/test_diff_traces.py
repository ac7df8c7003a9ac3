"""What pyipt diff says and what traces show are the same: of random rulesets, one changed a little."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_rules import Rules

from pyiptables.api import edit, save
from pyiptables.errors import ParameterProblem
from pyiptables.hooks import Family
from pyiptables.ruleset.model import Ruleset
from pyiptables.testing.comparison.changes import Differing
from pyiptables.testing.firewall import Firewall
from pyiptables.testing.source import Source

EFFECTS = (
    "-t mangle -A PREROUTING {} -j MARK --set-mark 0x{}",
    "-t mangle -A FORWARD {} -j CONNMARK --set-mark 0x{}",
    "-t mangle -A POSTROUTING {} -j CONNMARK --save-mark",
    "-t mangle -A INPUT {} -j CONNMARK --restore-mark",
    "-t mangle -A FORWARD {} -j TTL --ttl-set {}",
    "-t mangle -A POSTROUTING {} -j TTL --ttl-inc {}",
    "-t mangle -A POSTROUTING {} -j TOS --or-tos 0x0{}",
    "-t mangle -A INPUT {} -j DSCP --set-dscp 0x0{}",
    "-t nat -A POSTROUTING {} -j SNAT --to-source 192.0.2.{}",
    "-t raw -A PREROUTING {} -j CT --notrack",
    "-A INPUT {} -j LOG --log-prefix x{}",
    "-A FORWARD {} -j LOG --log-prefix y{}",
    "-A INPUT {} -j REJECT --reject-with icmp-host-prohibited",
)
CONDITIONS = (
    "-p udp --dport 53",
    "-p tcp --dport 22",
    "-p udp",
    "-s 198.51.100.0/24",
    "",
    "-i eth0",
    "-m mark --mark 1",
)
PACKETS = [
    f"{head}{source}:40000 > {destination}:{port} {protocol}{out}"
    for source, destination in (("198.51.100.7", "192.0.2.1"), ("192.0.2.200", "10.0.0.5"))
    for port, protocol in ((53, "udp"), (22, "tcp S"), (80, "tcp S"), (443, "udp ttl 3"))
    for head, out in (("eth0: ", ""), ("eth0: ", " out eth1"), ("", ""))
]


def commands_of(seed: int) -> tuple[list[str], list[str]]:
    """Two lists of commands: the second is the first with a rule more, less, or elsewhere."""
    random = Random(seed)

    def effect() -> str:
        return random.choice(EFFECTS).format(random.choice(CONDITIONS), random.randint(1, 9))

    old = [one for one in Rules(seed, Family.IPV4).commands() if "-m string" not in one and "-m limit" not in one]
    for _ in range(random.randint(1, 5)):
        old.append(effect())
    new = list(old)
    rules = [at for at, one in enumerate(new) if " -A " in f" {one}"]
    match random.randint(0, 2):
        case 0:
            del new[random.choice(rules)]
        case 1:
            new.insert(random.choice(rules), effect())
        case _:
            first, second = random.sample(rules, 2)
            new[first], new[second] = new[second], new[first]
    return old, new


def written(commands: list[str], path: Path) -> Source:
    ruleset = Ruleset(Family.IPV4)
    for command in commands:
        try:
            ruleset = edit(ruleset, command)
        except ParameterProblem:
            continue
    path.write_text(save(ruleset))
    return Source(rules=path)


def seen(source: Source, line: str) -> dict[str, object]:
    """What became of a packet, under the words that a change of it would be listed under."""
    firewall = Firewall(source, misses=False)
    outcome = firewall.send(line).outcome
    queue = outcome.decider.spec.target if outcome.decider is not None and outcome.decider.spec is not None else None
    end = (outcome.verdict, outcome.hook if outcome.verdict != "ACCEPT" else "", outcome.reject)
    found: dict[str, object] = {"verdict": (end, repr(queue)) if outcome.verdict == "DROP" and queue else end}
    if outcome.verdict == "ACCEPT":
        data = firewall.engine(outcome.family).last.data
        found |= {"nat": (outcome.source, outcome.destination), "mark": (outcome.mark, outcome.ctmark)}
        found |= {"ttl": data[8], "tos": data[1]}
    return found | {"log": sorted(outcome.logged)}


def check(seed: int, folder: Path) -> tuple[int, int]:
    """Compare one pair; returns how many packets fare otherwise, and how many changes there are."""
    old, new = (
        written(commands, folder / name) for commands, name in zip(commands_of(seed), ("old", "new"), strict=True)
    )
    changes = list(Differing(old, new, Family.IPV4).changes())
    shown = [change for change in changes if " ; " not in (change.witness or " ; ") and not change.perhaps]
    assert [change for change in shown if not change.confirmed] == [], seed
    about = {change.about for change in changes}
    count = 0
    for line in PACKETS:
        before, after = seen(old, line), seen(new, line)
        if before != after:
            count += 1
            if before["verdict"] != after["verdict"]:
                assert "verdict" in about, (seed, line, before, after)
            else:
                assert {key for key in before if before[key] != after[key]} <= about, (seed, line, before, after)
    return count, len(changes)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_diff_and_traces_agree(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(seed, tmp_path_factory.mktemp("pair"))


def test_such_pairs_do_differ(tmp_path: Path) -> None:
    found = [check(seed, tmp_path) for seed in range(12)]
    assert sum(bool(packets) for packets, _ in found) >= 3
    assert any(not changes for _, changes in found)
