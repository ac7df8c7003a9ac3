"""``-m dccp``: source extensions/libxt_dccp.c and net/netfilter/xt_dccp.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.extensions.kinds.ports import GuidedPortRange
from pyiptables.extensions.matches._transport import TransportMatch
from pyiptables.packet.fields import option_in, whole_or_first_fragment
from pyiptables.packet.fields_headers import DCCP_TYPES, dccp
from pyiptables.predicate import Predicate, Test

PORTS = GuidedPortRange("dccp")
