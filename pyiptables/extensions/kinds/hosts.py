"""Hosts under a mask, as the guided parser reads them (XTTYPE_HOSTMASK): resolved, and the address left as it is."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.hooks import Family
from pyiptables.packet import names
from pyiptables.packet.addresses import prefix_length, prefix_mask, to_text


class HostMask(Kind):
    """``HOST[/MASK]``: a pair of numbers, address and mask; the mask is a prefix length or an address."""

    metavar = "address[/mask]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Address and mask; a host with several addresses is refused."""
        host, slash, mask = texts[0].partition("/")
        address = resolve_one(host, facts.family)
        if not slash:
            return (address, prefix_mask(facts.family.bits, facts.family))
        found = read_mask(mask, facts.family)
        if found is None:
            raise ParameterProblem(
                f'{facts.extension}: bad value for option "{option.names[0]}", '
                f"neither a valid network mask nor valid CIDR (0-{facts.family.bits}).\n"
            )
        return (address, found)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``ADDRESS``, with ``/LENGTH`` or ``/MASK`` unless the mask is all ones."""
        return to_text(value[0], facts.family) + _mask_text(value[1], facts.family)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The same, by the host's name without ``-n``; the address 0 is ``anywhere``."""
        address, mask = value
        if numeric:
            return self.save(value, facts)
        return "anywhere" if not address else names.any_name(address, facts.family) + _mask_text(mask, facts.family)


@lru_cache(maxsize=1024)
def resolve_one(host: str, family: Family) -> int:
    """The one address of a host (getaddrinfo); ParameterProblem when it has none or several."""
    try:
        found = _addresses(host, family, 0)
    except socket.gaierror as error:
        raise ParameterProblem(f"getaddrinfo: {error.strerror}\n") from error
    except (OSError, ValueError) as error:
        raise ParameterProblem("getaddrinfo: Name or service not known\n") from error
    if len(found) > 1:
        raise ParameterProblem(f"{host} resolves to more than one address\n")
    return found.pop()


@lru_cache(maxsize=1024)
def read_mask(text: str, family: Family) -> int | None:
    """The mask of a prefix length, or one that is written as an address; None when it is neither."""
    length = whole_number(text, 0, family.bits)
    if length is not None:
        return prefix_mask(length, family)
    try:
        return _addresses(text, family, socket.AI_NUMERICHOST).pop()
    except (OSError, ValueError):
        return None


def _addresses(host: str, family: Family, flags: int) -> set[int]:
    kind = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    answers = socket.getaddrinfo(host.encode("utf-8", "surrogateescape"), None, kind, 0, 0, flags)  # as it is: no IDNA
    texts = (str(answer[4][0]).partition("%")[0] for answer in answers)
    return {int.from_bytes(socket.inet_pton(kind, text), "big") for text in texts}


def _mask_text(mask: int, family: Family) -> str:
    length = prefix_length(mask, family)
    if length is None:
        return f"/{to_text(mask, family)}"
    return "" if length == family.bits else f"/{length}"


HOST_MASK = HostMask()
