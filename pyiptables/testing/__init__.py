"""Policy as tests: packets and sets of packets, and what a firewall is expected to do with them.

:class:`~pyiptables.testing.firewall.Firewall` asks from Python, :mod:`~pyiptables.testing.reading` reads TOML files of
cases, :mod:`~pyiptables.testing.running` runs them, :mod:`~pyiptables.testing.plugin` is the pytest plugin.
"""
