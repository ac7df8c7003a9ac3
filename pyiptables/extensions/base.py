"""How a match or a target is declared.

One class says everything about an extension: its options (names, value kind, inversion, what clashes), where it may
stand, what it looks for or does, and how it lists. Parser, printers, help, manual, evaluation and explanation read that
one declaration. The file's place is the registration: ``matches/tcp.py`` is ``-m tcp``.

The rules that options follow (once only, clashes, inversion) and the messages are those of libxtables' guided parser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pyiptables.errors import ParameterProblem
from pyiptables.hooks import Family, Hook, Verdict

if TYPE_CHECKING:  # a ruleset can be read and listed without
    from pyiptables.predicate import Predicate


@dataclass(slots=True)
class RuleFacts:
    """What the rest of the rule says, as far as it has been read: what kinds and checks may look at."""

    family: Family = Family.IPV4
    table: str = "filter"
    protocol: int = 0
    protocol_inverted: bool = False
    extension: str = ""
    """The extension whose option is being read: the name that messages begin with."""
    inverted: bool = False
    """Whether ``!`` stands before the option that is being read."""
    in_given: bool = False
    out_given: bool = False
    goto: bool = False
    """Whether the rule goes (``-g``) to its chain."""
    matches: tuple[Match, ...] = ()
    """The rule's matches, once it has been read whole."""
    sets: GivenSets | None = None
    """The sets that references are checked against; None where none are given."""
    warnings: list[str] = field(default_factory=list)
    """Texts for standard error about what was read, which do not keep it from being taken."""


class GivenSets(Protocol):
    """Sets of ipset that are known to whoever reads rules."""

    def refer(self, name: str, family: Family) -> None:
        """A rule names a set: ParameterProblem when there is none of that name, or it is for the other family."""

    def compare(self, name: str, sides: int) -> str:
        """A warning about a set that is asked with so many sides of a packet; empty when there is none."""


@dataclass(slots=True)
class NamedObjects:
    """The kernel's objects that rules share by name: by what they are and their name, whatever tells them from others.

    ``complete``: whether there are no more of them, so that what is not here is missing.
    """

    found: dict[tuple[str, str], Any] = field(default_factory=dict)
    complete: bool = False


class Kind:
    """A kind of value: how it is read, saved and listed. Instances are constants and hold no state."""

    words: ClassVar[int] = 1
    """How many words it takes: 0 for a bare flag."""
    optional: ClassVar[bool] = False
    """Whether its one word may be missing: the next word is its value unless it begins with ``-`` or ``!``."""
    metavar: str = "value"
    """What help and manual call it."""
    limits: str = ""
    """Between which values it must lie, in words, where help and manual should say so."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The value of these words; ParameterProblem with iptables' message when they are not one."""
        raise NotImplementedError

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The value as iptables-save prints it."""
        return str(value)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The value as ``-L`` prints it, with ``-n`` when ``numeric``."""
        return self.save(value, facts)

    def choices(self, family: Family) -> Iterable[str]:
        """The names that it can be, for help and completion; none where there are only few words or too many."""
        return ()


class Flag(Kind):
    """An option without a value; present or not."""

    words = 0

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """True."""
        return True


FLAG = Flag()


class Option:
    """One option of an extension, and the attribute that holds its value (None, or ``default``, when it is not given).

    - ``names``: with their dashes; messages use the first, save text the one in ``save_as`` (the first, unless said).
    - ``invertible``, ``required``, ``multi`` (may stand several times; the value is then a tuple).
    - ``excludes``: attributes it cannot stand beside (its own may be among them); ``also``: attributes it needs.
    - ``to`` and ``convert``: store the value under another option's attribute, changed by ``convert``.
    - ``neutral``: a value that, not inverted, says nothing; the option then counts as not given.
    - ``list_as``: the word before the value in ``-L`` (``dpt`` gives ``dpt:22``): see :meth:`Extension.list_option`.
    - ``once``: the message for a second use, where it is not libxtables' own; ``no_invert``: the same for ``!``, looked
      at first.
    - ``hidden``: never printed by the default :meth:`Extension.save`.
    - ``help``: what it says in one line.
    """

    def __init__(
        self,
        *names: str,
        kind: Kind = FLAG,
        invertible: bool = False,
        required: bool = False,
        multi: bool = False,
        excludes: Sequence[str] = (),
        also: Sequence[str] = (),
        default: Any = None,
        neutral: Any = None,
        to: str | None = None,
        convert: Callable[[Any], Any] | None = None,
        save_as: str | None = None,
        list_as: str | None = None,
        once: str | None = None,
        no_invert: str | None = None,
        hidden: bool = False,
        help: str = "",
    ) -> None:
        self.names = names
        self.kind = kind
        self.invertible = invertible
        self.required = required
        self.multi = multi
        self.excludes = tuple(excludes)
        self.also = tuple(also)
        self.default = default
        self.neutral = neutral
        self.to = to
        self.convert = convert
        self.save_as = save_as or names[0]
        self.list_as = list_as
        self.once = once
        self.no_invert = no_invert
        self.hidden = hidden or to is not None
        self.help = help
        self.attribute = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, instance: Extension | None, owner: type) -> Any:
        if instance is None:
            return self
        return instance.values.get(self.attribute, self.default)


opt = Option
_NONE: frozenset[str] = frozenset()


class OptionUses:
    """The options of one extension as they are read from a rule, in the order they come: the parser's side of it."""

    __slots__ = ("extension", "inverted", "seen", "values")

    def __init__(self, extension: type[Extension]) -> None:
        self.extension = extension
        self.values: dict[str, Any] = {}
        self.inverted: set[str] = set()
        self.seen: dict[str, Option] = {}

    def use(self, option: Option, texts: Sequence[str], inverted: bool, facts: RuleFacts) -> None:
        """Take one option with its value words; ParameterProblem as libxtables' xtables_option_mpcall."""
        name, key = self.extension.name, option.attribute
        if option.to and option.once:
            key = option.to  # two spellings of one thing, where the program counts them as one
        if inverted and option.no_invert:
            raise ParameterProblem(option.no_invert)
        if key in self.seen and not option.multi:
            raise ParameterProblem(option.once or f'{name}: option "{option.names[0]}" can only be used once.\n')
        if inverted and not option.invertible:
            raise ParameterProblem(f'{name}: option "{option.names[0]}" cannot be inverted.\n')
        self.seen[key] = option
        self.take(option, texts, inverted, facts)

    def take(self, option: Option, texts: Sequence[str], inverted: bool, facts: RuleFacts) -> None:
        """Read the value of an option that may stand where it does; ParameterProblem when it is none."""
        facts.extension, facts.inverted = self.extension.name, inverted
        value = self.extension.read_option(option, texts, self, facts)
        if option.convert is not None:
            value = option.convert(value)
        target = option.to or option.attribute
        if option.multi:
            value = (*self.values.get(target, ()), value)
        self.values[target] = value
        if inverted:
            self.inverted.add(target)
        elif option.neutral is not None and value == option.neutral:
            del self.values[target]

    def finish(self, facts: RuleFacts) -> Extension:
        """The extension with what was read; ParameterProblem where options are missing or clash.

        The extension's own check comes first, then that of the option table, as in xtables_option_mfcall.
        """
        made = self.make(facts)
        for option in self.extension.options.values():
            if option.attribute not in self.seen:
                if option.required:
                    raise ParameterProblem(f'{self.extension.name}: option "{option.names[0]}" must be specified\n')
                continue
            self._check_company(option)
        return made

    def make(self, facts: RuleFacts) -> Extension:
        """The extension with the values that were read; ParameterProblem as its own check has it."""
        inverted = frozenset(self.inverted) if self.inverted else _NONE
        made = self.extension(self.extension.combine(self.values, facts), inverted)
        made.check(facts)
        return made

    def _check_company(self, option: Option) -> None:
        for other in option.also:
            if other not in self.seen:
                wanted = self.extension.options[other].names[0]
                raise ParameterProblem(f'{self.extension.name}: option "{option.names[0]}" also requires "{wanted}".\n')
        for other in option.excludes:
            if other in self.seen and other != option.attribute:
                clash = self.extension.options[other].names[0]
                raise ParameterProblem(
                    f'{self.extension.name}: option "{option.names[0]}" cannot be used together with "{clash}".\n'
                )


class Refusal(str):
    """A reason of the kernel's, and ``answer``, the words of its error number (strerror(3)) that the command prints."""

    answer: str

    def __new__(cls, reason: str, answer: str) -> Refusal:
        """Make it of both."""
        made = super().__new__(cls, reason)
        made.answer = answer
        return made


class Extension:
    """A match or target with its values. Immutable by convention; equal when it says the same.

    Class attributes to set in a declaration: ``name``, ``families`` (both, unless said), ``tables``, ``hooks`` and
    ``protocols`` (None: anywhere), which the kernel checks when a table is replaced. For help and manual: ``needs``,
    what its evaluation asks for beside the packet, and ``unknown``, what is not modelled, so that it does not match.

    ``given`` are the words of its options in the rule that it was read from, if it was: they say all, which the text that
    is printed may not.
    """

    name: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Option]] = {}
    families: ClassVar[tuple[Family, ...]] = tuple(Family)
    tables: ClassVar[frozenset[str] | None] = None
    hooks: ClassVar[frozenset[Hook] | None] = None
    protocols: ClassVar[frozenset[int] | None] = None
    needs: ClassVar[str] = ""
    unknown: ClassVar[str] = ""

    __slots__ = ("_hash", "given", "inverted", "values")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        self.values: Mapping[str, Any] = values if values is not None else {}
        self.inverted = inverted
        self.given: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        found = dict(cls.options)
        found.update({key: value for key, value in vars(cls).items() if isinstance(value, Option)})
        cls.options = found

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, Extension):
            return False
        return self.values == other.values and self.inverted == other.inverted

    def __hash__(self) -> int:
        try:
            return hash((self.name, frozenset(self.values.items()), self.inverted))
        except TypeError:  # a value that is no constant
            return hash((self.name, frozenset(self.values), self.inverted))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.save(RuleFacts()).strip()}>"

    def has(self, option: Option) -> bool:
        """Whether the option was given."""
        return option.attribute in self.values

    def inverts(self, option: Option) -> bool:
        """Whether ``!`` stood before the option."""
        return option.attribute in self.inverted

    @classmethod
    def for_family(cls, family: Family) -> type[Extension]:
        """The declaration to use for a family: a subclass where the two families' options differ."""
        return cls

    # what a declaration may override

    @classmethod
    def read_option(cls, option: Option, texts: Sequence[str], before: OptionUses, facts: RuleFacts) -> Any:
        """The value of an option; ``before`` are those already used, where the program looks at them while it reads."""
        return option.kind.parse(texts, option, facts)

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """What the values say together, in the order the options were used: for options that change one another's."""
        return values

    def allowed_hooks(self) -> frozenset[Hook] | None:
        """The hooks that may lead to it, with these values; None: all."""
        return self.hooks

    def check(self, facts: RuleFacts) -> None:
        """What the program itself refuses once all options are read: raise ParameterProblem."""

    def tracks(self, facts: RuleFacts) -> bool:
        """Whether the kernel tracks connections as soon as a rule has it (nf_ct_netns_get)."""
        return False

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """What only the kernel refuses (checkentry): a reason, or None. Table, hooks and protocol are checked before.

        A :class:`Refusal` says besides what the kernel's error number reads, where it is not EINVAL.
        """
        return None

    def claim(self, named: NamedObjects) -> str | None:
        """Find or make the objects of the kernel that it names: why the kernel refuses that, as in :meth:`kernel_check`.

        Called for the extensions of a table in their order, with what the ones before have made.
        """
        return None

    def shows(self, option: Option) -> bool:
        """Whether an option is printed: when it was given, unless the program keeps some values to itself."""
        return option.attribute in self.values

    def save(self, facts: RuleFacts) -> str:
        """The options as iptables-save prints them, each with a blank before it."""
        text, values = "", self.values
        options: Iterable[Option] = self.options.values()
        if len(values) == 1:  # as most have
            options = filter(None, map(self.options.get, values))
        for option in options:
            if option.attribute in values and not option.hidden and self.shows(option):
                text += self.save_option(option, facts)
        return text

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """The text of ``-L``, with the blank that stands before it."""
        return ""

    # what declarations call

    def save_option(self, option: Option, facts: RuleFacts) -> str:
        """One given option as iptables-save prints it, blank before it included."""
        value = self.values[option.attribute]
        mark = " !" if option.attribute in self.inverted else ""
        if not option.kind.words:
            return f"{mark} {option.save_as}"
        if not option.multi:
            return f"{mark} {option.save_as} {option.kind.save(value, facts)}"
        return "".join([f"{mark} {option.save_as} {option.kind.save(one, facts)}" for one in value])

    def list_option(self, option: Option, facts: RuleFacts, numeric: bool) -> str:
        """``list_as``, ``!`` when inverted, and the value, as most extensions list it; nothing when not shown."""
        if not self.shows(option):
            return ""
        mark = "!" if option.attribute in self.inverted else ""
        return f" {option.list_as}{mark}{option.kind.list(self.values[option.attribute], facts, numeric)}"

    def wants(self, option: Option, facts: RuleFacts, make: Callable[[bool], Predicate]) -> Predicate:
        """The condition that comes from an option: TRUE when it was not given, else what ``make(negate)`` says.

        The option's text goes with it, for explanations.
        """
        from pyiptables.predicate import TRUE, Labelled

        if option.attribute not in self.values:
            return TRUE
        part = make(option.attribute in self.inverted)
        return Labelled(lambda: self.save_option(option, facts).strip(), part)


class Services(Protocol):
    """What the engine lends to steps and effects: its clock, its random source, its shared state, its actions."""

    now: int
    """Nanoseconds on the capture's clock."""
    random: Any
    """A seeded ``random.Random``."""

    def shared(self, name: str, make: Callable[[], Any]) -> Any:
        """The state of that name, made on first use (recent lists, hash limits, rate estimators)."""


class Match(Extension):
    """A condition, ``-m NAME``.

    ``implied_by``: the protocol number whose unknown options load it. What it looks for is :meth:`parts`, a sequence of
    predicates tested in order; a match that keeps state overrides :meth:`open` and :meth:`step` and is then not pure.
    """

    stateful: ClassVar[bool] = False

    __slots__ = ()

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """What must hold, in the order the kernel tests it."""
        return iter(())

    def predicate(self, facts: RuleFacts) -> Predicate:
        """All parts as one condition."""
        from pyiptables.predicate import all_of

        return all_of(*self.parts(facts))

    def open(self, services: Services) -> Any:
        """The state that one rule's use of the match keeps, made when the engine starts."""
        return None

    def step(self, skb: Any, state: Any, services: Services) -> bool:
        """Whether the packet matches, changing the state (only where ``stateful``; tested after :meth:`parts`)."""
        raise NotImplementedError


class Target(Extension):
    """What a rule does, ``-j NAME``.

    ``terminal``: whether evaluation of the table ends at it (ACCEPT, DROP, REJECT, NAT ...), for analysis.
    """

    terminal: ClassVar[bool] = False
    kernel_name: ClassVar[str] = ""
    """The name that the kernel has for it and ``-L`` prints, where it is another."""
    retired: ClassVar[bool] = False
    """Whether iptables reads it and no kernel has it any more: it warns of it, and the rule is refused."""

    __slots__ = ()

    def open(self, services: Services) -> Any:
        """The state that one rule's use of the target keeps, made when the engine starts."""
        return None

    def apply(self, skb: Any, state: Any, services: Any) -> Verdict | None:
        """Do it: a verdict ends the table, None goes on with the next rule (XT_CONTINUE)."""
        raise NotImplementedError
