"""What two rulesets do differently, about all packets: ``pyipt diff``.

``changes`` begins it: both rulesets are a ``side`` each, whose packets are followed by ``noted_walk`` with what is done to
them (``operations``) noted on them; ``treatments`` compares the notes of packets that end alike. ``touched`` and ``aspects``
bound what has to be followed at all, ``unmodelled`` tells limits and chance apart by their words, ``witnesses`` finds packets
that show a change, and ``words`` and ``formats`` say it.
"""
