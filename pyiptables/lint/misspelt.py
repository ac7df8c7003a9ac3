"""Which of the checks of refused lines a refusal belongs to, where several might claim it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from pyiptables.lint.refusals import ELSEWHERE
from pyiptables.lint.subject import Refused, spans
from pyiptables.ruleset.validity import Refused as KernelRefused
from pyiptables.syntax.commands import target_names
from pyiptables.syntax.messages import Misspelt

PORT_OPTIONS = frozenset(
    ("--dport", "--sport", "--dports", "--sports", "--ports", "--destination-port", "--source-port", "--syn", "--tcp-flags",
     "--icmp-type", "--icmpv6-type", "--tcp-option", "--destination-ports", "--source-ports", "--reject-with"),
)  # fmt: skip
"""Options that a protocol brings in."""
_TAKE_A_WORD = frozenset(("-s", "-d", "-i", "-o", "-p", "-j", "-g", "-m", "-A", "-I", *PORT_OPTIONS))
_PROTOCOL = frozenset(("-p", "--protocol", "--proto"))


def meant_for_target(cause: Misspelt) -> bool:
    """Whether the name behind ``-j`` is nearer to a target than to any chain there might be."""
    if cause.word in ELSEWHERE:
        return True
    names = {name.upper() for name in target_names()}
    return cause.word.upper() in names or bool(get_close_matches(cause.word, target_names(), n=1, cutoff=0.8))


def needs_protocol(refused: Refused) -> bool:
    """Whether a rule uses what only a protocol brings in, and names none that does."""
    refusal = refused.refusal
    if "needs `-p tcp'" in refusal.message or "only works with TCP" in refusal.message:
        return True
    if isinstance(refusal.cause, KernelRefused):
        return "needs a protocol of its own" in refusal.hint
    if not isinstance(refusal.cause, Misspelt) or refusal.cause.kind != "option":
        return False
    return refusal.cause.word in PORT_OPTIONS - {"--reject-with"}


def old_negation(refused: Refused) -> bool:
    """Whether the refused word belongs to ``OPTION ! VALUE``, as iptables once had it."""
    return any(start <= refused.refusal.column < end for _, start, end, _ in old_negations(refused))


def old_negations(refused: Refused) -> Iterator[tuple[str, int, int, int]]:
    """Each ``OPTION ! VALUE`` of the line: the option, its column, the end of the value, the end of the mark."""
    words = spans(refused.source.line(refused.refusal.line))
    for index in range(1, len(words) - 1):
        option, value = words[index - 1], words[index + 1]
        if words[index][0] != "!" or not option[0].startswith("-") or value[0].startswith(("-", "!")):
            continue
        if option[0] not in ("-A", "-I", "-j", "-m", "-t"):
            yield option[0], option[1], value[2], words[index][2]


def swallowed(refused: Refused) -> tuple[str, str] | None:
    """The option that took the next one for its value, and that one; None where the refused word has another reason."""
    words = spans(refused.source.line(refused.refusal.line))
    for (option, _, _), (value, _, _), (_, start, end) in zip(words, words[1:], words[2:], strict=False):
        if start <= refused.refusal.column < end and option in _TAKE_A_WORD and value.startswith("-"):
            return option, value
    return None
