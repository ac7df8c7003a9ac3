"""Packets through the hooks: the engine, the path, the tables, and replaying captures."""

from pyiptables.netfilter.engine import Engine
from pyiptables.netfilter.quick import Fate, QuickReplay
from pyiptables.netfilter.replay import Replay, Replayed, Role

__all__ = ["Engine", "Fate", "QuickReplay", "Replay", "Replayed", "Role"]
