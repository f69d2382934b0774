"""The built-in researcher: it learns known landscapes, repeats itself never, and sees nothing but its brief."""

import math
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from enpire.agents import builtin
from enpire.agents._researcher import cross, identify, leap, retry, simplify, structure, tune
from enpire.agents._researcher.choose import propose
from enpire.agents._researcher.knowledge import Knowledge, Lane, recipe_of
from enpire.agents._researcher.landscape import Landscape
from enpire.agents._researcher.symptoms import read_symptoms
from enpire.agents._workspace import read_parameters, read_recipe
from enpire.agents.adapter import Job
from enpire.agents.session import Session
from enpire.agents.submission import read_submission
from enpire.core.brief import Brief, FailureCard
from enpire.core.records import Proposal, encode

from .toy_campaign import ToyCampaign, episodes_to
from .toy_landscape import best_utility
from .toy_libraries import EVERYTHING, LOOKS_WORSE, PLAIN, TOGETHER, TUNE


def campaign(root: Path, library: object, episodes: int, *, agents: int = 1, seed: int = 0) -> ToyCampaign:
    made = ToyCampaign(root / f"campaign-{seed}-{agents}", library, agents=agents, seed=seed)  # type: ignore[arg-type]
    made.curve = made.run(propose, episodes)
    return made


def fresh_workspace(root: Path, brief: Brief) -> Path:
    workspace = root / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)
    champion = next(idea for idea in brief.ideas if idea.id == brief.champion)
    shutil.copytree(Path(brief.candidates) / champion.best, workspace)
    return workspace


# ---------------------------------------------------------------------- it learns


@pytest.mark.parametrize(
    ("library", "level", "episodes", "needed"),
    [(PLAIN, 0.7, 700, 3), (LOOKS_WORSE, 0.7, 900, 2), (TOGETHER, 0.7, 900, 2), (TUNE, 0.7, 700, 3)],
    ids=["plain", "decisive structure looks worse", "two structures needed together", "parameters only"],
)
def test_it_climbs_landscapes_with_traps(
    tmp_path: Path, library: object, level: float, episodes: int, needed: int
) -> None:
    goal = level * best_utility(library)  # type: ignore[arg-type]
    reached = [
        episodes_to(campaign(tmp_path, library, episodes, seed=seed).curve, goal) < math.inf for seed in range(4)
    ]
    assert sum(reached) >= needed


def test_it_improves_a_landscape_of_seven_slots_severalfold(tmp_path: Path) -> None:
    made = [campaign(tmp_path, EVERYTHING, 700, agents=agents, seed=3) for agents in (1, 4)]
    assert sum(one.curve[-1][1] for one in made) > 2 * 2 * made[0].curve[0][1]


def test_sampling_the_moves_at_random_would_not_do(tmp_path: Path) -> None:
    """The test above can fail: the start policy is far below every level asked for."""
    for library in (PLAIN, LOOKS_WORSE, TOGETHER, TUNE):
        made = ToyCampaign(tmp_path / str(id(library)), library, agents=1, seed=0)
        assert made.run(lambda brief, workspace: None, 50)[-1][1] < 0.5 * best_utility(library)


def test_smoothing_recovers_a_known_landscape() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((60, 3))
    recipe = (("slot", "block"),)
    truth = 0.6 * np.exp(-((points - 0.4) ** 2).sum(axis=1) / 0.18)
    seen = truth + rng.normal(0.0, 0.15, 60)
    landscape = Landscape(points, [recipe] * 60, utilities=seen, errors=np.full(60, 0.15), recipe=recipe)
    assert np.abs(landscape.mean(points) - truth).mean() < 0.6 * np.abs(seen - truth).mean()
    other = (("slot", "other"),)
    apart = Landscape(points, [recipe] * 60, utilities=seen, errors=np.full(60, 0.15), recipe=other)
    spread = [np.std([one.draw(points[:1], rng) for _ in range(100)]) for one in (landscape, apart)]
    assert spread[1] > 1.5 * spread[0]


# ---------------------------------------------------------------------- what it hands in is valid


@pytest.fixture(scope="module")
def middle(tmp_path_factory: pytest.TempPathFactory) -> ToyCampaign:
    """A campaign of four researchers after 700 episodes."""
    return campaign(tmp_path_factory.mktemp("middle"), EVERYTHING, 700, agents=4, seed=3)


def test_no_copy_and_no_conflict_was_handed_in(middle: ToyCampaign) -> None:
    assert not [reason for _, _, reason in middle.refused if "copy" in reason]
    assert len(middle.refused) <= 0.1 * len(middle.ideas)
    seen = [
        (tuple(sorted(i.recipe.items())), tuple(sorted(v.items()))) for i in middle.ideas for v in i.values.values()
    ]
    assert len(seen) == len(set(seen))


def test_every_hypothesis_says_what_why_and_when_it_is_wrong(middle: ToyCampaign) -> None:
    for idea in middle.ideas[1:]:
        text = idea.proposal.hypothesis
        assert 60 < len(text) <= 500 and "Wrong if" in text and text[0].isupper()
        assert idea.proposal.kind in ("structure", "leap", "tune", "identify", "cross", "simplify", "retry")
        assert -1 <= idea.proposal.predicted_effect <= 1


def test_parents_are_the_ideas_the_code_descends_from(middle: ToyCampaign) -> None:
    by_id = {idea.id: idea for idea in middle.ideas}
    for idea in middle.ideas[1:]:
        parent = by_id[idea.proposal.parent or ""]
        if idea.proposal.kind in ("tune", "retry"):
            assert idea.recipe == parent.recipe
        if idea.proposal.kind == "leap":
            assert len(set(idea.recipe.items()) - set(parent.recipe.items())) >= 3
        if idea.proposal.kind == "structure":
            assert 1 <= len(set(idea.recipe.items()) - set(parent.recipe.items())) <= 2


def test_identified_values_are_never_searched(middle: ToyCampaign) -> None:
    for idea in middle.ideas[1:]:
        assert not any("contact.ratio" in point for point in idea.proposal.variants)
        ratios = {values["contact.ratio"] for values in idea.values.values() if "contact.ratio" in values}
        assert ratios <= {0.35, 0.8} and len(ratios) <= 1


def test_swap_of_a_block_with_identified_values_identifies_them(middle: ToyCampaign) -> None:
    held = [v for i in middle.ideas if "contact" in i.recipe.values() for v in i.values.values()]
    assert held and all(values["contact.ratio"] == 0.35 for values in held)


def test_same_brief_same_proposal(middle: ToyCampaign, tmp_path: Path) -> None:
    brief = middle.brief(0)
    one, two = (propose(brief, fresh_workspace(tmp_path, brief)) for _ in range(2))
    assert one == two and one is not None


def test_researchers_with_the_same_brief_go_different_ways(tmp_path: Path) -> None:
    brief = ToyCampaign(tmp_path / "c", EVERYTHING, agents=1, seed=0).brief(0)
    handed_in = [propose(replace(brief, seed=seed), fresh_workspace(tmp_path, brief)) for seed in range(6)]
    assert len({repr((proposal.hypothesis, proposal.variants)) for proposal in handed_in if proposal}) >= 3


def test_task_names_do_not_matter(middle: ToyCampaign, tmp_path: Path) -> None:
    brief = middle.brief(0)
    renamed = replace(brief, task=replace(brief.task, name="gym:PushT", instruction="another one"))
    assert propose(brief, fresh_workspace(tmp_path, brief)) == propose(renamed, fresh_workspace(tmp_path, renamed))


def test_handed_in_files_fit_the_proposal(middle: ToyCampaign, tmp_path: Path) -> None:
    brief = middle.brief(1)
    workspace = fresh_workspace(tmp_path, brief)
    proposal = propose(brief, workspace)
    assert proposal is not None and 1 <= len(proposal.variants) <= 8
    held = read_parameters(workspace, read_recipe(workspace).values())
    for point in proposal.variants:
        for name, value in point.items():
            assert held[name].searchable and held[name].low <= value <= held[name].high


def test_undecided_swaps_are_not_proposed_twice(middle: ToyCampaign) -> None:
    known = Knowledge(middle.brief(0))
    drafts = [option.draft() for option in structure.options(known)]
    flying = {recipe_of(idea.recipe) for idea in known.undecided}
    for draft in drafts:
        assert draft is not None
        assert recipe_of(dict(draft.base.recipe) | dict(draft.swaps)) not in flying


# ---------------------------------------------------------------------- single moves


def test_a_dropped_structure_gets_a_tuning_budget(tmp_path: Path) -> None:
    made = campaign(tmp_path, LOOKS_WORSE, 150, seed=4)
    known = Knowledge(made.brief(0))
    young = [lane for lane in known.lanes.values() if lane.recipe != known.champion_recipe and lane.best.episodes]
    flying = [recipe_of(idea.recipe) for idea in known.undecided]
    young = [x for x in young if x.spent < tune.STRUCTURE_BUDGET and x.recipe not in flying and tunable(known, x)]
    drafts = [option.draft() for option in tune.options(known)]
    assert young and {lane.recipe for lane in young} <= {draft.base.recipe for draft in drafts if draft is not None}


def tunable(known: Knowledge, lane: Lane) -> bool:
    return any(p.searchable for p in known.files(lane.best.commit).values())


def test_a_generation_has_eight_points_in_the_cube_and_follows_the_evidence(tmp_path: Path) -> None:
    made = campaign(tmp_path, TUNE, 500, seed=1)
    known = Knowledge(made.brief(0))
    lane, base = known.lanes[known.champion_recipe], known.champion_trial
    parameters = [p for p in known.files(base.commit).values() if p.searchable]
    points = tune.next_generation(known, lane, parameters, base)
    assert points.shape == (8, len(parameters)) and (points >= 0).all() and (points <= 1).all()
    best = np.array([0.6, 0.5, 0.6, 0.4])
    names = ["beam.width", "beam.depth", "pose.weight", "pose.seat"]
    columns = [[p.name for p in parameters].index(name) for name in names]
    start = np.array([0.3, 0.3, 0.2, 0.7])
    assert np.linalg.norm(points[0][columns] - best) < np.linalg.norm(start - best)


def test_leaps_are_for_policies_that_never_succeed(middle: ToyCampaign) -> None:
    brief = middle.brief(0)
    failing = replace(brief, champion_episodes=30, champion_successes=0)
    succeeding = replace(brief, champion_episodes=30, champion_successes=29)
    bold, calm = (max(o.gain for o in leap.options(Knowledge(b))) for b in (failing, succeeding))
    assert calm < 0.02 * bold


def test_parked_ideas_are_reopened_once(middle: ToyCampaign) -> None:
    brief = middle.brief(0)
    level = Knowledge(brief).level
    ideas = [
        replace(
            idea, verdict="parked", probability=0.95, arms=tuple(replace(a, utility=level + 0.1) for a in idea.arms)
        )
        if idea.kind == "tune" and idea.verdict is not None and idea.id != brief.champion
        else idea
        for idea in brief.ideas
    ]
    known = Knowledge(replace(brief, ideas=tuple(ideas)))
    offered = [option.draft() for option in retry.options(known)]
    assert offered and all(draft is not None and len(draft.points) == 1 for draft in offered)
    first = offered[0]
    assert first is not None
    again = replace(ideas[-1], id="9999", kind="retry", parent=first.base.idea, verdict="dropped")
    later = Knowledge(replace(brief, ideas=(*ideas, again)))
    assert len(retry.options(later)) == len(offered) - 1


def test_a_change_proven_elsewhere_is_merged_onto_the_champion(middle: ToyCampaign) -> None:
    brief = middle.brief(0)
    base = brief.ideas[0]
    champion = next(idea for idea in brief.ideas if idea.id == brief.champion)
    slot = next(slot for slot in base.recipe if champion.recipe[slot] == base.recipe[slot])
    block = next(name for name in EVERYTHING[slot] if name != base.recipe[slot])
    arm = replace(brief.ideas[1].arms[0], commit="new", point={}, episodes=30, successes=28, utility=0.9)
    gained = replace(
        brief.ideas[1],
        id="8888",
        kind="structure",
        parent=base.id,
        recipe=dict(base.recipe) | {slot: block},
        best="new",
        arms=(arm,),
        verdict="dropped",
    )
    known = Knowledge(replace(brief, ideas=(*brief.ideas, gained)))
    drafts = [option.draft() for option in cross.options(known)]
    merged = [draft for draft in drafts if draft is not None and draft.adopt == ("8888",)]
    assert len(merged) == 1 and merged[0].base.idea == brief.champion and block in merged[0].hypothesis


def test_neutral_changes_are_undone_when_nothing_else_helps(middle: ToyCampaign) -> None:
    known = Knowledge(middle.brief(0))
    assert known.stall >= 10 or not simplify.options(known)
    for option in simplify.options(known):
        draft = option.draft()
        assert draft is not None and draft.revert[0] in known.lineage


def test_identification_waits_for_data_and_is_not_repeated_at_once(tmp_path: Path) -> None:
    made = ToyCampaign(tmp_path / "c", {"model": {"contact": EVERYTHING["model"]["contact"]}}, agents=1, seed=0)
    for _ in range(7):
        made._control()
    assert not identify.options(Knowledge(made.brief(0)))
    made._control()
    brief = made.brief(0)
    assert [option.kind for option in identify.options(Knowledge(brief))] == ["identify"]
    workspace = fresh_workspace(tmp_path, brief)
    proposal = propose(brief, workspace)
    assert proposal is not None and proposal.kind == "identify"
    assert read_parameters(workspace, ["contact"])["contact.ratio"].value == 0.35
    made._submit("agent-0", proposal, workspace)
    assert not identify.options(Knowledge(made.brief(0)))


@pytest.mark.parametrize(
    "train", ["raise SystemExit(1)", "from pathlib import Path\nPath('blocks/contact.toml').write_text('broken [')"]
)
def test_broken_training_costs_no_idea(tmp_path: Path, train: str) -> None:
    made = ToyCampaign(tmp_path / "c", {"model": {"contact": EVERYTHING["model"]["contact"]}}, agents=1, seed=0)
    for _ in range(9):
        made._control()
    (tmp_path / "c" / "candidates" / "c0" / "train.py").write_text(train)
    brief = made.brief(0)
    assert propose(brief, fresh_workspace(tmp_path, brief)) is None


def test_refused_hypotheses_are_not_repeated(middle: ToyCampaign, tmp_path: Path) -> None:
    brief = middle.brief(2)
    texts: list[str] = []
    for _ in range(4):
        refused = tuple(("agent-2", text, "no") for text in texts)
        proposal = propose(replace(brief, refused=refused), fresh_workspace(tmp_path, brief))
        assert proposal is not None and proposal.hypothesis not in texts
        texts.append(proposal.hypothesis)


def test_symptoms_need_failures_and_point_to_remedies() -> None:
    card = FailureCard(
        episodes=40,
        successes=20,
        reasons={"timeout": 20},
        failure_progress=(0.8, 0.9, 0.93),
        near_misses=18,
        lost_again=2,
        median_success_steps=80.0,
        p99_action_ms=3.0,
        missed_periods=0,
    )
    assert "near misses" in read_symptoms(card)[0].story
    assert not read_symptoms(replace(card, episodes=22)) and not read_symptoms(None)
    slow = replace(card, near_misses=0, reasons={"deadline": 20}, missed_periods=900)
    assert "control periods" in read_symptoms(slow)[0].story


# ---------------------------------------------------------------------- as a process


def write_session(root: Path, brief: Brief) -> Path:
    folder = root / "session"
    folder.mkdir()
    (folder / "brief.json").write_bytes(encode(brief))
    fresh_workspace(folder, brief)
    return folder


def run(folder: Path) -> Session:
    job = Job(folder=folder)
    session = Session.start(job, builtin.command(job), deadline_s=60)
    while session.poll() is None:
        time.sleep(0.02)
    return session


def test_session_of_the_built_in_researcher(middle: ToyCampaign, tmp_path: Path) -> None:
    folder = write_session(tmp_path, middle.brief(0))
    session = run(folder)
    assert session.outcome == "ok", (folder / "stderr.log").read_text()
    proposal = read_submission(session.job.folder)
    assert isinstance(proposal, Proposal)
    assert proposal.hypothesis in (folder / "stdout.log").read_text()
    assert not list((folder / "workspace").rglob("__pycache__"))


def test_nothing_to_propose_is_no_submission(tmp_path: Path) -> None:
    made = ToyCampaign(tmp_path / "c", {"only": {"one": PLAIN["recovery"]["none"]}}, agents=1, seed=0)
    session = run(write_session(tmp_path, made.brief(0)))
    assert session.outcome == "ok" and read_submission(session.job.folder) is None
    assert "nothing to propose" in session.stdout.read_text()


def test_broken_brief_is_one_line_and_an_error(tmp_path: Path) -> None:
    made = ToyCampaign(tmp_path / "c", {"only": {"one": PLAIN["recovery"]["none"]}}, agents=1, seed=0)
    folder = write_session(tmp_path, made.brief(0))
    (folder / "brief.json").write_bytes(encode(replace(made.brief(0), champion="0042")))
    session = run(folder)
    assert session.outcome == "error" and "0042" in (folder / "stderr.log").read_text()
    assert "Traceback" not in (folder / "stderr.log").read_text()


def test_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert builtin.main([]) == 2 and "usage" in capsys.readouterr().err
