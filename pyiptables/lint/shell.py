"""Reading the iptables commands of a shell script without executing anything.

Words, quotes, comments, continued lines, variables with plain values and loops over plain words are read as sh(1) has
them. What only running it would tell (substitutions, positional parameters, tests) is not guessed: a word that holds it
is unknown, and a command inside ``if``, ``case``, ``while``, a function or behind ``||`` may or may not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PROGRAMS = re.compile(r"(?:.*/)?(ip6?tables)(?:-legacy|-nft)?(-restore|-save)?$")
_MOST_COMMANDS = 200_000
_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+|\\\n)|(?P<comment>\#[^\n]*)|(?P<op>\n|;;&?|;&?|&&|\|\||\|&?|&(?![>0-9])|\(\(?|\)\)?)
    |(?P<redirect>[0-9]*(?:&>>?|>>?&?|<<-?|<<<|<>?&?)[ \t]*)""",
    re.VERBOSE,
)
_PIECE = re.compile(
    r"""'(?P<single>[^']*)'|\\(?P<escaped>[\s\S])|"(?P<double>(?:[^"\\]|\\[\s\S])*)"
    |(?P<dynamic>\$'(?:[^'\\]|\\[\s\S])*'|\$(?=")|\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|\$\{[^}]*\}|\$[A-Za-z_]\w*|\$[0-9@*\#?!$-])|(?P<plain>[^\s'"\\$`;&|()<>]+|\$)""",
    re.VERBOSE,
)
_DYNAMIC = re.compile(r"\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|\$\{[^}]*\}|\$[A-Za-z_]\w*|\$[0-9@*#?!$-]")
_NAME = re.compile(r"\$\{?([A-Za-z_]\w*)\}?$")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=")
_OPENING = {"if", "while", "until", "case", "select"}
_CLOSING = {"fi", "esac"}
_BEFORE = {"sudo", "exec", "command", "nice", "then", "else", "do", "!", "time", "eval", "run"}
_SETTING = {
    "read",
    "unset",
    "let",
    "printf",
    "getopts",
    "mapfile",
    "readarray",
    "export",
    "readonly",
    "local",
    "declare",
    "typeset",
}
"""Commands that change the variables they name."""
_FORGETTING = {".", "source", "eval"}
"""Commands that may change any variable."""
_BRACES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a word: its text, whether it is to be expanded, and whether it stands in quotes."""

    text: str
    dynamic: bool = False
    quoted: bool = False


@dataclass(slots=True)
class _Simple:
    """A simple command before expansion."""

    line: int
    words: list[tuple[Piece, ...]] = field(default_factory=list)
    before: str = ""


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """An iptables command of a script.

    ``words`` stand after the program's name; one is None where it cannot be known without running the script.
    ``certain``: whether it runs whenever the script does. ``program``: iptables, ip6tables, iptables-restore ...
    """

    line: int
    program: str
    words: tuple[str | None, ...]
    certain: bool


def commands(text: str) -> list[ShellCommand]:
    """All iptables commands of a script, in the order in which they would run, loops over plain words unrolled."""
    simple = list(_simple_commands(text))
    run = _Run()
    run.walk(simple, 0, len(simple))
    return run.found


def _simple_commands(text: str) -> Iterator[_Simple]:
    """The text cut into simple commands, with the operator before each."""
    line, at = 1, 0
    current = _Simple(1)
    heredocs: list[str] = []
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is not None and not (found["comment"] and at and text[at - 1] not in " \t\n;&|("):
            at = found.end()
            if found["redirect"] is not None:
                pieces, at = _word(text, at)
                if "<<" in found["redirect"] and "<<<" not in found["redirect"]:
                    heredocs.append("".join(piece.text for piece in pieces))
            elif found["op"] is not None:
                before = found["op"]
                if current.words:
                    yield current
                elif before == "\n" and current.before == ")":
                    before = ")"  # the brace of a function's body may stand on the next line
                current = _Simple(line, before=before)
            line += found[0].count("\n")
            if found["op"] == "\n":
                for mark in heredocs:
                    at, skipped = _behind(text, at, mark)
                    line += skipped
                heredocs.clear()
                current.line = line
            continue
        pieces, after = _word(text, at)
        if not current.words:
            current.line = line
        current.words.append(pieces)
        after = max(after, at + 1)
        line += text.count("\n", at, after)
        at = after
    if current.words:
        yield current


def _behind(text: str, at: int, end: str) -> tuple[int, int]:
    """The place behind a here-document, and how many lines it has."""
    found = re.compile(rf"^\t*{re.escape(end)}$\n?", re.MULTILINE).search(text, at)
    after = found.end() if found is not None else len(text)
    return after, text.count("\n", at, after)


def _word(text: str, at: int) -> tuple[tuple[Piece, ...], int]:
    pieces: list[Piece] = []
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            break
        at = found.end()
        if found["double"] is not None:
            pieces += _quoted(found["double"])
        elif found["dynamic"] is not None:
            pieces.append(Piece(found["dynamic"], dynamic=True))
        elif found["single"] is not None:
            pieces.append(Piece(found["single"], quoted=True))
        elif found["escaped"] is not None:
            if found["escaped"] != "\n":
                pieces.append(Piece(found["escaped"], quoted=True))
        else:
            pieces.append(Piece(found["plain"]))
    return tuple(pieces), at


def _quoted(text: str) -> Iterator[Piece]:
    at = 0
    yield Piece("", quoted=True)
    for found in _DYNAMIC.finditer(text):
        if found.start() and text[found.start() - 1] == "\\":
            continue
        yield Piece(_unescaped(text[at : found.start()]), quoted=True)
        yield Piece(found[0], dynamic=True, quoted=True)
        at = found.end()
    yield Piece(_unescaped(text[at:]), quoted=True)


def _unescaped(text: str) -> str:
    return re.sub(r'\\([\\"$`])', r"\1", text.replace("\\\n", ""))


class _Run:
    """Walks simple commands with the variables that are known."""

    def __init__(self) -> None:
        self.found: list[ShellCommand] = []
        self.known: dict[str, str | None] = {}
        self.volatile: set[str] = set()
        """Variables that a function, a branch or a loop sets: what they are later depends on what was run."""
        self.depth = 0
        self.subshell = 0
        self.ended = False
        """Whether the script has come to its end."""
        self.after_iptables = False
        """Whether the command before was one of iptables', which is taken to succeed."""

    def walk(self, simple: Sequence[_Simple], start: int, end: int) -> None:
        """Go through the commands of a range."""
        index = start
        while index < end and len(self.found) < _MOST_COMMANDS:
            command = simple[index]
            first = _literal(command.words[0])
            if first == "for":
                index = self._loop(simple, index, end)
                continue
            self._one(command, first)
            index += 1

    def _one(self, command: _Simple, first: str | None) -> None:
        words = command.words
        self.subshell = max(0, self.subshell + (command.before == "(") - (command.before == ")"))
        if any(_literal(word) in _FORGETTING for word in words[:2]):
            self._forget()
        while words and _literal(words[0]) in _OPENING | _CLOSING | _BEFORE | {"{", "}", "done", "elif", "function"}:
            word = _literal(words[0])
            if word in _OPENING or word == "function":
                self.depth += 1
            elif word in _CLOSING or word == "done":
                self.depth = max(0, self.depth - 1)
            elif word == "{" and command.before in (")", "))"):
                self.depth += 1  # the body of a function, which runs when it is called
            elif word == "}":
                self.depth = max(0, self.depth - 1)
            words = words[1:]
        if words and words[-1] and _literal(words[-1]) == "{":
            words = words[:-1]
        certain = self.depth == 0 and command.before != "||" and (command.before != "&&" or self.after_iptables)
        certain = certain and not self.ended
        self.after_iptables = False
        if words and (setting := _literal(words[0])) in _SETTING:
            self._set(words[1:], certain and setting in ("export", "readonly", "local", "declare", "typeset"))
            return
        while words and (found := _assignment(words[0])):
            self._assign(*found, certain)
            words = words[1:]
        if words:
            self.ended = self.ended or (certain and not self.subshell and _literal(words[0]) == "exit")
            self._command(command.line, words, certain)

    def _assign(self, name: str, value: Sequence[Piece], certain: bool) -> None:
        """Note a variable's value; what a branch or a subshell gives it is not known behind it."""
        if not certain or self.subshell:
            self.volatile.add(name)
        expanded = self._expand(value) if name not in self.volatile else None
        self.known[name] = " ".join(expanded) if expanded is not None else None

    def _set(self, words: Sequence[tuple[Piece, ...]], certain: bool) -> None:
        """The variables that a command names: ``export NAME=VALUE`` says the value, others do not."""
        for word in words:
            found = _assignment(word)
            if found is not None:
                self._assign(*found, certain)
            elif not certain and (name := _literal(word)) is not None:
                self.known[name] = None

    def _forget(self) -> None:
        """Take all variables for unknown, but for those that name iptables."""
        for name, value in self.known.items():
            if value is not None and not PROGRAMS.match(value):
                self.known[name] = None

    def _command(self, line: int, words: Sequence[tuple[Piece, ...]], certain: bool) -> None:
        program = self._expand(words[0])
        if not program:
            return
        found = PROGRAMS.match(program[0])
        if found is None:
            return
        rest: list[str | None] = list(program[1:])
        for word in words[1:]:
            expanded = self._expand(word)
            rest += [None] if expanded is None else expanded
        name = found[1] + (found[2] or "")
        self.after_iptables = True
        self.found.append(ShellCommand(line, name, tuple(rest), certain))

    def _loop(self, simple: Sequence[_Simple], index: int, end: int) -> int:
        """Unroll ``for NAME in WORDS``; the index behind its ``done``."""
        words = simple[index].words
        last = _matching_done(simple, index, end)
        name = _literal(words[1]) if len(words) > 2 else None
        values: list[str] | None = []
        for word in words[3:]:
            expanded = self._expand(word)
            values = None if values is None or expanded is None else values + expanded
        body = list(simple[index + 1 : last])
        if body and _literal(body[0].words[0]) == "do":
            body[0] = _Simple(body[0].line, body[0].words[1:], body[0].before)
            if not body[0].words:
                body.pop(0)
        if name is None or values is None or any(re.search(r"[*?\[]|\{.*\.\.", value) for value in values):
            self.depth += 1
            self.known[name or ""] = None
            self.walk(body, 0, len(body))
            self.depth -= 1
        else:
            for value in values:
                self.known[name] = value
                self.walk(body, 0, len(body))
        return last + 1

    def _expand(self, word: Sequence[Piece]) -> list[str] | None:
        """The words that a word becomes; None when it cannot be known."""
        words: list[str] = []
        current: str | None = None
        for piece in word:
            text = piece.text
            if piece.dynamic:
                found = _NAME.match(text)
                value = self.known.get(found[1]) if found is not None else None
                if value is None:
                    return None
                text = value
                if not piece.quoted:
                    parts = text.split()
                    if text[:1].isspace() and current is not None:
                        words.append(current)
                        current = None
                    for number, part in enumerate(parts):
                        if number and current is not None:
                            words.append(current)
                            current = ""
                        current = (current or "") + part
                    continue
            elif not piece.quoted and any("," in each or ".." in each for each in _BRACES.findall(text)):
                return None
            current = (current or "") + text
        if current is not None:
            words.append(current)
        return words


def _matching_done(simple: Sequence[_Simple], index: int, end: int) -> int:
    depth = 0
    for at in range(index, end):
        for word in simple[at].words[:2]:
            text = _literal(word)
            if text in ("for", "while", "until", "select"):
                depth += 1
            elif text == "done":
                depth -= 1
                if depth == 0:
                    return at
            else:
                break
    return end


def _literal(word: Sequence[Piece]) -> str | None:
    """The text of a word that is one plain piece, or None."""
    return word[0].text if len(word) == 1 and not word[0].dynamic and not word[0].quoted else None


def _assignment(word: Sequence[Piece]) -> tuple[str, list[Piece]] | None:
    if not word or word[0].dynamic or word[0].quoted:
        return None
    found = _ASSIGNMENT.match(word[0].text)
    if found is None:
        return None
    rest = word[0].text[found.end() :]
    value = [Piece(piece.text, piece.dynamic, True) for piece in ((Piece(rest),) if rest else ()) + tuple(word[1:])]
    return found[1], value
