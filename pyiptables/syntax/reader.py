"""Reading command lines: the option walk with its vocabulary, which grows as ``-m``, ``-j`` and ``-p`` are read.

Source of the behaviour: iptables/xshared.c (do_parse, command_default) of iptables 1.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Extension, GivenSets, Match, Option, RuleFacts, Target
from pyiptables.extensions.loading import find_match
from pyiptables.hooks import Family
from pyiptables.packet.names import SAVED_PROTOCOLS, protocol_name
from pyiptables.ruleset.model import AddressMatch, Counters, InterfaceMatch, ProtocolMatch, RuleSpec
from pyiptables.syntax import commands, getopt, numbers
from pyiptables.syntax.commands import ALLOWED_WITH, INVERTIBLE, NAME_SIZE, OPTION_NAMES, OPTIONS, Command
from pyiptables.syntax.handlers import HANDLERS, match_name
from pyiptables.syntax.messages import BadArgument, Misspelt
from pyiptables.syntax.parts import Parts, ReadProtocol
from pyiptables.syntax.uses import Context, ExtensionOption, Node, Uses, doubled_options, long_options

_ANY: tuple[AddressMatch | None, ...] = (None,)
_RULE_COMMANDS = frozenset("IDRAC")
Step = tuple[Option, bool, Context, int, list[str]]
"""The use of an option: whether inverted, in which context, the place of its first value word, and its value words."""
NO_INTERFACE = {"PREROUTING": "o", "INPUT": "o", "POSTROUTING": "i", "OUTPUT": "i"}
"""Built-in chains with the option that their rules cannot have."""
_RANK = "IDdRALFZNXPESzC"
"""The commands in the order of their bits: ``d`` is -D by number, ``z`` -Z of one rule."""


class Reader:
    """Reads many command lines of one family, each distinct part once.

    ``announced`` are chains of which a restore file has spoken: after ``-j`` they are taken for no extension.
    ``sets`` are those that references are checked against. ``line`` is the line being read, or read last: it knows which
    word an error is about. ``warnings`` are texts for standard error, to be taken away by the caller.
    """

    def __init__(
        self, family: Family, *, program: str = "", restore: bool = False, sets: GivenSets | None = None
    ) -> None:
        self.family = family
        self.sets = sets
        self.program = program or family.command
        self.restore = restore
        self.announced: set[str] = set()
        self.warnings: list[str] = []
        self._retired: set[str] = set()
        self.parts = Parts(family)
        self.uses = Uses()
        self.line: Line | None = None

    def tell_retired(self, name: str) -> None:
        """Warn, once, of a target that no kernel has any more."""
        if name not in self._retired:
            self._retired.add(name)
            self.warnings.append(f"Warning: Extension {name} revision 0 not supported, missing kernel module?\n")

    def read(
        self,
        words: Sequence[str],
        table: str = "filter",
        counters: tuple[str, str] | None = None,
        verbose: int = 0,
    ) -> Command:
        """The command that the words say; ParameterProblem as iptables has it.

        ``counters`` and ``verbose`` stand for ``--set-counters`` and ``-v`` before the words.
        """
        line = self.line = Line(self, words, table)
        if counters is not None:
            line.option("c", False)
            line.counters = numbers.counters(*counters)
        for _ in range(verbose):
            HANDLERS["v"](line, None)
        return line.read()


class Line:
    """One command line while it is read."""

    __slots__ = (
        "addresses", "chain", "command", "context", "counters", "fragment", "interfaces", "invert", "inverted",
        "jump", "loaded", "matches", "new_name", "number", "options", "place", "places", "policy", "proto_used",
        "protocol", "reader", "reading", "table", "target", "verbose", "wait", "wait_interval", "walk",
    )  # fmt: skip

    def __init__(self, reader: Reader, words: Sequence[str], table: str) -> None:
        self.reader = reader
        self.walk = getopt.Walk(words, OPTIONS[reader.family])
        self.table = table
        self.command = ""
        self.chain: str | None = None
        self.number = 0
        self.new_name: str | None = None
        self.policy: str | None = None
        self.options = ""
        self.invert = False
        self.inverted = ""
        self.protocol: ReadProtocol | None = None
        self.proto_used = False
        self.addresses: dict[str, str] = {}
        self.interfaces: dict[str, InterfaceMatch | None] = {}
        self.fragment: bool | None = None
        self.matches: list[Loaded] = []
        self.target: Loaded | None = None
        self.loaded: dict[type[Extension], Loaded] = {}
        self.jump = ""
        self.counters: Counters | None = None
        self.verbose = 0
        self.wait: int | None = None
        self.wait_interval = False
        self.context: Context = (table, 0, False, False, False, False)
        self.place: int | None = None
        self.reading: Option | None = None
        self.places: dict[str, int] = {}

    # the walk

    def read(self) -> Command:
        """The whole line."""
        walk = self.walk
        while True:
            found = walk.next()
            if found.__class__ is ExtensionOption:
                self._extension_option(found)
            elif found is None:
                return self._finished()
            elif found in HANDLERS:
                stop = HANDLERS[found](self, walk.argument)
                if stop is not None:
                    return stop
            elif found == getopt.PLAIN:
                self._plain(walk.argument or "")
                continue
            else:
                self._refused(found)
                continue
            self.invert = False

    def _plain(self, word: str) -> None:
        if word != "!":
            raise BadArgument(word)
        if self.invert:
            raise ParameterProblem("multiple consecutive ! not allowed")
        self.invert = True

    def _refused(self, found: Any) -> None:
        """An option not known, or without its value: perhaps the protocol's match knows it."""
        match = self.protocol_match()
        if match is not None:
            if match in self.loaded:
                self.walk.learn(doubled_options(match))
            self.load(match)
            self.walk.again()
            return
        bad = self.walk.bad
        if found == getopt.MISSING:
            raise ParameterProblem(f'option "{bad}" requires an argument')
        known = self.walk
        raise Misspelt(
            f'unknown option "{bad}"',
            bad.partition("=")[0],
            "option",
            lambda: [name for options in (known.known, *known.extra) for name in options if len(name) > 2],
        )

    def protocol_match(self) -> type[Match] | None:
        """The match that the rule's protocol brings in, which it can do once; or None."""
        if self.protocol is None or self.proto_used:
            return None
        self.proto_used = True
        name = self.protocol.name
        if not name or name[0] in "0123456789+ ":
            number = self.protocol.match.number if self.protocol.match else 0
            name = SAVED_PROTOCOLS.get(number) or protocol_name(number) or ""
        return find_match(match_name(name), self.reader.family)

    def _extension_option(self, found: ExtensionOption) -> None:
        walk = self.walk
        loaded = self.loaded[found.extension]
        option = self.reading = found.option
        words = option.kind.words
        texts = [walk.argument or ""] if words else []
        if option.kind.optional:
            texts = [self.take()] if self.has_value() else []
        if words > 1:
            texts += walk.words[walk.index : walk.index + words - 1]
        loaded.steps.append((option, self.invert, self.context, walk.index - 1, texts))
        loaded.node = self.reader.uses.use(loaded.node, option, texts, self.invert, self.context, self.facts)
        if words > 1:
            walk.index += words - 1
        self.reading = None

    # what handlers call

    def facts(self, context: Context | None = None) -> RuleFacts:
        """The rest of the rule, as far as it has been read; or as far as it had been when the context was that."""
        table, protocol, inverted, in_given, out_given, goto = context or self.context
        return RuleFacts(
            self.reader.family,
            table,
            protocol,
            inverted,
            in_given=in_given,
            out_given=out_given,
            goto=goto,
            sets=self.reader.sets,
            warnings=self.reader.warnings,
        )

    def load(self, extension: type[Extension]) -> Loaded:
        """Begin to use an extension: its options are known from now on."""
        loaded = Loaded(extension, self.reader.uses.begin(extension), self.walk.index - 1)
        if extension not in self.loaded:
            self.walk.learn(long_options(extension))
        self.loaded[extension] = loaded
        if issubclass(extension, Match):
            self.matches.append(loaded)
        return loaded

    def option(self, letter: str, invert: bool) -> None:
        """Note an option: only once, and inverted only where that means something."""
        if letter in self.options:
            raise ParameterProblem(f"multiple {OPTION_NAMES[letter]} options not allowed")
        self.options += letter
        if invert:
            if letter not in INVERTIBLE:
                raise ParameterProblem(f"cannot have ! before {OPTION_NAMES[letter]}")
            self.inverted += letter

    def add_command(self, letter: str, beside: str = "") -> None:
        """Note the command: only one, but for -Z beside -L or -S."""
        if self.invert:
            raise ParameterProblem("unexpected '!' flag")
        others = [other for other in self.command if other not in beside]
        if others:
            other = max(others, key=_RANK.index)
            raise ParameterProblem(f"Cannot use -{letter} with -{other.upper()}")
        self.command += letter

    def has_value(self) -> bool:
        """Whether the next word can belong to the option just read."""
        walk = self.walk
        return walk.index < len(walk.words) and walk.words[walk.index][:1] not in ("-", "!")

    def take(self) -> str:
        """The next word."""
        self.walk.index += 1
        return self.walk.words[self.walk.index - 1]

    def set_context(self) -> None:
        """Bring ``context`` up to date."""
        match = self.protocol.match if self.protocol else None
        self.context = (
            self.table,
            match.number if match else 0,
            match.invert if match else False,
            self.interfaces.get("i") is not None,
            self.interfaces.get("o") is not None,
            self.context[5],
        )

    # the end

    def _finished(self) -> Command:
        self.place = len(self.walk.words)
        if self.table == "nat" and "DROP" in (self.policy, self.jump):
            raise ParameterProblem(
                '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n'
            )
        if not self.wait and self.wait_interval:
            raise ParameterProblem("--wait-interval only makes sense with --wait\n")
        matches = tuple([self._finish(loaded) for loaded in self.matches])
        target = self._finish(self.target) if self.target is not None else None
        self.place = len(self.walk.words)
        if self.walk.index < len(self.walk.words):
            self.place = self.walk.index
            raise ParameterProblem("unknown arguments found on commandline")
        if not self.command:
            raise ParameterProblem("no command specified")
        if self.invert:
            raise ParameterProblem("nothing appropriate following !")
        pairs = self._address_pairs()
        self._check_options()
        letter = self._letter()
        options = self.options
        return Command(
            letter,
            self.table,
            self.chain,
            self.number,
            "rule" if "z" in self.command and letter != "Z" else "all" if "Z" in self.command and letter != "Z" else "",
            self.new_name,
            self.policy,
            self._specs(pairs, matches, target) if pairs else (),
            self.counters,
            self.verbose,
            "n" in options,
            "x" in options,
            "0" in options,
            wait=self.wait,
        )

    def _finish(self, loaded: Loaded) -> Any:
        found = loaded.node.made.get(self.context)
        if found is None:
            self.place = loaded.place
            found = self.reader.uses.finish(loaded.node, self.context, self.facts)
        return found

    def _letter(self) -> str:
        for letter in self.command:
            if letter in "LS":
                return letter
        return self.command[0].upper()

    def _address_pairs(self) -> list[tuple[AddressMatch | None, AddressMatch | None]]:
        """Each source with each destination; empty where the command takes no rule."""
        sides = []
        for letter in "sd":
            text = self.addresses.get(letter)
            if text is None:
                sides.append(_ANY)
                continue
            self.place = self.places[letter]
            sides.append(self.reader.parts.addresses(text, letter in self.inverted))
        sources, destinations = sides
        if (len(sources) > 1 or len(destinations) > 1) and ("s" in self.inverted or "d" in self.inverted):
            raise ParameterProblem("! not allowed with multiple source or destination IP addresses")
        if self.command not in _RULE_COMMANDS:
            return []
        if len(sources) == 1 == len(destinations):
            return [(sources[0], destinations[0])]
        return [(source, destination) for source in sources for destination in destinations]

    def _check_options(self) -> None:
        """Hold the options against the command, then the interfaces against the chain."""
        if self.options:
            refused_option = _refused_option(self.options, self.command)
            if refused_option:
                self.place = self.places.get(refused_option)
                raise ParameterProblem(f"Illegal option `{OPTION_NAMES[refused_option]}' with this command")
        chain = self.chain
        if chain is None:
            return
        self.place = self.places.get("chain")
        if len(chain) >= NAME_SIZE // 4:
            commands.check_length(chain)
        if self.command in _RULE_COMMANDS and self.interfaces:
            refused = NO_INTERFACE.get(chain)
            if refused in self.interfaces:
                self.place = self.places.get(refused)
                raise ParameterProblem(f"Can't use {OPTION_NAMES[refused]} with {chain}")

    def _specs(
        self,
        pairs: Sequence[tuple[AddressMatch | None, AddressMatch | None]],
        matches: tuple[Match, ...],
        target: Target | None,
    ) -> tuple[RuleSpec, ...]:
        protocol: ProtocolMatch | None = self.protocol.match if self.protocol is not None else None
        jump = (self.jump or None) if target is None else None
        interfaces = self.interfaces
        goto = self.context[5]
        return tuple(
            [
                RuleSpec(
                    source,
                    destination,
                    interfaces.get("i"),
                    interfaces.get("o"),
                    protocol,
                    self.fragment,
                    matches,
                    target,
                    jump,
                    goto,
                )
                for source, destination in pairs
            ]
        )


@lru_cache(maxsize=1024)
def _refused_option(options: str, command: str) -> str:
    """The first of the options that cannot stand with the command, or nothing."""
    for letter in OPTION_NAMES:
        if letter in options and letter != "v" and ALLOWED_WITH[letter].isdisjoint(command):
            return letter
    return ""


class Loaded:
    """An extension in use in a line, the index of the word that brought it in, and the options it was used with."""

    __slots__ = ("extension", "node", "place", "steps")

    def __init__(self, extension: type[Extension], node: Node, place: int) -> None:
        self.extension = extension
        self.node = node
        self.place = place
        self.steps: list[Step] = []
