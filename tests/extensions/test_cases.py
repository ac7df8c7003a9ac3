"""Every extension's words, as iptables 1.8.13 reads, saves and lists them.

``cases/NAME.txt`` holds one case a line, under a head ``[COMMAND TABLE CHAIN]``:

    words | what -S prints after the protocol | what -L -n prints after the addresses | what -L prints there

``=`` stands for the words as they are, and in the last column for the same as with ``-n``; ``-`` for nothing. What is
refused has two columns: ``! message``, where ``\\n`` is a line break, or ``kernel: the words of its error number``.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from rule_words import facts_for, read, refused

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match

LOSSY = re.compile(r"codes \d|/0$|:\d+/\d")
"""What -S prints so that it cannot be read again: a range of ICMP codes, a base port that was lost or has no range."""


class Case(NamedTuple):
    command: str
    table: str
    chain: str
    words: str
    expected: tuple[str, ...]


def cases():
    for path in sorted((Path(__file__).parent / "cases").glob("*.txt")):
        head = ()
        for number, line in enumerate(path.read_text("utf-8", "surrogateescape").split("\n"), 1):
            if line.startswith("["):
                head = line[1:-1].split()
            elif line and not line.startswith("#"):
                words, *expected = line.split(" | ")
                yield pytest.param(Case(*head, words, tuple(expected)), id=f"{path.stem}:{number}")


def saved(extensions, facts):
    return " ".join(f"{'-m' if isinstance(one, Match) else '-j'} {one.name}{one.save(facts)}" for one in extensions)


def listed(extensions, facts, numeric):
    text = "".join(one.list(facts, numeric) for one in extensions)
    assert not text or text[0] == " "
    return text[1:] or "-"


@pytest.mark.parametrize("case", list(cases()))
def test_case(case):
    facts = facts_for(case.command, case.table)
    first = case.expected[0]
    if first.startswith("! "):
        with pytest.raises(ParameterProblem) as caught:
            read(case.words, facts)
        assert str(caught.value) == first[2:].replace("\\n", "\n")
        return
    extensions = read(case.words, facts)
    answers = [answer for one in extensions if (answer := refused(one, facts, case.chain))]
    if first.startswith("kernel: "):
        assert answers == [first.removeprefix("kernel: ")]
        return
    assert not answers
    words, text = (re.sub(r"^(! )?-p \S+ ", "", part) for part in (case.words, first))
    assert saved(extensions, facts) == (words if text == "=" else text)
    numeric, by_name = case.expected[1:]
    assert listed(extensions, facts, True) == numeric
    assert listed(extensions, facts, False) == (numeric if by_name == "=" else by_name)
    if not LOSSY.search(numeric) and not LOSSY.search(text):
        again = read(saved(extensions, facts).replace("\\'", "'"), facts)  # which the shell does not take for an escape
        assert again == extensions
        assert [hash(one) for one in again] == [hash(one) for one in extensions]
