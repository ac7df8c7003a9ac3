"""The quick road under hostile conversations and rulesets drawn from a list: it ends where the story's road ends."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import hostile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_quick import HOST, hold_equal

from pyiptables import Family, Host

ROUTER = Host.from_snapshot(HOST)
HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
RULES = """
raw       -A PREROUTING -p udp --dport 500 -j CT --notrack
raw       -A PREROUTING -s 192.0.2.11 -p icmp -j NOTRACK
raw       -A PREROUTING -p tcp --dport 22 -m limit --limit 1/min -j DROP
raw       -A PREROUTING -d 10.1.0.11 -j TRACE
mangle    -A PREROUTING -m conntrack --ctstate ESTABLISHED -m connmark --mark 0 -j CONNMARK --set-mark 5
mangle    -A PREROUTING -m connmark --mark 5 -j CONNMARK --set-mark 6
mangle    -A PREROUTING -j CONNMARK --restore-mark
mangle    -A FORWARD -m conntrack --ctdir REPLY -j CONNMARK --set-xmark 1/1
mangle    -A PREROUTING -p tcp --tcp-flags PSH PSH -j MARK --set-mark 9
mangle    -A POSTROUTING -j CONNMARK --save-mark
mangle    -A FORWARD -p tcp -j DSCP --set-dscp 8
mangle    -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
mangle    -A PREROUTING -i eth1 -j TOS --set-tos 16
mangle    -A FORWARD -m mac --mac-source 02:bb:00:00:00:00 -j DROP
nat       -A PREROUTING -d 10.1.0.10 -p tcp --dport 80 -j DNAT --to-destination 10.1.0.11:443
nat       -A PREROUTING -p tcp --dport 443 -m statistic --mode random --probability 0.5 -j DNAT --to-destination 10.1.0.10
nat       -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353
nat       -A POSTROUTING -o eth1 -j MASQUERADE
nat       -A POSTROUTING -s 192.0.2.11 -p tcp -j SNAT --to-source 10.1.0.1:1024-1027
nat       -A POSTROUTING -p icmp -j SNAT --to-source 10.1.0.1
filter    -P FORWARD DROP
filter    -A FORWARD -m conntrack --ctstate INVALID -j DROP
filter    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
filter    -A FORWARD -m state --state NEW -j ACCEPT
filter    -A FORWARD -m conntrack --ctstatus ASSURED -j ACCEPT
filter    -A FORWARD -m conntrack --ctstatus SEEN_REPLY -p udp -j ACCEPT
filter    -A FORWARD -m conntrack --ctexpire 1:60 -j DROP
filter    -A FORWARD -m conntrack --ctorigdst 10.1.0.10 --ctorigdstport 80 -j ACCEPT
filter    -A FORWARD -m conntrack --ctstate DNAT
filter    -A FORWARD -m mark --mark 9 -j LOG --log-prefix pushed
filter    -A FORWARD -m connmark --mark 6 -j REJECT
filter    -A FORWARD -p tcp --tcp-flags FIN FIN -j REJECT --reject-with tcp-reset
filter    -A FORWARD -p tcp --tcp-flags ALL ACK -m length --length 40 -j ACCEPT
filter    -A FORWARD -p tcp --tcp-option 8 -j ACCEPT
filter    -A FORWARD -m ttl --ttl-lt 10 -j DROP
filter    -A FORWARD -m tos --tos 2 -j DROP
filter    -A FORWARD -m quota --quota 20000 -j ACCEPT
filter    -A FORWARD -m limit --limit 5/sec -j ACCEPT
filter    -A FORWARD -m connbytes --connbytes 10: --connbytes-dir both --connbytes-mode packets -j DROP
filter    -A FORWARD -m recent --set --name seen
filter    -A FORWARD -m recent --name seen --update --hitcount 30 -j DROP
filter    -A FORWARD -m addrtype --src-type LOCAL -j DROP
filter    -A FORWARD -m iprange --src-range 192.0.2.11-192.0.2.40 -j ACCEPT
filter    -A FORWARD -p tcp -m multiport --ports 80,443 -j ACCEPT
filter    -A FORWARD -p icmp --icmp-type echo-request -j ACCEPT
filter    -A FORWARD -i eth0 -s 192.0.2.10 -p tcp --dport 80 -j ACCEPT
filter    -A FORWARD -o eth0 -d 192.0.2.10 -j ACCEPT
filter    -A FORWARD -m u32 --u32 6&0xFF=17 -j DROP
filter    -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
filter    -A INPUT -p tcp --dport 22 -j ACCEPT
filter    -A INPUT -p tcp -j REJECT --reject-with tcp-reset
filter    -A INPUT -m pkttype --pkt-type broadcast -j DROP
""".strip().splitlines()
"""Tables and what stands in them; any of them together are a ruleset."""
SETTINGS = (
    {},
    {},
    {"net.netfilter.nf_conntrack_max": "6"},
    {"net.netfilter.nf_conntrack_acct": "1"},
    {"net.netfilter.nf_conntrack_checksum": "0", "net.netfilter.nf_conntrack_tcp_be_liberal": "1"},
    {"net.netfilter.nf_conntrack_tcp_loose": "0", "net.netfilter.nf_conntrack_tcp_max_retrans": "1"},
    {
        "net.netfilter.nf_conntrack_tcp_timeout_syn_recv": "900",
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "2",
    },
    {"net.ipv4.conf.all.rp_filter": "1"},
)
QUICK = ((10**5, 10**6), hostile.JUMPS)
"""Whether time only creeps, so that connections stay, or jumps."""


def ruleset(lines: Sequence[str]) -> str:
    """The restore file of some rules, tables with all their chains."""
    text = ""
    for table, chains in HOOKS.items():
        own = [words for name, words in (line.split(maxsplit=1) for line in lines) if name == table]
        policies = {words.split()[1]: words.split()[2] for words in own if words.startswith("-P")}
        heads = "".join(f":{chain} {policies.get(chain, 'ACCEPT')} [0:0]\n" for chain in chains)
        rules = "".join(f"{words}\n" for words in own if words.startswith("-A"))
        if rules or policies or table == "filter":
            text += f"*{table}\n{heads}{rules}COMMIT\n"
    return text


def replayed(folder: Path, lines: Sequence[str], seed: int) -> int:
    """Replay a conversation of a seed on both roads; how many packets were passed over."""
    chance = random.Random(seed)
    rules = folder / "rules.v4"
    rules.write_text(ruleset(lines))
    host = replace(ROUTER, sysctls={**ROUTER.sysctls, **chance.choice(SETTINGS)})
    frames = hostile.frames(chance, 24, jumps=chance.choice(QUICK))
    return hold_equal(rules, host, frames, Family.IPV4, two_sided=False)


ALIKE = """
source            filter -A FORWARD -s 192.0.2.11 -j ACCEPT
destination       filter -A FORWARD -d 192.0.2.11 -j ACCEPT
source port       filter -A FORWARD -p tcp --sport 22 -j ACCEPT
destination port  filter -A FORWARD -p tcp --dport 22 -j ACCEPT
ports             filter -A FORWARD -p tcp -m multiport --ports 22,40001 -j ACCEPT
tuples            filter -A FORWARD -m conntrack --ctorigsrc 192.0.2.11 --ctorigdstport 80 -j ACCEPT
flags             filter -A FORWARD -p tcp --tcp-flags PSH PSH -j ACCEPT
end               filter -A FORWARD -p tcp --tcp-flags FIN FIN -j ACCEPT
icmp              filter -A FORWARD -p icmp --icmp-type echo-reply -j ACCEPT
status            filter -A FORWARD -m conntrack --ctstatus ASSURED -j ACCEPT
mark              filter -A FORWARD -m connmark --mark 5 -j ACCEPT | mangle -A PREROUTING -p tcp --dport 22 -m conntrack --ctstate NEW -j CONNMARK --set-mark 5
repeated mark     mangle -A PREROUTING -m conntrack --ctstate ESTABLISHED -m connmark --mark 0 -j CONNMARK --set-mark 5
kept mark         mangle -A PREROUTING -p tcp --tcp-flags PSH PSH -j MARK --set-mark 9 | mangle -A POSTROUTING -j CONNMARK --save-mark
nat               nat -A PREROUTING -d 10.1.0.10 -p tcp --dport 80 -j DNAT --to-destination 10.1.0.11:443 | nat -A POSTROUTING -s 192.0.2.11 -j MASQUERADE
translated        filter -A FORWARD -p tcp --dport 443 -j ACCEPT | nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.1.0.11:443
direction         filter -A FORWARD -m conntrack --ctdir REPLY -j ACCEPT
interface         filter -A FORWARD -i eth1 -j ACCEPT
MAC               filter -A FORWARD -m mac --mac-source 02:aa:00:00:01:00 -j ACCEPT
address type      filter -A FORWARD -m addrtype --dst-type LOCAL -j DROP
time left         filter -A FORWARD -m conntrack --ctexpire 0:200 -j ACCEPT
length            filter -A FORWARD -m length --length 40 -j ACCEPT
nth               filter -A FORWARD -m statistic --mode nth --every 3 --packet 0 -j ACCEPT
option            filter -A FORWARD -p tcp --tcp-option 8 -j ACCEPT
TOS               filter -A FORWARD -m tos --tos 2 -j ACCEPT
untracked         raw -A PREROUTING -s 192.0.2.11 -j CT --notrack
untracked late    raw -A PREROUTING -p tcp --dport 22 --tcp-flags PSH PSH -j CT --notrack
zoned late        raw -A PREROUTING -p tcp --dport 22 --tcp-flags PSH PSH -j CT --zone 5
dropped early     raw -A PREROUTING -p tcp --dport 22 --tcp-flags PSH PSH -j DROP
delivered         filter -A INPUT -p tcp --dport 22 -m conntrack --ctstate ESTABLISHED -j ACCEPT
""".strip().splitlines()
"""What packets of open connections may differ in, and rules that tell them apart by it."""


@pytest.mark.parametrize("case", ALIKE, ids=lambda line: line.split("  ")[0])
@pytest.mark.parametrize("rude", [0.0, 0.04])
def test_packets_that_are_told_apart(case: str, rude: float, tmp_path: Path) -> None:
    lines = ["filter -A FORWARD -m conntrack --ctstate RELATED", *case[18:].split("|")]
    (tmp_path / "rules.v4").write_text(ruleset(lines))
    frames = hostile.frames(random.Random(7), 40, jumps=(10**5, 10**6, 3 * 10**9), rude=rude)
    hold_equal(tmp_path / "rules.v4", ROUTER, frames, Family.IPV4, two_sided=False)


def test_most_of_an_ordinary_conversation_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "rules.v4").write_text(ruleset(["filter -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"]))
    frames = hostile.frames(random.Random(7), 40, jumps=(10**5,), rude=0)
    passed = hold_equal(tmp_path / "rules.v4", ROUTER, frames, Family.IPV4, two_sided=False)
    assert passed > len(frames) / 2


@pytest.mark.parametrize("seed", range(12))
def test_each_rule_alone_and_few(seed: int, tmp_path: Path) -> None:
    own = RULES[seed::12]
    for lines in ((own[0],), own):
        replayed(tmp_path, ["filter -A FORWARD -m conntrack --ctstate UNTRACKED", *lines], seed)


@settings(max_examples=25, deadline=None)
@given(lines=st.lists(st.sampled_from(RULES), max_size=10), seed=st.integers(0, 10**6))
def test_rulesets_and_conversations(tmp_path_factory: pytest.TempPathFactory, lines: list[str], seed: int) -> None:
    replayed(tmp_path_factory.mktemp("rules"), ["filter -A FORWARD -m conntrack --ctstate UNTRACKED", *lines], seed)
