"""Generated rules of every extension: what is saved reads as the same rule, and each can be listed.

``HYPOTHESIS_PROFILE=long`` tries more of them.
"""

import os

import pytest
from generated import extensions, line, rules
from hypothesis import HealthCheck, Phase, given, note, settings
from values import found

from pyiptables.errors import Error
from pyiptables.extensions.base import Flag
from pyiptables.render.kept import KeptRules
from pyiptables.render.listing import listing
from pyiptables.render.rules import rule_text
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import ZERO, Ruleset, Table
from pyiptables.ruleset.validity import check_table
from pyiptables.syntax.reader import Reader
from pyiptables.syntax.words import split

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
BOUNDED = settings(
    max_examples=1000 if LONG else 10,
    phases=(Phase.generate, Phase.shrink) if LONG else (Phase.generate,),
    deadline=None,
    derandomize=not LONG,  # the same rules in every short run
    database=None,
    suppress_health_check=list(HealthCheck),
)
EXTENSIONS = [pytest.param(*one, id=f"{one[0].name}-{one[1].name}") for one in extensions()]
SAY_LESS = {
    "CT", "DNPT", "HMARK", "IDLETIMER", "LED", "RATEEST", "SECMARK", "SNPT", "TEE", "bpf", "cluster", "connbytes", "connlimit",
    "hashlimit", "icmp", "icmp6", "ipcomp", "nfacct", "osf", "rateest", "recent", "set", "srh", "tcp", "time",
}  # fmt: skip
"""Extensions whose text, as iptables prints it, does not always give the same rule again."""

NEVER_TAKEN = {"nfacct", "CLUSTERIP", "ULOG"}
"""Extensions that name what is on no host of these rules, or are in no kernel."""


def read(family, table, words):
    (spec,) = Reader(family).read(words, table).specs
    return spec


def gives(text, spec, family, table):
    try:
        return read(family, table, split(text)) == spec
    except Error:
        return False


def ruleset_of(spec, family, table, chain):
    edit = TableEdit(Table.empty(table))
    edit.append(chain, spec, ZERO)
    made = edit.commit()
    check_table(made, family)
    return Ruleset(family, {table: made})


@pytest.mark.parametrize(("extension", "family"), EXTENSIONS)
def test_every_kind_has_values(extension, family):
    kinds = {type(option.kind) for option in extension.options.values() if not found(option.kind)}
    assert {kind for kind in kinds if not issubclass(kind, Flag)} == set()


@pytest.mark.parametrize(("extension", "family"), EXTENSIONS)
def test_saved_rules_are_the_same_rules(extension, family):
    taken = []

    @BOUNDED
    @given(rules(extension, family))
    def check(rule):
        table, words = rule
        try:
            spec = read(family, table, words)
            ruleset = ruleset_of(spec, family, table, words[1])
        except Error as error:
            assert error.text
            return
        taken.append(spec)
        note(line(words))
        kept = KeptRules(Table.empty(table), family).text(spec, words[1])
        assert gives(kept, spec, family, table), kept
        printed = rule_text(spec, words[1], family, table)
        assert extension.name in SAY_LESS or gives(printed, spec, family, table), printed
        for numeric in (False, True):
            for verbose in (False, True):
                parts = listing(ruleset, table, numeric=numeric, verbose=verbose)
                assert any(spec.target_name in part for part in parts)

    check()
    assert taken or extension.name in NEVER_TAKEN, "no rule was taken"
