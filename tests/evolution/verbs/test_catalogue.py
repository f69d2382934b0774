"""The catalogue: what verbs there are, and that nothing reaches one that does not fit."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.core.errors import BadInput
from enpire.core.records import Json
from enpire.evolution.verbs import catalogue, status, submit
from enpire.evolution.verbs.desk import TEXT_CAP, Desk
from enpire.ledger.state import State

VERBS = [
    "adopt", "budget", "diff", "episodes", "frames", "literature", "result", "show", "status", "submit", "train",
]  # fmt: skip


def test_names_are_the_files() -> None:
    assert catalogue.names() == VERBS


def test_specs_are_json_schemas_that_clients_take() -> None:
    for name, description, schema in catalogue.specs():
        assert name in VERBS and 20 < len(description) < 250
        assert schema["type"] == "object" and schema["additionalProperties"] is False
        assert set(schema.get("required", ())) <= set(schema["properties"])


def test_an_unknown_verb(campaign: Callable[..., State], desk_of: Callable[..., Desk]) -> None:
    with pytest.raises(BadInput, match=r"unknown tool 'sudo'; known: adopt, .*train"):
        catalogue.answer(desk_of(campaign(0, 1)), "sudo", {})
    for support in ("desk", "catalogue", "_evidence", "../ideas"):
        with pytest.raises(BadInput, match="unknown tool"):
            catalogue.answer(desk_of(campaign(0, 1)), support, {})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], r"submit must be an object, not \[\]"),
        ({}, "submit needs 'hypothesis'; it takes hypothesis, kind, parent"),
        ({"hypothesis": "h", "hypotesis": 1}, "submit does not know 'hypotesis'; it takes hypothesis, kind"),
        ({"hypothesis": 3}, "hypothesis must be a string, not 3"),
        ({"hypothesis": ""}, "hypothesis must have 1 to 500 characters, not 0"),
        ({"hypothesis": "h" * 501}, "1 to 500 characters, not 501"),
        ({"hypothesis": "h", "predicted_effect": 20}, r"a number in \[-1, 1\], not 20"),
        ({"hypothesis": "h", "predicted_effect": float("nan")}, r"a number in \[-1, 1\], not nan"),
        ({"hypothesis": "h", "predicted_effect": True}, "must be a number, not True"),
        ({"hypothesis": "h", "variants": [{}] * 9}, "variants has 9 entries; the limit is 8"),
        ({"hypothesis": "h", "variants": [{}, {"a.b": "1"}]}, r"variants\[2\]: a.b must be a number, not '1'"),
        ({"hypothesis": "h", "adopt": "0001"}, "adopt must be an array, not '0001'"),
        ({"hypothesis": "h", "adopt": [1]}, r"adopt\[1\] must be a string, not 1"),
    ],
)
def test_arguments_that_do_not_fit(arguments: Json, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        catalogue.check("submit", arguments, submit.ARGUMENTS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(VERBS), json_values | st.dictionaries(st.sampled_from(["idea", "query", "episode"]), json_values)
)
def test_any_arguments_fit_or_are_refused_in_short(verb: str, arguments: Json) -> None:
    schema = next(schema for name, _, schema in catalogue.specs() if name == verb)
    try:
        catalogue.check(verb, arguments, schema)
    except BadInput as refusal:
        assert len(str(refusal)) < 400
    else:
        assert set(arguments) <= set(schema["properties"])


def test_text_is_capped_and_other_errors_of_ours_become_bad_input(
    campaign: Callable[..., State], desk_of: Callable[..., Desk]
) -> None:
    state = campaign(0, 1)
    long = desk_of(state, job=lambda name: "x" * 300 + "\n" + ("y" * 199 + "\n") * 500)
    said = catalogue.answer(long, "result", {"job": "job-1"}).text
    assert len(said) == TEXT_CAP and said.endswith("... (cut; ask for less)")
    with pytest.raises(BadInput, match=r"^git rev-list failed"):
        catalogue.answer(desk_of(state), "diff", {"idea": "0000"})  # its commit is not in the hub
    assert status.answer(desk_of(state), {}).text == catalogue.answer(desk_of(state), "status", {}).text
