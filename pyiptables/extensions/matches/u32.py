"""``-m u32``: source extensions/libxt_u32.c and net/netfilter/xt_u32.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.predicate import Predicate, Test as Examination
