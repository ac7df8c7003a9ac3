"""Values of -s and -d."""

from __future__ import annotations

import pytest

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.kinds.addresses import parse_addresses
from pyiptables.hooks import Family
from pyiptables.packet.addresses import to_text

V4, V6 = Family.IPV4, Family.IPV6

READ = [
    (V4, "1.2.3.4", "1.2.3.4/255.255.255.255"),
    (V4, "1.2.3", "1.2.3.0/255.255.255.255"),
    (V4, "10/8", "10.0.0.0/255.0.0.0"),
    (V4, "010.1.1.1", "8.1.1.1/255.255.255.255"),
    (V4, "0x7f.1", "127.1.0.0/255.255.255.255"),
    (V4, "1.2.3.4/0", "0.0.0.0/0.0.0.0"),
    (V4, "any/0", "0.0.0.0/0.0.0.0"),
    (V4, "1.2.3.4/255.0.255.0", "1.0.3.0/255.0.255.0"),
    (V4, "1.2.3.4/0x18", "1.2.3.0/255.255.255.0"),
    (V4, "1.1.1.1,2.2.2.2/16, 3.3.3.3", "1.1.1.1/255.255.255.255 2.2.0.0/255.255.0.0 3.3.3.3/255.255.255.255"),
    (V6, "fe80::1/64", "fe80::/ffff:ffff:ffff:ffff::"),
    (V6, "fe80::1/ffff:0:ffff::", "fe80::/ffff:0:ffff::"),
    (V6, "::ffff:1.2.3.4", "::ffff:1.2.3.4/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    (V6, "x/0", "::/::"),
]
REFUSED = [
    (V4, "1.2.3.4/33", "invalid mask `33' specified"),
    (V4, "1.2.3.4/", "invalid mask `' specified"),
    (V4, "1.2.3.4/-1", "invalid mask `-1' specified"),
    (V4, "1.2.3.4/255.255", "invalid mask `255.255' specified"),
    (V4, "256.1.1.1", "host/network `256.1.1.1' not found"),
    (V4, "1.2.3.4,", "host/network `' not found"),
    (V4, "1.2.3.4 ", "host/network `1.2.3.4 ' not found"),
    (V4, "a\0b", "host/network `a\0b' not found"),
    (V4, "a" * 256, "Hostname too long"),
    (V6, "1.2.3.4", "host/network `1.2.3.4' not found"),
    (V6, "fe80::1/129", "invalid mask `129' specified"),
]


@pytest.mark.parametrize(("family", "text", "pairs"), READ)
def test_read(family: Family, text: str, pairs: str) -> None:
    found = parse_addresses(text, family)
    assert " ".join(f"{to_text(address, family)}/{to_text(mask, family)}" for address, mask in found) == pairs


@pytest.mark.parametrize(("family", "text", "message"), REFUSED)
def test_refused(family: Family, text: str, message: str) -> None:
    with pytest.raises(ParameterProblem) as caught:
        parse_addresses(text, family)
    assert caught.value.text == message
