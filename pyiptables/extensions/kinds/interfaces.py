"""Names of interfaces as values of options (xtables_parse_interface)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts

LONGEST = 15


class InterfaceName(Kind):
    """A name of at most 15 bytes; ``+`` at its end stands for any rest."""

    metavar = "name[+]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The name."""
        if len(texts[0].encode("utf-8", "surrogateescape")) > LONGEST:
            raise ParameterProblem(f"interface name `{texts[0]}' must be shorter than IFNAMSIZ ({LONGEST})")
        if "/" in texts[0] or " " in texts[0]:
            facts.warnings.append(
                f"Warning: weird character in interface `{texts[0]}' ('/' and ' ' are not allowed by the kernel).\n"
            )
        return texts[0]


INTERFACE = InterfaceName()
