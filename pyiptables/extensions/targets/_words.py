"""Listing options as they are saved, but without their dashes."""

from __future__ import annotations

from pyiptables.extensions.base import RuleFacts, Target


def without_dashes(target: Target, facts: RuleFacts) -> str:
    """The given options that are not hidden, each with a blank before it: `` nflog-group 5 nflog-threshold 3``."""
    given = (option for option in target.options.values() if target.has(option) and not option.hidden)
    return "".join(target.save_option(option, facts).replace(" --", " ", 1) for option in given)
