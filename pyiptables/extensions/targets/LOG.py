"""``-j LOG``: source extensions/libxt_LOG.c and net/netfilter/xt_LOG.c."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, Target, opt
from pyiptables.extensions.effects import EffectServices
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.extensions.kinds.texts import Text
from pyiptables.hooks import Family, Verdict

LISTED = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
READ = {
    "alert": 1, "crit": 2, "debug": 7, "emerg": 0, "error": 3, "info": 6, "notice": 5, "panic": 0, "warning": 4,
}  # fmt: skip
"""Levels as they are read; what ``-L`` prints for some of them is not among these."""

WARNING = 4

FLAGS = {"tcp_sequence": 1, "tcp_options": 2, "ip_options": 4, "uid": 8, "macdecode": 32}
"""The attributes of flags and their bits (XT_LOG_*)."""


class Level(Kind):
    """A level of syslog, 0 to 7 or by name (XTTYPE_SYSLOGLEVEL)."""

    metavar = "level"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its number."""
        level = whole_number(texts[0], 0, 7)
        if level is None:
            level = READ.get(texts[0])
        if level is None:
            raise ParameterProblem(f'log level "{texts[0]}" unknown\n')
        return level

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return READ


class Prefix(Text):
    """A text of one line, cut to 29 bytes."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The text."""
        text = super().parse(texts, option, facts)
        if "\n" in texts[0]:
            raise ParameterProblem("Newlines not allowed in --log-prefix")
        return text


class LogTarget(Target):
    """Write a line about the packet to the kernel's log, and go on."""

    name = "LOG"

    prefix = opt("--log-prefix", kind=Prefix(29, least=1), default="", help="text before the line, up to 29 bytes")
    level = opt("--log-level", kind=Level(), neutral=WARNING, default=WARNING, help="level, 0 to 7 or by name")
    tcp_sequence = opt("--log-tcp-sequence", help="log TCP sequence numbers")
    tcp_options = opt("--log-tcp-options", help="log TCP options")
    ip_options = opt("--log-ip-options", help="log IP options")
    uid = opt("--log-uid", help="log the user of the local socket")
    macdecode = opt("--log-macdecode", help="log Ethernet addresses and protocol apart")

    @property
    def flags(self) -> int:
        """The flags that were given, as bits."""
        return sum(bit for attribute, bit in FLAGS.items() if attribute in self.values)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``LOG flags 0 level 4 prefix "text"``, by names without ``-n``."""
        prefix = f' prefix "{self.prefix}"' if self.prefix else ""
        if numeric:
            return f" LOG flags {self.flags} level {self.level}{prefix}"
        words = "".join(f" {attribute.replace('_', '-')}" for attribute in FLAGS if attribute in self.values)
        return f" LOG level {LISTED[self.level]}{words}{prefix}"

    def apply(self, skb: Any, state: None, services: EffectServices) -> Verdict | None:
        """Log, and go on."""
        services.log(skb, prefix=self.prefix, level=self.level, flags=self.flags)
        return None
