"""Rules read by the plan of their shape: the same rules, warnings and errors as from the walk of every line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyiptables.hooks import Family
from pyiptables.ruleset.model import Ruleset, RuleSpec
from pyiptables.syntax import spellings
from pyiptables.syntax.restore import Restore, RestoreFailed, Settings, Silent
from pyiptables.syntax.shapes import Shapes
from pyiptables.syntax.spellings import Spellings

BEFORE = "*{table}\n:old - [0:0]\n:NOTRACK - [0:0]\nCOMMIT\n"
"""What is there already."""
HEAD = "*raw\n:three - [0:0]\n:TRACE - [0:0]\nCOMMIT\n*{table}\n:CLASSIFY - [0:0]\n:one - [0:0]\n:two - [0:0]\n"
"""Chains announced in one table are taken for chains in the next, where they are not."""

# Rules with places for values; those of one kind are read by one plan, as far as there is one.
SHAPES = [
    "-A {chain} -s {address} -p tcp --dport {port} -j DROP",
    "-A {chain} ! -s {address} -d {address} -j {target}",
    "-A FORWARD -i {interface} -o {interface} -j {target}",
    "-A {chain} ! -o {interface} -p {protocol} --sport {port}",
    "-A {chain} -p {protocol} -m {protocol} --dport {port} -g {target}",
    "-A {chain} -m comment --comment {text} -m tcp -p tcp -d {address} ! --dport {port} -j {target}",
    "-A {chain} -m comment --comment {text} -m statistic --mode random --probability {number} -j {target}",
    "-A {chain} -p tcp --tcp-flags {flags} {flags}",
    "-A {chain} -m set --match-set {text} {direction} -m set ! --match-set {text} {direction}",
    "-A {chain} -m iprange --src-range {range}",
    "-A {chain} -m conntrack --ctstate {state} -j LOG --log-prefix {text}",
    "-A {chain} -p tcp -j DNAT --to-destination {address}:{port}",
    "-A {chain} -j MARK --set-xmark {number}/{number}",
    "-A {chain} -j NFLOG --nflog-range {number}",
    "-A {chain} -m comment -m tcp -p tcp --comment {text} --dport {port} -j {target}",
    "-A {chain} -s{address} --prot {protocol} --source-port={port}",
    "-A {chain} -c {number} {number} -j {target}",
    "-A {chain} -s {address} -v",
    "-A {chain} -m comment --comment -j {target}",
    "-A {chain} -m comment --comment -m {match} -p {protocol}",
    "-A {chain} {option} {text} -j {target}",
    "-A {chain} -m {match} {option} {port}",
    "-I {chain} {number} -s {address}",
    "-D {chain} -s {address} -p tcp --dport {port} -j DROP",
    "-N {target}",
    ":{target} - [0:0]",
    "-F {chain}",
]

VALUES = {
    "chain": ["FORWARD", "one", "two", "INPUT", "OUTPUT", "CLASSIFY", "none", "a-name-that-is-by-far-too-long"],
    "target": [
        "one",
        "two",
        "CLASSIFY",
        "ACCEPT",
        "LOG",
        "INPUT",
        "RETURN",
        "CONTINUE",
        "MARK",
        "new",
        "three",
        "TRACE",
        "old",
        "NOTRACK",
        '"a b"',
        '""',
        "--x",
    ],
    "address": [
        "10.0.0.1",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "1.2.3.4,5.6.7.8",
        "10.0.0.1/255.0.255.0",
        "300.1",
        "::1",
        '"',
        "!",
    ],
    "range": ["10.0.0.1-10.0.0.3", "10.0.0.7", "1.1.1.1-2.2.2.2", "10.0.0.3-10.0.0.1", "1-", "-"],
    "interface": ["eth0", "eth+", "+", "a/b", '""', "longer-than-fifteen", "-"],
    "protocol": ["tcp", "udp", "17", "all", "icmp", "nope", "TCP"],
    "port": ["22", "1:2", ":", "ssh", "70000", "2:1", "0:65535", "-1", '""', "22,23"],
    "text": ["plain", '"two words"', '"-j"', "-j", "!", '""', '"a\\"b"', "é", "x" * 300, "(x)", "tcp"],
    "number": ["1", "0", "0.5", "2", "0x10", "-1", "nan", "4294967296", "x"],
    "flags": ["SYN", "SYN,ACK", "ALL", "NONE", "none", "XXX", "-", "!"],
    "direction": ["src", "dst", "src,dst", "-j", "x"],
    "state": ["NEW", "NEW,ESTABLISHED", "INVALID,", "x", "DNAT"],
    "option": ["-s", "-p", "-m", "-j", "-g", "-i", "!", "--comment", "--dport", "-f", "--", "--mark", "-4", "--d"],
    "match": ["tcp", "mark", "comment", "multiport", "nope", "limit"],
}
USUAL = 3
"""So many of each kind are read without complaint, mostly."""


class Recorded(Silent):
    """Keeps the warnings, and the rules that ``-v`` prints."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def rule(self, spec: RuleSpec, table: str) -> None:
        self.warnings.append(f"{table}: {spec}")


def restored(lines: list[str], options: Settings) -> tuple[object, ...]:
    """All that can be seen of a restore: rules with their lines and counters, warnings, the error and its place."""
    output = Recorded()
    table = lines[lines.index("COMMIT\n") + 1][1:].strip()
    before = Restore(Ruleset(Family.IPV4), Settings(), output)
    before.run(BEFORE.format(table=table).splitlines(keepends=True))
    restore = Restore(before.ruleset, options, output)
    error = None
    try:
        restore.run(lines)
    except RestoreFailed as failed:
        error = (failed.message, failed.status, failed.line, failed.column, failed.snippet, failed.hint, failed.text)
    rules = [(chain.name, rule, rule.line) for _, chain, _, rule in restore.ruleset.rules()]
    if restore._edit is not None:  # what a table had before the line that was refused
        rules += [
            (chain.name, rule, rule.line) for chain in restore._edit.commit().chains.values() for rule in chain.rules
        ]
    return rules, [given_words(rule) for *_, rule, _ in rules], output.warnings, error


def given_words(rule: object) -> list[tuple[str, ...]]:
    """The words that the extensions of a rule keep."""
    spec = rule.spec  # type: ignore[attr-defined]
    return [extension.given for extension in (*spec.matches, spec.target) if extension is not None]


def walked(lines: list[str], options: Settings) -> tuple[object, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shapes, "append", lambda *_: False)
        return restored(lines, options)


@pytest.fixture(autouse=True, scope="module")
def at_once():
    """A line is read by the expression of its spelling as soon as one has been read by its plan."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spellings, "USUAL_FROM", 1)
        yield


@st.composite
def files(draw: st.DrawFn) -> list[str]:
    """A file with few shapes, each with several values: most usual, some not."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    lines = []
    for _ in range(draw(st.integers(2, 12))):
        shape = draw(st.sampled_from(shapes))
        odd = draw(st.integers(0, 7)) == 0
        values = {kind: draw(st.sampled_from(some if odd else some[:USUAL])) for kind, some in VALUES.items()}
        counters = draw(st.sampled_from(["", "", "", "[3:4] ", "[x:1] "]))
        lines.append(counters + shape.format(**values) + "\n")
    table = draw(st.sampled_from(["filter", "nat", "mangle"]))
    return [*HEAD.format(table=table).splitlines(keepends=True), *lines, "COMMIT\n"]


@settings(max_examples=400, deadline=None)
@given(files(), st.booleans(), st.booleans(), st.booleans())
def test_plans_equal_the_walk(lines: list[str], counters: bool, test: bool, noflush: bool) -> None:
    options = Settings(counters=counters, test=test, noflush=noflush)
    assert restored(lines, options) == walked(lines, options)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", VALUES)
def test_each_value_after_a_usual_one(shape: str, kind: str) -> None:
    """One value after another in the same place: none may be read as the shape's first line was, where it is not like it."""
    if "{" + kind + "}" not in shape:
        return
    usual = {name: some[0] for name, some in VALUES.items()}
    for value in VALUES[kind]:
        rules = [shape.format(**{**usual, kind: each}) for each in (*VALUES[kind][:2], value, usual[kind])]
        lines = [*HEAD.format(table="filter").splitlines(keepends=True), *(f"{rule}\n" for rule in rules), "COMMIT\n"]
        for options in (Settings(), Settings(noflush=True, test=True)):
            assert restored(lines, options) == walked(lines, options), value


PLANNED = [
    # a line, another of its shape, and whether the second needs no walk
    ("-A INPUT -s 1.2.3.4 -p tcp --dport 5 -j DROP", "-A OUTPUT -s 2.0.0.0/8 -p tcp --dport ssh -j DROP", True),
    ("-A INPUT -j one", "-A one -j two", True),
    ("-A INPUT -p tcp -j one", "-A INPUT -p udp -j one", False),
    ("-A INPUT -j one", "-A INPUT -g one", False),
    ("-A INPUT -s 1.2.3.4", "-A INPUT -s 1.2.3.4,1.2.3.5", False),
    ("-A INPUT -i eth0", "-A OUTPUT -i eth0", False),
    ("-A INPUT -i +", "-A INPUT -i eth0", False),
    ('-A INPUT -m comment --comment "a b" -j one', "-A one -m comment --comment c -j two", True),
    ("-A INPUT -m mark --mark 1 -j MARK --set-mark 2", "-A INPUT -m mark --mark 0x3 -j MARK --set-mark 4", True),
    ("-I INPUT -s 1.2.3.4", "-I INPUT -s 1.2.3.5", False),
]


@pytest.mark.parametrize(("first", "second", "planned"), PLANNED)
def test_what_is_planned(first: str, second: str, planned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    append = Shapes.append
    monkeypatch.setattr(Shapes, "append_text", lambda *_: False)

    def noted(*arguments: object) -> bool:
        answers.append(append(*arguments))  # type: ignore[arg-type]
        return answers[-1]

    monkeypatch.setattr(Shapes, "append", noted)
    restored([*HEAD.format(table="filter").splitlines(keepends=True), f"{first}\n", f"{second}\n"], Settings())
    assert answers == [False, planned]


FIRST = '-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -j one\n'
SPELT = [
    # another line, and whether the expression of the first one's spelling reads it
    ('-A OUTPUT -s 10.0.0.0/8 -m comment --comment "c" -p tcp --dport ssh -j two\n', True),
    ('[3:4] -A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -j one\n', True),
    ('[0:0] -A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -j one\n', True),
    ('[3:4]  -A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -j one\n', False),
    ("-A INPUT -s 1.2.3.4 -m comment --comment ab -p tcp --dport 22 -j one\n", False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a \\" b" -p tcp --dport 22 -j one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a\nb" -p tcp --dport 22 -j one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "-j" -p tcp --dport 22 -j one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b"  -p tcp --dport 22 -j one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -j one', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p udp --dport 22 -j one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -g one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -j DROP\n', True),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -j none\n', True),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 22 -j one -f\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 2\t2 -j one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport 2"2" -j one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b" -p tcp --dport -1 -j one\n', False),
    ('-A INPUT -s 1.2.3.4 -m comment --comment "a b\0" -p tcp --dport 22 -j one\n', False),
    (f'-A INPUT -s 1.2.3.4 -m comment --comment "{"x" * 1100}" -p tcp --dport 22 -j one\n', False),
    (f'-A INPUT -s 1.2.3.4 -m comment --comment "{"é" * 600}" -p tcp --dport 22 -j one\n', False),
]


@pytest.mark.parametrize(("second", "spelt"), SPELT)
def test_what_is_spelt_alike(second: str, spelt: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {}
    read = Spellings.read

    def noted(self: Spellings, text: str) -> object:
        found = read(self, text)
        answers[text] = found is not None
        return found

    monkeypatch.setattr(Spellings, "read", noted)
    lines = [*HEAD.format(table="filter").splitlines(keepends=True), FIRST, FIRST, FIRST, second, "COMMIT\n"]
    for options in (Settings(counters=True), Settings()):
        found = restored(lines, options)
        assert answers[FIRST]
        assert answers[second] is spelt
        assert found == walked(lines, options)


@pytest.mark.parametrize("other", ["ACCEPT", "one", "CLASSIFY", "none", "1.2.3.4", '"DROP"', "new", "DROPS"])
def test_target_of_a_spelling(other: str) -> None:
    """Lines that jump to a verdict or target are spelt alike only with the very same one."""
    rules = [f"-A INPUT -s 1.2.3.4 -j {target}\n" for target in ("DROP", "DROP", "DROP", other, "DROP", "one", other)]
    lines = [*HEAD.format(table="filter").splitlines(keepends=True), *rules, "COMMIT\n"]
    assert restored(lines, Settings()) == walked(lines, Settings())
