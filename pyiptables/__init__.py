"""iptables without the kernel, as a library.

    from pyiptables import Engine, Family, Host, edit, load, parse_packet, save

    ruleset = load("rules.v4")                                    # a frozen Ruleset
    ruleset = edit(ruleset, "-A INPUT -p tcp --dport 22 -j ACCEPT")   # a new one
    engine = Engine(ruleset, Host.from_snapshot("folder"))
    trace = engine.send(parse_packet("-i eth0 -p tcp -s 198.51.100.7 -d 192.0.2.1 --dport 22 --syn"))
    print(trace.decided.verdict, [type(event).__name__ for event in trace.events])
    print(save(engine.snapshot()))                                # counters included

Nothing here does I/O but :func:`load` with a path and the readers of :class:`Host`. Errors are
:class:`~pyiptables.errors.Error`. Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyiptables.api import edit, load, parse_packet, save
    from pyiptables.errors import Error
    from pyiptables.hooks import Family, Hook, Verdict
    from pyiptables.host import Host
    from pyiptables.netfilter import Engine, Replay
    from pyiptables.packet.packet import Packet
    from pyiptables.ruleset.model import Ruleset
    from pyiptables.trace.events import Trace

__all__ = [
    "Engine",
    "Error",
    "Family",
    "Hook",
    "Host",
    "Packet",
    "Replay",
    "Ruleset",
    "Trace",
    "Verdict",
    "edit",
    "load",
    "parse_packet",
    "save",
]

_HOMES = {
    "Engine": "netfilter",
    "Error": "errors",
    "Family": "hooks",
    "Hook": "hooks",
    "Host": "host",
    "Packet": "packet.packet",
    "Replay": "netfilter",
    "Ruleset": "ruleset.model",
    "Trace": "trace.events",
    "Verdict": "hooks",
    "edit": "api",
    "load": "api",
    "parse_packet": "api",
    "save": "api",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its home when it is first used, so that commands import only what they need."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pyiptables' has no attribute {name!r}")
    return getattr(import_module(f"pyiptables.{_HOMES[name]}"), name)
