"""Who is in a team, and what is said about a team that cannot be."""

import pytest

from enpire.agents.team import team
from enpire.core.errors import BadInput, UnknownName


def names(text, agents=4):
    return [member.name for member in team(text, agents)]


def test_one_agent_takes_all_places():
    assert names("builtin", 3) == ["builtin-1", "builtin-2", "builtin-3"]


def test_a_mix_without_numbers_is_shared_out():
    assert names("builtin,scripted", 3) == ["builtin-1", "builtin-2", "scripted-1"]


def test_numbers_say_it_themselves():
    assert names("builtin:1, scripted:2", 9) == ["builtin-1", "scripted-1", "scripted-2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("builtin:0", "'0' is not a number"),
        ("builtin:x", "'x' is not a number"),
        ("builtin:2,scripted", "every agent a number or none"),
        ("builtin,builtin", "twice"),
        ("builtin,scripted", "--agents is 1"),
        ("builtin:64,scripted:1", "65 researchers"),
    ],
)
def test_what_cannot_be_is_said(text, said):
    with pytest.raises(BadInput, match=said):
        team(text, 1)


def test_unknown_agents_are_named_with_the_known_ones():
    with pytest.raises(UnknownName, match=r"'codexx'.*builtin"):
        team("codexx", 2)
