"""Doing what a command says to a table that is being changed.

Source of the behaviour: iptables/iptables.c (do_command4 and what it calls) of iptables 1.8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from pyiptables.errors import OperationFailed
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import STANDARD_VERDICTS, ZERO, RuleSpec
from pyiptables.syntax.commands import Command, target_names
from pyiptables.syntax.messages import Misspelt


class Output(Protocol):
    """Where a command's output goes. Rendering is the business of whoever calls."""

    def line(self, text: str) -> None:
        """A line for standard output, its line break included."""

    def warning(self, text: str) -> None:
        """A line for standard error, its line break included."""

    def rule(self, spec: RuleSpec, table: str) -> None:
        """What ``-v`` prints for a rule."""

    def listing(self, command: Command, edit: TableEdit) -> None:
        """What ``-L`` or ``-S`` prints; OperationFailed when the chain is not there."""


def execute(command: Command, edit: TableEdit, output: Output, line: int = 0) -> None:
    """Do the command to the table; ``line`` is noted in new rules.

    OperationFailed when it cannot be done; ParameterProblem when a rule's target is neither an extension nor a chain.
    The table may then be half changed: it must not be committed.
    """
    if command.specs:
        _with_rules(command, edit, output, line)
    elif command.letter in "LS":
        output.listing(command, edit)
        if command.zero == "all":
            _zero(command, edit, output)
        elif command.zero:
            edit.zero_rule(command.chain or "", command.number)
    else:
        _CHAIN_COMMANDS[command.letter](command, edit, output)


def _with_rules(command: Command, edit: TableEdit, output: Output, line: int) -> None:
    specs = command.specs
    first = specs[0]
    if first.target is not None or (first.jump is not None and (first.goto or first.jump not in STANDARD_VERDICTS)):
        specs = tuple(resolved(spec, edit, output) for spec in specs)
    chain, letter = command.chain or "", command.letter
    counters = command.counters or ZERO
    failed: OperationFailed | None = None
    for spec in specs[:1] if letter == "R" else specs:
        if command.verbose:
            output.rule(spec, edit.name)
        try:
            if letter == "A":
                edit.append(chain, spec, counters, line)
            elif letter == "I":
                edit.insert(chain, command.number, spec, counters, line)
            elif letter == "D":
                edit.delete(chain, spec)
            elif letter == "C":
                edit.find(chain, spec)
            else:
                edit.replace(chain, command.number, spec, counters, line)
        except OperationFailed as error:
            failed = error
    if failed is not None:
        raise failed


def resolved(spec: RuleSpec, edit: TableEdit, output: Output) -> RuleSpec:
    """The rule with its target settled: a chain comes before an extension; ParameterProblem when it is neither."""
    name = spec.target_name
    if edit.is_chain(name):
        if spec.target is None:
            return spec
        output.warning(f"Warning: using chain {name}, not extension\n")
        return replace(spec, target=None, jump=name)
    if spec.target is not None:
        return spec
    if spec.goto:
        raise Misspelt(f"goto '{name}' is not a chain", name, "chain", edit.chain_names)
    raise Misspelt(
        f"Couldn't load target `{name}':No such file or directory\n",
        name,
        "target or chain",
        lambda: [*target_names(), *edit.chain_names(built_in=False)],
    )


def _chains(command: Command, edit: TableEdit, built_in: bool = True) -> list[str]:
    return [command.chain] if command.chain is not None else edit.chain_names(built_in)


def _each(
    command: Command, edit: TableEdit, output: Output, doing: str, do: Callable[[str], None], built_in: bool = True
) -> None:
    """All chains, even where one refuses; the last refusal counts."""
    failed: OperationFailed | None = None
    for chain in _chains(command, edit, built_in):
        if command.verbose:
            output.line(f"{doing} chain `{chain}'\n")
        try:
            do(chain)
        except OperationFailed as error:
            failed = error
    if failed is not None:
        raise failed


def _flush(command: Command, edit: TableEdit, output: Output) -> None:
    _each(command, edit, output, "Flushing", edit.flush)


def _zero(command: Command, edit: TableEdit, output: Output) -> None:
    if command.number and command.letter == "Z":
        edit.zero_rule(command.chain or "", command.number)
    else:
        _each(command, edit, output, "Zeroing", edit.zero)


def _delete_chain(command: Command, edit: TableEdit, output: Output) -> None:
    _each(command, edit, output, "Deleting", edit.delete_chain, built_in=False)


def _delete_number(command: Command, edit: TableEdit, output: Output) -> None:
    edit.delete_number(command.chain or "", command.number)


def _new(command: Command, edit: TableEdit, output: Output) -> None:
    edit.create(command.chain or "")


def _rename(command: Command, edit: TableEdit, output: Output) -> None:
    edit.rename(command.chain or "", command.new_name or "")


def _policy(command: Command, edit: TableEdit, output: Output) -> None:
    edit.set_policy(command.chain or "", command.policy or "", command.counters or ZERO)


_CHAIN_COMMANDS: dict[str, Callable[[Command, TableEdit, Output], None]] = {
    "D": _delete_number,
    "F": _flush,
    "Z": _zero,
    "X": _delete_chain,
    "N": _new,
    "E": _rename,
    "P": _policy,
}
