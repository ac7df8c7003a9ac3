"""Rules as the words that would make them: ``-S``, and the lines of iptables-save.

Source of the form: iptables/iptables.c and iptables/xshared.c of iptables 1.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyiptables.extensions.base import Extension, RuleFacts
from pyiptables.hooks import Family
from pyiptables.packet.addresses import to_text
from pyiptables.render.parts import chosen_chains, chosen_rules, known_protocol, known_table, mask_text
from pyiptables.ruleset.model import AddressMatch, Counters, InterfaceMatch, Ruleset, RuleSpec


def _printed(extension: Extension, facts: RuleFacts) -> str:
    return extension.save(facts)


def rule_text(
    spec: RuleSpec,
    chain: str,
    family: Family,
    table: str,
    counters: Counters | None = None,
    *,
    word: Callable[[str], str] = str,
    options: Callable[[Extension, RuleFacts], str] = _printed,
    whole: bool = False,
    facts: RuleFacts | None = None,
) -> str:
    """A rule as ``-S`` prints it, without a line break: ``-A CHAIN ...``; with counters, ``-c P B`` before ``-j``.

    ``word`` is applied to the names of chains and interfaces: iptables prints them as they are, even where it could not
    read them again; :func:`pyiptables.render.words.readable` quotes those. ``options`` gives the text of an extension's.
    ``facts`` are those of the table, told anew about each rule, where many are printed.
    ``whole`` keeps ``-i +``, which every packet fulfils: it is not printed, but listed.
    """
    facts = spec.tell(RuleFacts(family, table) if facts is None else facts)
    text = "-A " + word(chain)
    if spec.source is not None:
        text += _address("-s", spec.source, family)
    if spec.destination is not None:
        text += _address("-d", spec.destination, family)
    if spec.in_interface is not None:
        text += _interface("-i", spec.in_interface, word, whole)
    if spec.out_interface is not None:
        text += _interface("-o", spec.out_interface, word, whole)
    if spec.protocol is not None:
        text += f"{_mark(spec.protocol.invert)} -p {known_protocol(spec.protocol.number)}"
    if spec.fragment is not None:
        text += f"{_mark(not spec.fragment)} -f"
    if spec.matches or spec.target is not None:
        for match in spec.matches:
            text += f" -m {match.name}{options(match, facts)}"
    if counters is not None:
        text += f" -c {counters.packets} {counters.bytes}"
    if spec.target is not None:
        return f"{text} -j {spec.target.name}{options(spec.target, facts)}"
    if spec.jump:
        text += f" -{'g' if spec.goto else 'j'} {word(spec.jump)}"
    return text


def _mark(invert: bool) -> str:
    return " !" if invert else ""


def _address(option: str, match: AddressMatch, family: Family) -> str:
    if not match.mask and not match.invert:
        return ""
    return f"{_mark(match.invert)} {option} {to_text(match.address, family)}/{mask_text(match.mask, family)}"


def _interface(option: str, match: InterfaceMatch, word: Callable[[str], str], whole: bool) -> str:
    if match.name == "+" and not match.invert and not whole:
        return ""
    return f"{_mark(match.invert)} {option} {word(match.name)}"


def rules(
    ruleset: Ruleset, table_name: str, chain: str | None = None, number: int | None = None, verbose: bool = False
) -> Iterator[str]:
    """The lines of ``-S [CHAIN [NUMBER]]``, each with its line break; ``verbose`` adds counters.

    Policies and chains first, then the rules; with a number that rule alone, or nothing.
    OperationFailed when there is no such chain, TableMissing when there is no such table.
    """
    table = known_table(ruleset, table_name)
    chains = chosen_chains(table, chain)
    if number is None:
        for one in chains:
            seen = f" -c {one.counters.packets} {one.counters.bytes}" if verbose else ""
            yield f"-P {one.name} {one.policy}{seen}\n" if one.policy is not None else f"-N {one.name}\n"
    family, name = ruleset.family, table.name
    facts = RuleFacts(family, name)
    for one in chains:
        for _, rule in chosen_rules(one, number):
            counters = rule.counters if verbose else None
            yield rule_text(rule.spec, one.name, family, name, counters, facts=facts) + "\n"
