"""The shipped cards, and whether a researcher's question finds the right one."""

import re
import sqlite3
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.core.errors import BadInput
from enpire.evolution.literature import answer, cards, contents, search
from enpire.evolution.literature.card import SECTIONS, parse
from enpire.evolution.literature.index import FullText, Plain, words

QUESTIONS = {
    "block slips off the pusher near the goal": "motion_cone",
    "actions arrive one step late": "smith_predictor",
    "peg jams in hole": "peg_tilt",
    "observations are noisy, the pusher jitters": "kalman_filter",
    "pusher knocks the block out of place on its way to the other side": "push_detour",
    "policy overshoots near the goal but is too slow far away": "gain_scheduling",
    "stuck in one place until timeout, no progress": "retry_recovery",
    "how much does the block turn when I push off-centre": "limit_surface",
    "hole not found although the peg touches the surface": "spiral_search",
    "object slips out of the gripper when lifting": "grasp_force",
    "which parameter values should the eight variants have": "hyperband",
    "acrobot swing up never reaches the top and falls": "energy_swing_up",
    "fit friction and damping from logged episodes": "least_squares_id",
    "cloned policy drifts into states without demonstrations": "dagger",
    "sparse reward, learn from failed episodes": "her",
    "contact force too high during insertion": "impedance_insertion",
    "arm shakes because commands jump": "ruckig",
    "offline RL from logged data of mixed quality": "iql",
    "wrong block orientation from camera mask": "icp_pose",
    "simulation says it works but the real robot fails": "sim_real_gap",
    "tune feedback weights without gradient": "cma_es",
    "smooth seams between predicted action chunks": "action_chunking",
    "champion stalled, all single changes look worse": "darwin_goedel",
    "is 10 of 10 successes enough to keep a change": "e_values",
    "plan several pushes ahead with a dynamics model": "push_detour",
    "use vision language action model for grasping after planning": "hover_then_policy",
    "inference too slow for the control period": "diffusion_policy",
    "correct a hand-written controller with a small learned term": "residual_rl",
}


def names(found):
    return [card.name for card in found]


@pytest.fixture(scope="module", params=[FullText, Plain])
def known(request):
    return request.param(cards())


@pytest.mark.parametrize(("question", "wanted"), QUESTIONS.items())
def test_a_question_finds_its_card_among_the_first_three(known, question, wanted):
    assert wanted in names(known.rank(question)[:3])


def test_every_card_is_found_by_its_title(known):
    assert [card.name for card in cards() if card.name not in names(known.rank(card.title)[:3])] == []


def test_cards_are_many_and_of_the_agreed_size():
    assert len(cards()) >= 45 and len({card.title for card in cards()}) == len(cards())
    for card in cards():
        count = len(" ".join(card.sections.values()).split())
        assert 120 <= count <= 250, (card.name, count)
        assert len(card.tags) >= 3 and card.citation and not card.outside
        assert tuple(card.sections) == SECTIONS and all(card.sections.values())
        assert card.text.isascii(), card.name


def test_identifiers_have_the_form_of_arxiv_numbers():
    given_numbers = re.findall(r"arXiv:(\S+)", " ".join(f"{card.citation} {card.text}" for card in cards()))
    assert len(given_numbers) > 30
    assert all(re.fullmatch(r"\d{4}\.\d{4,5}[.,;)]*", number) for number in given_numbers)


def test_cards_name_blocks_and_parameters_that_exist():
    """A name in backticks before `in the ... slot` or in a list of blocks must not lead an agent astray."""
    library = Path(str(resources.files("enpire").joinpath("policy_improvement", "blocks")))
    declared = {path.stem: tomllib.loads(path.read_text()).get("parameters", {}) for path in library.glob("*.toml")}
    mentioned = {name for card in cards() for name in re.findall(r"`([a-z]+_[a-z_]+)`", card.text)}
    assert len(mentioned & declared.keys()) >= 20
    slots = " ".join(re.findall(r"slot[^.;]*?:[^;]*", " ".join(card.sections["Try it here"] for card in cards())))
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", slots))
    parameters = {name for block in declared.values() for name in block}
    assert named <= declared.keys() | parameters


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no front matter", "TOML between two lines"),
        ("+++\ntitle = \n+++\n", "card x:"),
        ("+++\ntitle = 'a'\nauthors = 'b'\n+++\n", "no tags"),
        ("+++\ntitle = 'a'\nauthors = 'b'\ntags = []\nlink = 'c'\n+++\n", "unknown keys link"),
        ("+++\ntitle = 'a'\nauthors = 'b'\ntags = []\n+++\n## Idea\n\nx\n", "expected the sections"),
    ],
)
def test_a_bad_card_is_refused(text, message):
    with pytest.raises(BadInput, match=message):
        parse("x", text)


@given(st.text(max_size=600))
def test_any_text_is_a_query(text):
    found = search(text, limit=4)
    assert len(found) <= 4 or not words(text)
    assert len(answer(text, room=2000)) <= 2000


@given(
    st.lists(st.sampled_from(['"', "'", "NEAR(", "AND", "OR", "NOT", "*", "^", "peg", "-", ":", "title", "ü", "\0"]))
)
def test_query_operators_are_only_text(parts):
    asked = " ".join(parts)
    assert isinstance(search(asked), list)
    if "peg" in parts:
        assert "peg_tilt" in names(search(asked, limit=10))


def test_a_lone_surrogate_is_no_trouble():
    assert "peg_tilt" in names(search("peg \ud800 jams"))


def test_one_word_of_several_is_enough_and_a_beginning_counts():
    assert names(search("zzzzz qqqq ruckig")) == ["ruckig"]
    assert "kalman_filter" in names(search("kalma"))
    assert search("zzzzz qqqq") == []
    assert "no card has any of these words" in answer("zzzzz qqqq")


def test_without_a_word_the_table_of_contents_is_given():
    assert sorted(names(search("  ?! "))) == names(cards())
    topics = [card.tags[0] for card in search("")]
    assert topics == sorted(topics)
    assert all(card.title in contents() for card in cards())
    assert answer("", room=100_000) == contents()


def test_the_answer_keeps_its_bounds_and_names_what_did_not_fit():
    full = answer("pushing block friction", limit=5, room=100_000)
    short = answer("pushing block friction", limit=5, room=3500)
    assert full.count("\n## Try it here") == 5 and len(short) <= 3500
    assert 1 <= short.count("\n## Try it here") < 5 and "also: " in short


def test_it_can_be_searched_from_several_threads():
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: names(search("peg jams in hole")), range(40)))
    assert all(found == answers[0] for found in answers)


def test_an_sqlite_without_fts5_is_told_apart():
    """What `index` catches is what SQLite raises for a module that it lacks."""
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(":memory:").execute("CREATE VIRTUAL TABLE x USING no_such_module(a)")
