"""Read the extensions of a rule's words, without the rest of the command line; and what the kernel says to them."""

import shlex

from pyiptables.extensions.base import Match, OptionUses, Refusal, RuleFacts
from pyiptables.extensions.loading import find_match, find_target
from pyiptables.hooks import Family, Hook
from pyiptables.packet import names


def read(text, facts):
    """The matches and the target of ``[!] -p PROTO -m NAME OPTIONS -j NAME OPTIONS``, in their order."""
    words, uses, inverted = shlex.split(text), [], False
    while words:
        word = words.pop(0)
        if word == "!":
            inverted = True
            continue
        if word == "-p":
            facts.protocol, facts.protocol_inverted = protocol(words.pop(0)), inverted
        elif word in ("-m", "-j"):
            found = (find_match if word == "-m" else find_target)(words.pop(0), facts.family)
            assert found is not None, text
            uses.append(OptionUses(found))
        else:
            use, option = next((use, option) for use in reversed(uses) if (option := named(use, word)))
            values = [words.pop(0) for _ in range(option.kind.words)]
            use.use(option, values, inverted, facts)
        inverted = False
    made = [use.finish(facts) for use in uses]
    facts.matches = tuple(extension for extension in made if isinstance(extension, Match))
    return made


def named(use, word):
    return next((option for option in use.extension.options.values() if word in option.names), None)


def protocol(text):
    return int(text) if text.isdigit() else names.protocol_number(text)


def refused(extension, facts, chain):
    """The words of the kernel's error for an extension in a built-in chain, or None when it takes it."""
    kind, hooks = type(extension), extension.allowed_hooks()
    wrong_protocol = kind.protocols is not None and (facts.protocol not in kind.protocols or facts.protocol_inverted)
    wrong_table = kind.tables is not None and facts.table not in kind.tables
    reason = extension.kernel_check(facts)
    if isinstance(reason, Refusal):
        return reason.answer
    wrong_place = wrong_table or (hooks is not None and Hook[chain] not in hooks)
    return "Invalid argument" if reason or wrong_protocol or wrong_place else None


def facts_for(command, table="filter"):
    return RuleFacts(family=Family.IPV6 if command == "ip6tables" else Family.IPV4, table=table)
