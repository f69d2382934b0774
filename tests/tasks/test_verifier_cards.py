"""The cards that ship with the simulated tasks, and the command that measures them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from enpire.core.registry import names
from enpire.environment import freeze, verifier_card
from enpire.tasks import CARDS, card_file, freeze_task, open_task

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "benchmarks" / "verifier" / "card.py"


@pytest.mark.parametrize("name", names("task"))
def test_every_task_that_a_camera_judges_has_a_card(name):
    card = verifier_card.read(card_file(name))
    assert card.task == name
    assert all((freeze.PACKAGE / file).is_file() for file in card.judge)
    assert card.false_positives()["laid"].of > 0


def test_there_is_no_card_without_a_task():
    assert sorted(path.stem for path in CARDS.glob("*.toml")) == names("task")
    assert card_file("gym:gym_pusht/PushT-v0") is None
    assert card_file("tests.rollout.toy:PointTask") is None


def test_the_card_is_part_of_the_freeze_and_of_the_specification():
    frozen = freeze_task("pin_insertion")
    assert (
        frozen.judge[verifier_card.NAME]
        == verifier_card.hashes(["tasks/verifier_cards/pin_insertion.toml"]).popitem()[1]
    )
    task = open_task("pin_insertion")
    harder = open_task("pin_insertion", options={"level": 3.0})
    try:
        counts = verifier_card.read(card_file("pin_insertion")).errors({}).false_positives
        assert task.spec.verifier.false_positives == harder.spec.verifier.false_positives == counts
        assert "level" in harder.spec.verifier.doubt or "stale" in harder.spec.verifier.doubt
        assert task.spec.manifest == frozen.root
        assert frozen.task == task.spec.name == "pin_insertion"
    finally:
        task.close()
        harder.close()


def test_the_command_counts_laid_cases_and_episodes_of_the_same_judge(tmp_path):
    frozen = freeze_task("pin_insertion")
    freeze.write(tmp_path / freeze.FILE, frozen)
    (tmp_path / "sealed").mkdir()
    closely = {"success": 0.0, "tip_above_floor_m": 0.003, "aside_m": 0.001, "tilt_rad": 0.0}
    far = closely | {"tip_above_floor_m": 0.2}
    seated = closely | {"success": 1.0, "tip_above_floor_m": 0.0}
    told = (
        [("success", seated)] * 3
        + [("failure", closely)] * 2
        + [("success", closely), ("failure", far), ("invalid", far)]
    )
    lines = [json.dumps({"result": r, "seed": 1, "ticket": i, "truth": t}) for i, (r, t) in enumerate(told)]
    (tmp_path / "sealed" / "station-1.jsonl").write_text("\n".join([*lines, lines[0]]) + "\n")
    ran = run("pin_insertion", "--cases", "9", "--campaign", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    rows = {line.split(" (")[0]: line.split(")")[1].split() for line in ran.stdout.splitlines() if "(campaign" in line}
    assert rows == {"failed closely": ["0", "0", "2", "1", "0"], "all other episodes": ["3", "0", "1", "0", "0"]}
    assert "measured   16 cases" in ran.stdout
    (tmp_path / freeze.FILE).unlink()
    changed = frozen.judge | {"enpire/tasks/_pin/judge.py": "0" * 64}
    freeze.write(
        tmp_path / freeze.FILE, type(frozen)(format=1, task=frozen.task, root=freeze.root_of(changed), judge=changed)
    )
    other = run("pin_insertion", "--cases", "9", "--campaign", str(tmp_path))
    assert other.returncode == 1 and "was judged by another judge: tasks/_pin/judge.py" in other.stderr


def run(*arguments):
    return subprocess.run([sys.executable, COMMAND, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=100)
