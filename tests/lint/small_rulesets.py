"""Small rulesets that lint's commands are tried on, and what they print of them."""

from __future__ import annotations

CLEAN = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n"
BAD = "*filter\n-A INPUT -s 10.1.2.3/8 -j ACCEPT\n-A INPUT -p tcp --dprt 22 -j ACCEPT\nCOMMIT\n"
BITS = "*filter\n-A INPUT -s 10.1.2.3/8 -j ACCEPT\nCOMMIT\n"
EMPTY = "*filter\n:web - [0:0]\n-A INPUT -j web\nCOMMIT\n"


def codes(capsys):
    """The codes of what was printed in the concise form."""
    return [line.split(": ")[1].split()[0] for line in capsys.readouterr().out.splitlines()]
