"""The manual page of the extensions, pyipt-extensions(8), in roff, from the extensions' declarations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from pyiptables.extensions.base import Extension, Match, Option, Target
from pyiptables.extensions.description import evaluation, places, remarks, synopsis
from pyiptables.extensions.loading import find_match, find_target, names
from pyiptables.hooks import Family

_HEAD = """\
.\\" Made by "pyipt manual" from the extensions' declarations.
.TH PYIPT-EXTENSIONS 8 "2026" "pyiptables" "System Administration"
.nh
.ad l
.SH NAME
pyipt\\-extensions \\- the matches and targets that pyipt knows
.SH SYNOPSIS
.B pyipt
.RB [ \\-m
.I MATCH
.RI [ OPTIONS ]]...
.RB [ \\-j
.I TARGET
.RI [ OPTIONS ]]
.SH DESCRIPTION
Every match and target of
.BR pyipt (1),
with its options as rules have them.
.B [!]
stands before an option that
.B !
inverts. An option may be cut short as long as no other begins so. The same is printed by
.B pyipt \\-m
.I MATCH
.B \\-h
and
.B pyipt \\-j
.I TARGET
.BR \\-h ,
for IPv6 by
.BR pyip6t .
.PP
.B Evaluation
says what
.B pyipt trace
needs for an extension beside the packet. Where it says nothing, the packet is enough. Where something is not modelled, a
match does not match, inverted or not.
"""
_TAIL = """\
.SH SEE ALSO
.BR pyipt (1),
.BR iptables (8),
.BR iptables\\-extensions (8)
"""
_CODE = re.compile(r"``([^`]*)``")


def extensions_manual() -> Iterator[str]:
    """The page's text, in parts."""
    yield _HEAD
    yield ".SH MATCHES\n"
    yield from _all(names(Match), find_match)
    yield ".SH TARGETS\nBeside these there are ACCEPT, DROP, QUEUE, RETURN, and the table's own chains.\n"
    yield from _all(names(Target), find_target)
    yield _TAIL


def _all(known: Iterable[str], find: Callable[[str, Family], type[Extension] | None]) -> Iterator[str]:
    for name in known:
        found = {family: extension for family in Family if (extension := find(name, family)) is not None}
        kinds = dict.fromkeys(found.values())
        for extension in kinds:
            families = [family for family, one in found.items() if one is extension]
            only = f" (IPv{families[0].version})" if len(kinds) > 1 else ""
            yield f".SS {_roff(name)}{only}\n"
            yield from _section(extension, families)


def _section(extension: type[Extension], families: list[Family]) -> Iterator[str]:
    """What it does, its options, and where it may stand."""
    paragraphs = re.split(r"\n\s*\n", extension.__doc__ or "")
    yield ".PP\n".join(f"{_prose(paragraph)}\n" for paragraph in paragraphs)
    for option in extension.options.values():
        yield f".TP\n{_names(option)}\n{_capital(_prose(option.help))}.{_remarks(extension, option, families)}\n"
    facts = [(label, _prose(text)) for label, text in places(extension)]
    facts += [("Evaluation", "; ".join(_prose(phrase) for phrase in evaluation(extension)))]
    told = [f"\\fI{label}:\\fP {text}." for label, text in facts if text]
    if told:
        yield ".PP\n" + "\n.br\n".join(told) + "\n"


def _names(option: Option) -> str:
    """``[!] --name, --alias VALUE`` in bold, the value in italics."""
    first = synopsis(option).partition("--")[0]
    shown = ", ".join(f"\\fB{_roff(name)}\\fP" for name in option.names)
    value = synopsis(option).partition(option.names[0])[2]
    value = f" \\fI{_roff(value.strip())}\\fP" if value else ""
    return f"{first}{shown}{value}"


def _remarks(extension: type[Extension], option: Option, families: list[Family]) -> str:
    """What holds for the option, for each family where they differ."""
    texts = {family: remarks(extension, option, family) for family in families}
    if len(set(texts.values())) == 1:
        texts = {families[0]: texts[families[0]]}
    told = (f"{f'IPv{family.version}: ' if len(texts) > 1 else ''}{text}" for family, text in texts.items() if text)
    return "".join(f" {_capital(_prose(text))}." for text in told)


def _prose(text: str) -> str:
    """A text on one line, what stands in double backquotes bold. It must not begin with a full stop."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(f"\\fB{_roff(part)}\\fP" if place % 2 else _roff(part) for place, part in enumerate(parts))


def _roff(text: str) -> str:
    """A text without what roff takes for its own: backslashes, hyphens of options, quotes at a line's beginning."""
    return (
        text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
