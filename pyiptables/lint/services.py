"""Services as the settings name them: ``tcp/22``, ``udp/53@192.0.2.0/24``."""

from __future__ import annotations

import re
from typing import NamedTuple

from pyiptables.errors import Error, ParameterProblem
from pyiptables.extensions.kinds.addresses import numeric_address, parse_mask
from pyiptables.hooks import Family

_SERVICE = re.compile(r"(tcp|udp|sctp|dccp|udplite)/(\d{1,5})(?:@([0-9A-Fa-f.:]+)(?:/(\S{1,39}))?)?", re.ASCII)


class Service(NamedTuple):
    """A protocol's port, and the network that it is asked from (an address, perhaps with a mask), where one is named."""

    protocol: str
    port: int
    network: str | None

    @property
    def text(self) -> str:
        """``tcp/22``, ``tcp/22 from 192.0.2.0/24``."""
        return f"{self.protocol}/{self.port}" + (f" from {self.network}" if self.network is not None else "")

    @property
    def words(self) -> str:
        """The same in iptables' words."""
        return f"-p {self.protocol} --dport {self.port}" + (f" -s {self.network}" if self.network is not None else "")

    def speaks(self, family: Family) -> bool:
        """Whether it is about a family: all are, but where a network of the other one is named."""
        return self.network is None or (":" in self.network) is (family is Family.IPV6)


def service(text: str) -> Service:
    """Read a service; Error when it is none."""
    found = _SERVICE.fullmatch(text)
    if found is not None and int(found[2]) <= 0xFFFF and _is_network(found[3], found[4]):
        network = None if found[3] is None else found[3] + (f"/{found[4]}" if found[4] is not None else "")
        return Service(found[1], int(found[2]), network)
    raise Error(f"{text} is no service", hint="expected tcp/22, or tcp/22@192.0.2.0/24")


def _is_network(address: str | None, mask: str | None) -> bool:
    if address is None:
        return True
    family = Family.IPV6 if ":" in address else Family.IPV4
    try:
        return numeric_address(address, family) is not None and (mask is None or parse_mask(mask, family) is not None)
    except ParameterProblem:
        return False
