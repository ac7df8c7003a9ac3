"""``-m hashlimit``: source extensions/libxt_hashlimit.c and net/netfilter/xt_hashlimit.c."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, Refusal, RuleFacts, Services, opt
from pyiptables.extensions.kinds.hash_rates import (
    BAD_BURST,
    LONG,
    MOST_BURST,
    WORD,
    Burst,
    HashRate,
    HashRateText,
    show_burst,
    show_bytes,
    show_packets,
    size_of,
)
from pyiptables.extensions.kinds.masks import MASK
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.extensions.matches._hashlimit import Config, HashTable, byte_credits_of, credits_of
from pyiptables.extensions.matches._jiffies import jiffies
from pyiptables.hooks import Family
from pyiptables.packet.addresses import prefix_length

MODES = ("srcip", "srcport", "dstip", "dstport")
DEFAULT_BURST, DEFAULT_GC = 5, 1000
BURST_EXPIRE = 60
MOST_SIZE = 1 << 20
RATE = HashRateText()
_INTEGER = re.compile(r"[ \t\n\v\f\r]*\+?([0-9]{1,18})")


class Mode(Kind):
    """``srcip,srcport,dstip,dstport``, some of them."""

    metavar = "mode[,mode...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Them, in that order."""
        given = set(filter(None, re.split("[,|]", texts[0])))
        if not given <= set(MODES):
            raise ParameterProblem(f'hashlimit: Bad value for "{option.names[0]}" option: "{texts[0]}"')
        return tuple(mode for mode in MODES if mode in given)

    def choices(self, family: Family) -> Iterable[str]:
        """The parts."""
        return MODES


class Interval(Kind):
    """Seconds, from 1 on."""

    metavar = "seconds"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number at the front."""
        found = _INTEGER.match(texts[0])
        seconds = int(found[1]) & WORD if found else 0
        if not 0 < seconds <= WORD >> 1:
            raise ParameterProblem(f'hashlimit: Bad value for "{option.names[0]}" option: "{texts[0]}"')
        return seconds


class HashlimitMatch(Match):
    """Match by rate, for each source, destination or both; packets that cannot be grouped are dropped."""

    name = "hashlimit"
    stateful = True

    upto = opt(
        "--hashlimit-upto", "--hashlimit", kind=RATE, invertible=True, excludes=("above",), help="match up to this rate"
    )
    above = opt("--hashlimit-above", kind=RATE, invertible=True, excludes=("upto",), help="match above this rate")
    source_mask = opt("--hashlimit-srcmask", kind=MASK, help="length of the prefix that makes sources one")
    destination_mask = opt("--hashlimit-dstmask", kind=MASK, help="length of the prefix that makes destinations one")
    burst = opt("--hashlimit-burst", kind=Burst(), default=DEFAULT_BURST, help="packets or bytes at once")
    size = opt("--hashlimit-htable-size", kind=UINT32, default=0, help="buckets of the table")
    maximum = opt("--hashlimit-htable-max", kind=UINT32, default=0, help="groups that the table holds")
    gc_interval = opt(
        "--hashlimit-htable-gcinterval", kind=UINT32, default=DEFAULT_GC, help="milliseconds between looks for old ones"
    )
    expire = opt("--hashlimit-htable-expire", kind=UINT32, help="milliseconds until a group that is idle is old")
    mode = opt("--hashlimit-mode", kind=Mode(), default=(), help="what makes a group")
    table = opt("--hashlimit-name", kind=PlainText(254, least=1), required=True, help="name of the table")
    rate_match = opt("--hashlimit-rate-match", help="compare the rate, and take nothing off")
    interval = opt("--hashlimit-rate-interval", kind=Interval(), default=0, help="seconds over which it is measured")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        super().__init__(values)

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """All as one: the kernel's structure."""
        rate: HashRate | None = values.get("upto") or values.get("above")
        if rate is None:
            raise ParameterProblem("You have to specify --hashlimit")
        given = cls(values)
        burst, expire = given._burst(rate), given.expire
        if expire is None:
            expire = (BURST_EXPIRE if rate.bytes and burst else rate.seconds) * 1000
        average, interval = rate.average, given.interval
        if given.rate_match:
            average = average if rate.bytes else average // rate.seconds
            interval = interval or (1 if rate.bytes else rate.seconds)
        every = (1 << facts.family.bits) - 1
        config = Config(
            name=given.table or "",
            above=rate.above,
            bytes=rate.bytes,
            average=average,
            burst=burst,
            mode=given.mode,
            size=min(given.size, MOST_SIZE),
            maximum=min(given.maximum, MOST_SIZE),
            gc_interval=given.gc_interval,
            expire=expire,
            source_mask=every if given.source_mask is None else given.source_mask,
            destination_mask=every if given.destination_mask is None else given.destination_mask,
            rate_match=bool(given.rate_match),
            interval=interval,
        )
        return {"config": config}

    def _burst(self, rate: HashRate) -> int:
        """Packets; or how often a second's bytes may pass at once."""
        if not rate.bytes:
            if self.burst > MOST_BURST:
                raise ParameterProblem(BAD_BURST)
            return int(self.burst)
        if not self.has(type(self).burst):
            return 0
        least = size_of(rate.average)
        if self.burst < max(least, 1):
            raise ParameterProblem(f"burst cannot be smaller than {least}b")
        return int(-(-self.burst // max(least, 1)) & WORD)

    @property
    def config(self) -> Config:
        """All that the match says."""
        found: Config = self.values["config"]
        return found

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """What cannot be a name, a mask or a time, and numbers that are too large to count with."""
        config = self.config
        if config.name in (".", "..") or "/" in config.name:
            return f"{config.name!r} cannot be the name of a table"
        if not config.gc_interval or not config.expire:
            return "a table's times cannot be 0"
        if None in (prefix_length(mask, facts.family) for mask in (config.source_mask, config.destination_mask)):
            return "a mask without a length"
        if config.rate_match:
            return None if 0 < config.average <= WORD else self._too_large("rate")
        if config.bytes:
            return None if byte_credits_of(config.average) else "the rate is too high"
        if config.burst and credits_of(config.average * config.burst & LONG) >= credits_of(config.average):
            return None
        return self._too_large("burst")

    @staticmethod
    def _too_large(what: str) -> Refusal:
        return Refusal(f"the {what} does not fit", "Numerical result out of range")

    def save(self, facts: RuleFacts) -> str:
        """Rate, burst, mode, name; the rest where it is not the default."""
        config = self.config
        burst = f" --hashlimit-burst {show_burst(config.average, config.burst)}" if config.burst else ""
        if config.bytes:
            rate, expire = show_bytes(config.average), 60_000 if config.burst else 15_000
        else:
            rate, expire = show_packets(config.average)
            burst = f" --hashlimit-burst {config.burst}"
        mode = f" --hashlimit-mode {','.join(config.mode)}" if config.mode else ""
        return (
            f" --hashlimit-{'above' if config.above else 'upto'} {rate}{burst}{mode} --hashlimit-name {config.name}"
            + self._rest("--hashlimit-", expire, facts)
        )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``limit: up to 512kb/s burst 1mb mode srcip-dstip``; a rate is that of its interval."""
        config = self.config
        burst = f" burst {show_burst(config.average, config.burst)}" if config.burst else ""
        if config.bytes:
            rate, expire = show_bytes(config.average), 60_000 if config.burst else 15_000
        else:
            rate, expire = show_packets(config.average * (config.interval or 1))
            burst = f" burst {config.burst}"
        mode = f" mode {'-'.join(config.mode)}" if config.mode else ""
        return f" limit: {'above' if config.above else 'up to'} {rate}{burst}{mode}" + self._rest("", expire, facts)

    def _rest(self, dashes: str, expire: int, facts: RuleFacts) -> str:
        config = self.config
        numbers = (
            ("htable-size", config.size, 0),
            ("htable-max", config.maximum, 0),
            ("htable-gcinterval", config.gc_interval, DEFAULT_GC),
            ("htable-expire", config.expire, expire),
            ("srcmask", prefix_length(config.source_mask, facts.family), facts.family.bits),
            ("dstmask", prefix_length(config.destination_mask, facts.family), facts.family.bits),
        )
        text = "".join(f" {dashes}{name} {number}" for name, number, usual in numbers if number != usual)
        if config.rate_match:
            text += f" {dashes}rate-match"
            text += f" {dashes}rate-interval {config.interval}" if config.interval != 1 else ""
        return text

    def open(self, services: Services) -> HashTable:
        """The table of that name, which all rules that name it share."""
        found: HashTable = services.shared(f"hashlimit {self.config.name}", partial(HashTable, self.config))
        return found

    def step(self, skb: Any, state: HashTable, services: Services) -> bool:
        """Look the group up, and take the packet's cost off (hashlimit_mt)."""
        group = state.group(skb)
        bucket = state.bucket(group, jiffies(services.now)) if group is not None else None
        if bucket is None:
            skb.hotdrop = True
            return False
        return state.under(bucket, self.config, len(skb.data)) is not self.config.above
