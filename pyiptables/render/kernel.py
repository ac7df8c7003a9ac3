"""The line that the kernel's log shows for a LOG or TRACE.

Source: net/netfilter/nf_log_syslog.c of Linux 6.18; the time stamp is that of kernel/printk/printk.c.
"""

from __future__ import annotations

from functools import lru_cache

from pyiptables.hooks import Family
from pyiptables.render.kernel_ipv4 import dump_ipv4
from pyiptables.render.kernel_ipv6 import dump_ipv6
from pyiptables.render.kernel_transport import Dump, LogFlag
from pyiptables.trace.events import Logged

LONGEST = 1016
"""Characters that a line can have behind its time stamp: the logger's buffer, less the level's two and the end."""
_ETHERNET = 14


def kernel_line(event: Logged, start_ns: int) -> str:
    r"""The line as dmesg shows it, its time in seconds since ``start_ns`` (nanoseconds on the capture's clock).

    Nearly every line ends in a blank, as the kernel's do. Characters that cannot be printed stand as dmesg writes them
    (``\x1b``), so that a line is one line. Never raises, whatever the packet's bytes say.
    """
    line = f"{_printable(event.prefix)}IN={_printable(event.in_interface)} OUT={_printable(event.out_interface)} "
    if event.in_interface:
        line += _mac_header(event)
    headers, goes_on = _headers(event.data, event.flags, event.family)
    line += headers
    if goes_on:
        if event.flags & LogFlag.UID and event.uid is not None:
            line += f"UID={event.uid} GID={event.gid or 0} "
        if event.mark:
            line += f"MARK=0x{event.mark:x} "
    return _stamp(event.time - start_ns) + line[:LONGEST]


@lru_cache(maxsize=64)
def _headers(data: bytes, flags: int, family: Family) -> tuple[str, bool]:
    """The packet itself, and whether the line goes on behind it: under TRACE each rule writes it again."""
    dump = Dump(data, flags)
    goes_on = dump_ipv4(dump) if family is Family.IPV4 else dump_ipv6(dump)
    return "".join(dump.words), goes_on


def _stamp(nanoseconds: int) -> str:
    """``[    0.010000] ``; a packet from before the start has a minus sign."""
    sign = "-" if nanoseconds < 0 else ""
    seconds, rest = divmod(abs(nanoseconds) // 1000, 1_000_000)
    return f"[{f'{sign}{seconds}':>5}.{rest:06}] "


def _mac_header(event: Logged) -> str:
    """The link-layer header: as it came, or decoded where the rule asks for that and the interface is Ethernet's."""
    mac = event.mac
    if event.flags & LogFlag.MACDECODE and not mac:
        return ""
    if event.flags & LogFlag.MACDECODE and len(mac) >= _ETHERNET and event.in_interface != "lo":
        return f"MACSRC={mac[6:12].hex(':')} MACDST={mac[:6].hex(':')} MACPROTO={mac[12:14].hex()} "
    return f"MAC={mac.hex(':')} "


def _printable(text: str) -> str:
    r"""The text with each byte of what cannot be printed as ``\xNN``."""
    if text.isascii() and text.isprintable():
        return text
    shown = (
        letter
        if letter.isprintable()
        else "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
        for letter in text
    )
    return "".join(shown)
