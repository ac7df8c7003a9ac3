"""What matches on a range of 32-bit numbers share: how it lists."""

from __future__ import annotations

from pyiptables.extensions.base import Match, Option

EVERY_NUMBER = (0, 0xFFFFFFFF)


class RangedMatch(Match):
    """A match with an option that is a range of 32-bit numbers."""

    def list_range(self, option: Option) -> str:
        """``spi:5``, ``spis:!5:9``, with the option's ``list_as`` for a word; nothing when it says nothing."""
        low, high = self.values.get(option.attribute, EVERY_NUMBER)
        mark = "!" if self.inverts(option) else ""
        if low == high:
            return f"{option.list_as}:{mark}{low}"
        return f"{option.list_as}s:{mark}{low}:{high}" if mark or (low, high) != EVERY_NUMBER else ""
