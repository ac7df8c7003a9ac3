"""E013."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.subject import Subject

LIMITS = (((6, 11), 65535), ((3, 19), 255), ((0, 0), 20))
"""From which kernel on, and the greatest ``--hitcount`` it takes (net/netfilter/xt_recent.c)."""


class HitcountLimit(Check):
    """``-m recent --hitcount`` above what the kernel of the settings takes.

    Linux 6.11 takes up to 65535, older ones from 3.19 on up to 255, those before no more than the module's
    ``ip_pkt_list_tot``, 20 unless it is set. The check needs ``--kernel`` (or ``kernel`` in the settings): what a newer one
    loads an older one refuses with ``Invalid argument``.

    Bad:
        # kernel = "5.10"
        -A INPUT -m recent --update --seconds 60 --hitcount 1000 -j DROP

    Good:
        -A INPUT -m recent --update --seconds 60 --hitcount 250 -j DROP

    Suppress when:
        an old kernel loads xt_recent with a greater ``ip_pkt_list_tot``.
    """

    code = "E013"
    name = "hitcount-limit"
    severity = Severity.ERROR

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules whose hit count is above the kernel's limit."""
        kernel = subject.settings.kernel
        if kernel is None:
            return
        limit = next(limit for since, limit in LIMITS if kernel >= since)
        for rule in subject.using("recent"):
            for match in rule.spec.matches:
                count = match.values.get("hits") if match.name == "recent" else None
                if isinstance(count, int) and count > limit:
                    version = ".".join(map(str, kernel))
                    text = f"--hitcount {count} is above {limit}, the most that Linux {version} takes"
                    note = "unless xt_recent is loaded with a greater ip_pkt_list_tot" if limit == 20 else ""
                    yield self.at(subject, rule, text, option="--hitcount", proof=Proof(note=note))
