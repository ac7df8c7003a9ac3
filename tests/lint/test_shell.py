"""Scripts: the commands that they would run, and what only running them would tell."""

from __future__ import annotations

import pytest

from pyiptables.lint.shell import commands

SCRIPTS = [
    # text, commands: program words, ? for an unknown word, ~ before one that may not run
    ("iptables -F", ["iptables -F"]),
    ("/sbin/ip6tables -F # all", ["ip6tables -F"]),
    ("# iptables -F", []),
    ("sudo iptables -F; exec iptables -X", ["iptables -F", "iptables -X"]),
    ("iptables-legacy -F\nip6tables-nft -X", ["iptables -F", "ip6tables -X"]),
    ("iptables -A INPUT \\\n  -j DROP", ["iptables -A INPUT -j DROP"]),
    ("iptables -A INPUT -m comment --comment 'a; b # c' -j DROP", ["iptables -A INPUT -m comment --comment a; b # c -j DROP"]),
    ('iptables -A INPUT -m comment --comment "it\'s \\"x\\"" -j DROP', ["iptables -A INPUT -m comment --comment it's \"x\" -j DROP"]),
    ("IPT=/sbin/iptables\n$IPT -F\n${IPT} -X", ["iptables -F", "iptables -X"]),
    ('IPT="iptables -w"; $IPT -F', ["iptables -w -F"]),
    ("NET='10.0.0.0/8'; export DEV=eth0; iptables -A INPUT -s $NET -i \"$DEV\" -j DROP", ["iptables -A INPUT -s 10.0.0.0/8 -i eth0 -j DROP"]),
    ("iptables -A INPUT -s $1 -j DROP", ["iptables -A INPUT -s ? -j DROP"]),
    ("iptables -A INPUT -s $(hostname -i) -j DROP", ["iptables -A INPUT -s ? -j DROP"]),
    ("iptables -A INPUT -s `hostname; id` -j DROP", ["iptables -A INPUT -s ? -j DROP"]),
    ("for p in 22 80; do iptables -A INPUT -p tcp --dport $p -j ACCEPT; done",
     ["iptables -A INPUT -p tcp --dport 22 -j ACCEPT", "iptables -A INPUT -p tcp --dport 80 -j ACCEPT"]),
    ("P='1 2'\nfor p in $P 3\ndo\n  iptables -N c$p\ndone\niptables -F", ["iptables -N c1", "iptables -N c2", "iptables -N c3", "iptables -F"]),
    ("for a in x y; do for b in 1 2; do iptables -N $a$b; done; done", ["iptables -N x1", "iptables -N x2", "iptables -N y1", "iptables -N y2"]),
    ("for f in /etc/*.d; do iptables -N $f; done", ["~iptables -N ?"]),
    ("if [ -f x ]; then iptables -F; else iptables -X; fi; iptables -Z", ["~iptables -F", "~iptables -X", "iptables -Z"]),
    ("case $1 in start) iptables -F;; stop) iptables -X;; esac\niptables -Z", ["~iptables -F", "~iptables -X", "iptables -Z"]),
    ("open() { iptables -F; }\niptables -X", ["~iptables -F", "iptables -X"]),
    ("open()\n{\n  iptables -F\n}\niptables -X", ["~iptables -F", "iptables -X"]),
    ("function open {\n  iptables -F\n}\niptables -X", ["~iptables -F", "iptables -X"]),
    ("while read ip; do iptables -A INPUT -s $ip -j DROP; done < list\niptables -Z", ["~iptables -A INPUT -s ? -j DROP", "iptables -Z"]),
    ("iptables -C INPUT -j DROP 2>/dev/null || iptables -A INPUT -j DROP", ["iptables -C INPUT -j DROP", "~iptables -A INPUT -j DROP"]),
    ("[ -x /sbin/iptables ] && iptables -F", ["~iptables -F"]),
    ("iptables -F >/dev/null 2>&1", ["iptables -F"]),
    ("iptables-restore <<EOF\n*filter\niptables -F\nCOMMIT\nEOF\niptables -X", ["iptables-restore", "iptables -X"]),
    ("echo iptables -F\necho \"iptables -F\"", []),
    ("iptables -F &\niptables -X", ["iptables -F", "iptables -X"]),
    ("X=1; if true; then X=2; fi; iptables -N c$X", ["iptables -N ?"]),
    ("iptables -A INPUT -p tcp --dport {83,84} -j ACCEPT", ["iptables -A INPUT -p tcp --dport ? -j ACCEPT"]),
    ("for p in 22 {8000..8020}; do iptables -A INPUT -p tcp --dport $p -j ACCEPT; done", ["~iptables -A INPUT -p tcp --dport ? -j ACCEPT"]),
    ("iptables -A INPUT -m comment --comment $'a\\tb' -j DROP", ["iptables -A INPUT -m comment --comment ? -j DROP"]),
    ("Y=1; (Y=2); iptables -N c$Y", ["iptables -N ?"]),
    ("Z=1\nf() { Z=2; }\nZ=3\nf\niptables -N c$Z", ["iptables -N ?"]),
    ("P=1; unset P; iptables -N c$P", ["iptables -N ?"]),
    ("P=1; read P < file; iptables -N c$P", ["iptables -N ?"]),
    ("P=1; printf -v P %s 2; iptables -N c$P", ["iptables -N ?"]),
    ("IPT=/sbin/iptables; NET=10.0.0.0/8; . /etc/firewall.conf; $IPT -A INPUT -s $NET", ["iptables -A INPUT -s ?"]),
    ("iptables -F\nexit 0\niptables -X", ["iptables -F", "~iptables -X"]),
    ("[ -x /sbin/iptables ] || exit 0\niptables -X", ["iptables -X"]),
    ("export A=1 B=2; iptables -N $A$B", ["iptables -N 12"]),
    ("iptables -A INPUT -s 'unclosed", ["iptables -A INPUT -s unclosed"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SCRIPTS)
def test_commands(text, expected):
    found = []
    for each in commands(text):
        words = " ".join([each.program, *("?" if word is None else word for word in each.words)])
        found.append(words if each.certain else f"~{words}")
    assert found == expected


def test_lines():
    text = "#!/bin/sh\nA='x\ny'\ncat <<END\n1\n2\nEND\niptables -F \\\n -t nat\niptables -X\n"
    assert [each.line for each in commands(text)] == [8, 10]
