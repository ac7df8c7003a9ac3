"""W102."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.cutting import cut_texts
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject

PREFIXES = (("LOG", "--log-prefix", 29), ("NFLOG", "--nflog-prefix", 63))


class PrefixCut(Check):
    """A log prefix that is cut: LOG keeps 29 bytes, NFLOG 63.

    Nothing is said; whatever looks for the whole prefix in the log no longer finds it, and the blank that should part the
    prefix from the packet is the first to go. (With nftables underneath, NFLOG prefixes are not cut.)

    Bad:
        -A INPUT -j LOG --log-prefix "firewall: input: dropped packet: "

    Good:
        -A INPUT -j LOG --log-prefix "fw input drop: "

    Suppress when:
        what reads the log knows the cut form.
    """

    code = "W102"
    name = "log-prefix-cut"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with such a prefix."""
        for target, option, most in PREFIXES:
            for rule, text, size in cut_texts(subject, target, option, most):
                kept = text.encode("utf-8", "surrogateescape")[:most].decode("utf-8", "replace")
                message = f'the prefix has {size} bytes, of which {target} keeps {most}: "{kept}"'
                yield self.at(subject, rule, message, option=option)
