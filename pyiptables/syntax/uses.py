"""Reading the options of extensions, so that the same words are read once.

What an extension says so far is a node; the next option leads to another node. Rules that use an extension with the
same words walk the same nodes, and get the very same frozen match or target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pyiptables.extensions.base import Extension, Option, OptionUses, RuleFacts
from pyiptables.syntax.getopt import NONE, REQUIRED, Known

Context = tuple[str, int, bool, bool, bool, bool]
"""What of the rest of the rule may matter to an extension: table, protocol, its inversion, -i given, -o given, goto."""

_MOST_NODES = 50_000


class ExtensionOption:
    """An option of an extension among those that the option walk knows."""

    __slots__ = ("extension", "option")

    def __init__(self, extension: type[Extension], option: Option) -> None:
        self.extension = extension
        self.option = option


_LONG_OPTIONS: dict[type[Extension], Mapping[str, Known]] = {}


def long_options(extension: type[Extension]) -> Mapping[str, Known]:
    """The options of an extension by the words that name them."""
    found = _LONG_OPTIONS.get(extension)
    if found is None:
        found = _LONG_OPTIONS[extension] = doubled_options(extension)
    return found


def doubled_options(extension: type[Extension]) -> Mapping[str, Known]:
    """The same as options of their own: a short form that fits both these and others fits neither."""
    found: dict[str, Known] = {}
    for option in extension.options.values():
        glued = option.kind.words and not option.kind.optional
        known = Known(ExtensionOption(extension, option), REQUIRED if glued else NONE)
        found.update(dict.fromkeys(option.names, known))
    return found


def option_words(option: Option, texts: Sequence[str], inverted: bool) -> tuple[str, ...]:
    """The words that say an option as iptables-save would, with the values as they were given."""
    return ("!", option.save_as, *texts) if inverted else (option.save_as, *texts)


class Node:
    """An extension with some options read, and the words that said them."""

    __slots__ = ("made", "next", "uses", "words")

    def __init__(self, uses: OptionUses, words: tuple[str, ...] = ()) -> None:
        self.uses = uses
        self.words = words
        self.next: dict[tuple[object, ...], Node] = {}
        self.made: dict[Context, Extension] = {}


class Uses:
    """The nodes of all extensions that have been used; not more than some 50,000, then it begins anew."""

    def __init__(self) -> None:
        self._first: dict[type[Extension], Node] = {}
        self._count = 0

    def begin(self, extension: type[Extension]) -> Node:
        """The extension without an option."""
        found = self._first.get(extension)
        if found is None:
            found = self._first[extension] = Node(OptionUses(extension))
        return found

    def use(
        self,
        node: Node,
        option: Option,
        texts: list[str],
        inverted: bool,
        context: Context,
        facts: Callable[[], RuleFacts],
    ) -> Node:
        """The node after one more option; ParameterProblem as :meth:`OptionUses.use` says."""
        key = (option, inverted, context, *texts)
        found = node.next.get(key)
        if found is None:
            uses = OptionUses(node.uses.extension)
            uses.values = dict(node.uses.values)
            uses.inverted = set(node.uses.inverted)
            uses.seen = dict(node.uses.seen)
            asked = facts()
            warned = len(asked.warnings)
            uses.use(option, texts, inverted, asked)
            words = node.words + option_words(option, texts, inverted)
            if len(asked.warnings) > warned:  # whoever says it again is warned again
                return Node(uses, words)
            if self._count >= _MOST_NODES:
                self._first, self._count = {}, 0
            self._count += 1
            found = node.next[key] = Node(uses, words)
        return found

    @staticmethod
    def finish(node: Node, context: Context, facts: Callable[[], RuleFacts]) -> Extension:
        """The match or target that the node says; ParameterProblem as :meth:`OptionUses.finish` says."""
        found = node.made.get(context)
        if found is None:
            asked = facts()
            warned = len(asked.warnings)
            found = node.uses.finish(asked)
            found.given = node.words
            if len(asked.warnings) == warned:
                node.made[context] = found
        return found
