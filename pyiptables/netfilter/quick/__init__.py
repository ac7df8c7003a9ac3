"""The quick road of packets: for whoever wants to know how packets fare and what is counted, not the story of each.

The walk (:mod:`pyiptables.netfilter.traversal`, :mod:`pyiptables.netfilter.path`) is the definition. What it did with one
packet of an open connection is a *course*; packets that are alike in all that it looked at take the same one. A *side* is
one direction of a connection, as its frames show it; the *fate* of a packet is what a line of the summary says of it.
"""

from pyiptables.netfilter.quick.course import Course, Courses
from pyiptables.netfilter.quick.replay import QuickReplay
from pyiptables.netfilter.quick.side import Fate, Side

__all__ = ["Course", "Courses", "Fate", "QuickReplay", "Side"]
