"""What matches on one number of a header share: how a range of it lists."""

from __future__ import annotations

from pyiptables.extensions.base import Match, Option
from pyiptables.extensions.kinds.numbers import UINT32_RANGE

EVERY_NUMBER = (0, 0xFFFFFFFF)


class RangedMatch(Match):
    """A match with an option that is a range of 32-bit numbers."""

    def list_range(self, option: Option) -> str:
        """``spi:5``, ``spis:!5:9``, with the option's ``list_as`` for a word; nothing when it says nothing."""
        value = self.values.get(option.attribute, EVERY_NUMBER)
        if value == EVERY_NUMBER and not self.inverts(option):
            return ""
        plural, mark = "s" if value[0] != value[1] else "", "!" if self.inverts(option) else ""
        return f"{option.list_as}{plural}:{mark}{UINT32_RANGE.save(value, self.no_facts)}"
