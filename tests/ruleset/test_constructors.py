"""The quicker constructors make what the usual ones make."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from pyiptables.ruleset.model import AddressMatch, Chain, Counters, Rule, RuleSpec
from pyiptables.ruleset.quick import quick


@dataclass(frozen=True, slots=True)
class Usual:
    """A class before and after."""

    first: int
    second: tuple[int, ...] = ()
    third: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    """The same, quicker."""

    first: int
    second: tuple[int, ...] = ()
    third: str | None = None


@pytest.mark.parametrize(
    ("words", "named"), [((1,), {}), ((1, (2,)), {}), ((1, (2,), "x"), {}), ((), {"third": "x", "first": 4})]
)
def test_same_object(words, named):
    made, usual = Quick(*words, **named), Usual(*words, **named)
    assert type(made) is Quick
    assert repr(made).partition("(")[2] == repr(usual).partition("(")[2]
    assert hash(made) == hash(usual)
    assert made == Quick(*words, **named) != replace(made, first=99)
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(FrozenInstanceError):
        made.first = 2


@pytest.mark.parametrize(
    ("words", "named"), [((), {}), ((1, 2, 3, 4), {}), ((1,), {"fourth": 2}), ((1,), {"first": 2})]
)
def test_same_refusals(words, named):
    texts = []
    for kind in (Usual, Quick):
        with pytest.raises(TypeError) as error:
            kind(*words, **named)
        texts.append(str(error.value).partition(".")[2])
    assert texts[0] == texts[1]


@pytest.mark.parametrize("kind", [Counters, AddressMatch, RuleSpec, Rule, Chain])
def test_signature_is_that_of_the_fields(kind):
    assert list(inspect.signature(kind).parameters) == list(kind.__dataclass_fields__)
