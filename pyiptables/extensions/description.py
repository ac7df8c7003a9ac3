"""What a declaration says about an extension, in words: the facts that help and manual print."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Extension, Match, Option, RuleFacts, Target
from pyiptables.hooks import Family
from pyiptables.packet.names import KNOWN_PROTOCOLS, SAVED_PROTOCOLS

_LONGEST_DEFAULT = 20
_TRACKS = "a rule that has it turns connection tracking on"
_KEEPS_STATE = "the answer hangs on what has passed before, or on the clock"
_NOT_MODELLED = "not modelled, so that it does not match"


def synopsis(option: Option) -> str:
    """An option as it is written in a rule: ``[!] --source-port port[:port]``."""
    mark = "[!] " if option.invertible else ""
    value = f"[{option.kind.metavar}]" if option.kind.optional else option.kind.metavar
    return f"{mark}{option.names[0]}{f' {value}' if option.kind.words else ''}"


def remarks(extension: type[Extension], option: Option, family: Family) -> str:
    """What holds for an option beside its help line, parted by semicolons; empty when nothing does."""
    return "; ".join(_remarks(extension, option, family))


def _remarks(extension: type[Extension], option: Option, family: Family) -> Iterator[str]:
    if option.required:
        yield "must be given"
    if option.kind.limits:
        yield option.kind.limits
    default = option.default if option.kind.words else None
    if default and isinstance(default, int | str):
        text = option.kind.save(default, RuleFacts(family))
        if len(text) <= _LONGEST_DEFAULT:
            yield f"default {text}"
    names = list(option.kind.choices(family))
    if not set(names) <= set(option.kind.metavar.split("|")):
        yield f"names: {', '.join(names)}"
    clashes = (extension.options.get(name) for name in option.excludes if name != option.attribute)
    others = [other.names[0] for other in clashes if other is not None]
    if others:
        yield f"not together with {', '.join(others)}"
    if option.also:
        yield f"only with {', '.join(extension.options[name].names[0] for name in option.also)}"


def places(extension: type[Extension]) -> Iterator[tuple[str, str]]:
    """Where an extension may stand: what is restricted, and to what. Nothing for one that may stand anywhere."""
    if len(extension.families) == 1:
        yield "Family", f"IPv{extension.families[0].version} only"
    if extension.tables is not None:
        yield "Tables", ", ".join(sorted(extension.tables))
    varies = extension.allowed_hooks is not Extension.allowed_hooks
    if extension.hooks is not None:
        yield "Hooks", ", ".join(hook.name for hook in sorted(extension.hooks))
    elif varies:
        yield "Hooks", "fewer with some options"
    if extension.protocols is not None:
        named = (SAVED_PROTOCOLS.get(number) or str(number) for number in sorted(extension.protocols))
        yield "Protocols", ", ".join(f"-p {name}" for name in named)
    if issubclass(extension, Target) and extension.terminal:
        yield "Verdict", "ends the packet's way through the table"
    brought = brought_by(extension)
    if brought is not None:
        yield "Loaded by", f"-p {brought}, as soon as one of its options is used"


def brought_by(extension: type[Extension]) -> str | None:
    """The protocol whose ``-p`` brings a match in as soon as one of its options is used; None when there is none."""
    names = ("icmpv6",) if extension.name == "icmp6" else (extension.name,)
    return next((name for name in names if issubclass(extension, Match) and name in KNOWN_PROTOCOLS), None)


def evaluation(extension: type[Extension]) -> list[str]:
    """What ``pyipt trace`` needs to evaluate it, in phrases; empty when the packet alone is enough."""
    found = [f"needs {extension.needs}"] if extension.needs else []
    if extension.tracks is not Extension.tracks:
        found.append(_TRACKS)
    if issubclass(extension, Match) and extension.stateful and not extension.needs:
        found.append(_KEEPS_STATE)
    if extension.unknown:
        found.append(f"{_NOT_MODELLED if issubclass(extension, Match) else 'not modelled'}: {extension.unknown}")
    return found
