"""Choose the next move, carry it out in the workspace and write the proposal.

Every option states an expected gain and a spread in utility above the champion's. One draw per option decides
(Thompson sampling), so that several researchers with the same brief go different ways. What turns out to be empty, a
copy or already refused gives way to the next best.
"""

import tempfile
from pathlib import Path

import numpy as np

from enpire.agents._researcher import cross, identify, leap, retry, simplify, structure, tune
from enpire.agents._researcher.knowledge import Knowledge, Recipe, recipe_of
from enpire.agents._researcher.option import Draft, Option
from enpire.agents._workspace import read_parameters, read_recipe, replace_files, set_values, swap, train
from enpire.core.brief import Brief
from enpire.core.errors import BadInput
from enpire.core.records import Proposal

_LONGEST = 500
"""Characters of a hypothesis that the harness accepts."""

MOVES = (structure, leap, tune, identify, cross, simplify, retry)

Signature = tuple[Recipe, tuple[tuple[str, float], ...]]


def propose(brief: Brief, workspace: Path) -> Proposal | None:
    """Edit the workspace and return the proposal that goes with it; None if there is nothing left to try.

    Raises:
        BadInput: The brief does not describe its own champion, or a file in it is broken.
    """
    known = _read(brief)
    tried = {_signature(t.recipe, t.parameters) for t in known.trials.values()}
    for option in ranked(known):
        draft = option.draft()
        hypothesis = draft.hypothesis[:_LONGEST] if draft is not None else ""
        if draft is None or known.refused(hypothesis):
            continue
        points = _carry_out(known, draft, workspace, tried)
        if points:
            return Proposal(
                hypothesis=hypothesis,
                kind=draft.kind,
                parent=draft.base.idea,
                inspired_by=draft.inspired_by,
                adopt=draft.adopt,
                revert=draft.revert,
                predicted_effect=draft.predicted_effect,
                variants=tuple(points),
            )
    return None


def ranked(known: Knowledge) -> list[Option]:
    """All options, the most promising draw first; the last resort last."""
    drawn: list[tuple[float, Option]] = []
    for move in MOVES:
        found = move.options(known)
        # The largest of N draws grows as sqrt(2 ln N): without this, the move with most options would always win.
        crowd = float(np.sqrt(max(1.0, 2.0 * np.log(max(len(found), 1)))))
        draws = known.rng.standard_normal(len(found))
        drawn += [(o.gain + o.spread / crowd * draw, o) for o, draw in zip(found, draws, strict=True)]
    drawn.sort(key=lambda pair: -pair[0])
    last = tune.last_resort(known)
    return [option for _, option in drawn] + ([last, last] if last is not None else [])


def _read(brief: Brief) -> Knowledge:
    ids = {idea.id for idea in brief.ideas}
    if brief.champion not in ids:
        raise BadInput(f"the champion {brief.champion!r} is not among the ideas: {', '.join(sorted(ids)) or 'none'}")
    known = Knowledge(brief)
    if known.champion.best not in known.trials:
        raise BadInput(f"idea {brief.champion} has no slots: policy.py needs lines `from blocks.x import X  # slot: x`")
    return known


def _carry_out(known: Knowledge, draft: Draft, workspace: Path, tried: set[Signature]) -> list[dict[str, float]]:
    """Write the draft's files; returns the variants that are new, or nothing."""
    if not known.usable(draft.base):
        return []
    replace_files(workspace, Path(known.brief.candidates) / draft.base.commit)
    for slot, block in draft.swaps:
        swap(workspace, Path(known.brief.library), slot, block)
    set_values(workspace, draft.values)
    if draft.identify:
        changed = _identified(known, workspace)
        if not draft.swaps and not changed:
            return []
    if draft.adopt or draft.revert:
        return list(draft.points)
    return _new_points(workspace, draft.points, tried)


def _identified(known: Knowledge, workspace: Path) -> bool:
    """Run `train.py`; whether it worked and changed anything. A failed run leaves no trace in the blocks.

    With too few episodes it gets none: some of what it fixes follows from the task alone.
    """
    blocks = list(read_recipe(workspace).values())
    before = read_parameters(workspace, blocks)
    texts = {path: path.read_bytes() for path in (workspace / "blocks").glob("*.toml")}
    with tempfile.TemporaryDirectory() as empty:
        data = Path(known.brief.data) if identify.enough_data(known) else Path(empty)
        try:
            if train(workspace, data) == "done":
                after = read_parameters(workspace, blocks)
                if after.keys() == before.keys():
                    return after != before
        except BadInput as error:
            print(f"train.py broke a block: {error}")
    for path, text in texts.items():
        path.write_bytes(text)
    return False


def _new_points(workspace: Path, points: tuple[dict[str, float], ...], tried: set[Signature]) -> list[dict[str, float]]:
    """Points that no earlier candidate had; if the files as they are are not new, the first new point is written."""
    recipe = read_recipe(workspace)
    held = {p.name: p.value for p in read_parameters(workspace, recipe.values()).values()}
    closed = {p.name for p in read_parameters(workspace, recipe.values()).values() if not p.searchable}
    fresh: list[dict[str, float]] = []
    seen = set(tried)
    for wanted in points:
        point = {name: value for name, value in wanted.items() if name not in closed}
        signature = _signature(recipe_of(recipe), held | point)
        if signature not in seen:
            seen.add(signature)
            fresh.append(point)
    if fresh and fresh[0]:
        set_values(workspace, fresh[0])
        fresh[0] = {}
    return fresh


def _signature(recipe: Recipe, parameters: dict[str, float]) -> Signature:
    return recipe, tuple(sorted((name, float(f"{value:.6g}")) for name, value in parameters.items()))
