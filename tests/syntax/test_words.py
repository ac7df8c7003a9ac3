"""Words of restore lines: the cases of the tongue, and a plain reading beside the fast one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyiptables.errors import ParameterProblem
from pyiptables.syntax.words import split, walk

CASES = [
    ("-A INPUT -j ACCEPT\n", ["-A", "INPUT", "-j", "ACCEPT"]),
    ("\t a \t b", ["a", "b"]),
    ('--comment "a b"', ["--comment", "a b"]),
    ('x"a b"', ["xa b"]),
    ('"a"b', ["a", "b"]),
    ('""', [""]),
    ('"a \\"b\\" \\\\ c"', ['a "b" \\ c']),
    ("'single quoted'", ["'single", "quoted'"]),
    ("a\\ b", ["a\\", "b"]),
    ('"never closed\n', ["never closed\n"]),
    ('"ends with \\', ["ends with "]),
    ("a\r\n", ["a\r"]),
    ("a\u00a0b\x0bc", ["a\u00a0b\x0bc"]),
    ("", []),
]


@pytest.mark.parametrize(("line", "words"), CASES)
def test_words(line: str, words: list[str]) -> None:
    assert split(line) == words
    assert [word for word, _ in walk(line)] == words


def plain_reading(line: str) -> list[str]:
    """Character by character, as the manual page of the format would say it."""
    words, word, in_quotes, escaped = [], "", False, False
    for character in line:
        if in_quotes:
            if escaped:
                word, escaped = word + character, False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_quotes = False
                words.append(word)
                word = ""
            else:
                word += character
        elif character == '"':
            in_quotes = True
        elif character in " \t\n":
            if word:
                words.append(word)
            word = ""
        else:
            word += character
    return [*words, word] if word else words


@given(st.text(alphabet="ab \"\\\t\n\r'é", max_size=40))
def test_fast_reading_equals_plain_reading(line: str) -> None:
    unclosed_and_empty = split(line)
    if unclosed_and_empty and unclosed_and_empty[-1] == "" and plain_reading(line) != unclosed_and_empty:
        unclosed_and_empty.pop()  # a quote opened at the very end holds nothing
    assert unclosed_and_empty == plain_reading(line)
    assert split(line) == [word for word, _ in walk(line)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a" * 1023, None),
        ("a" * 1024, "Parameter too long!"),
        ("é" * 512, "Parameter too long!"),
        ("a " * 254, None),
        ("a " * 255, "Parser cannot handle more arguments"),
        ("a" * 10_000_000, "Parameter too long!"),
        ("a " * 5_000_000, "Parser cannot handle more arguments"),
        ('"' * 10_000_001, "Parser cannot handle more arguments"),
        ('"' + "\\a" * 5_000_000, "Parameter too long!"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_limits(line: str, message: str | None) -> None:
    begin = time.monotonic()
    if message is None:
        split(line)
    else:
        with pytest.raises(ParameterProblem, match=message):
            split(line)
    assert time.monotonic() - begin < 5
