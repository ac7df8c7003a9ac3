"""getopt_long's plain way: options, other words, and its own messages."""

from __future__ import annotations

import pytest

from pyiptables.syntax.getopt import NONE, OPTIONAL, REQUIRED, Known, Misuse, gather

KNOWN = {
    "-c": Known("c", NONE),
    "--counters": Known("c", NONE),
    "-t": Known("t", NONE),
    "--test": Known("t", NONE),
    "-T": Known("T", REQUIRED),
    "--table": Known("T", REQUIRED),
    "-w": Known("w", NONE),
    "--wait": Known("w", OPTIONAL),
}

TAKEN = [
    ("-ct file", [("c", None), ("t", None)], ["file"]),
    ("file -c", [("c", None)], ["file"]),
    ("--count", [("c", None)], []),
    ("-Tfilter --table=nat --tab raw", [("T", "filter"), ("T", "nat"), ("T", "raw")], []),
    ("-- -c", [], ["-c"]),
    ("- -c", [("c", None)], ["-"]),
    ("-w 5 -w -c", [("w", "5"), ("w", None), ("c", None)], []),
    ("--wait=7 x", [("w", "7")], ["x"]),
]
REFUSED = [
    ("-x", "prog: invalid option -- 'x'"),
    ("-cx", "prog: invalid option -- 'x'"),
    ("--foo", "prog: unrecognized option '--foo'"),
    ("--t", "prog: option '--t' is ambiguous; possibilities: '--test' '--table'"),
    ("-T", "prog: option requires an argument -- 'T'"),
    ("--tab", "prog: option '--table' requires an argument"),
    ("--counters=3", "prog: option '--counters' doesn't allow an argument"),
]


@pytest.mark.parametrize(("words", "options", "others"), TAKEN)
def test_taken(words: str, options: list[tuple[str, str | None]], others: list[str]) -> None:
    taken: list[tuple[str, str | None]] = []
    assert gather(words.split(), KNOWN, "prog", lambda *option: taken.append(option), greedy="w") == others
    assert taken == options


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_refused(words: str, message: str) -> None:
    taken: list[tuple[str, str | None]] = []
    with pytest.raises(Misuse) as caught:
        gather(["-c", *words.split()], KNOWN, "prog", lambda *option: taken.append(option))
    assert caught.value.text == message
    assert taken[:1] == [("c", None)]  # what stands before has its effect
