"""Freeze and certificates on the command line, as a user meets them; and a judge that changes in mid-campaign."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from enpire.cli.inspect import read_state
from enpire.environment import freeze
from tests.certificates.made import EPISODES, TOY, make

REPOSITORY = Path(__file__).parents[2]


def enpire(*arguments, folder=None):
    path = os.pathsep.join(filter(None, [str(folder or ""), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-m", "enpire", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("claim") / "campaign")


@pytest.fixture(scope="module")
def exported(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "claim.zip"
    done = enpire("export-claim", made.folder.root, "--out", path)
    assert done.returncode == 0 and made.key in done.stdout, done.stderr
    return path


def test_freeze_check_and_diff(tmp_path):
    done = enpire("task", "freeze", TOY, "--out", tmp_path / "m.json", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["root"] == freeze.read(tmp_path / "m.json").root
    assert "task/tests.rollout.toy" in enpire("task", "freeze", TOY).stdout
    same = enpire("task", "check", TOY, "--manifest", tmp_path / "m.json")
    assert same.returncode == 0 and "same judge" in same.stdout
    other = enpire("task", "check", TOY, "--manifest", tmp_path / "m.json", "-o", "period_s=0.1", "--json")
    changed = json.loads(other.stdout)
    assert other.returncode == 1 and not changed["same"] and "added    option/period_s" in changed["changed"]
    enpire("task", "freeze", TOY, "-o", "period_s=0.1", "--out", tmp_path / "n.json")
    diff = enpire("task", "diff", tmp_path / "m.json", tmp_path / "n.json")
    assert diff.returncode == 1 and "option/period_s" in diff.stdout and "not comparable" in diff.stdout
    assert enpire("task", "diff", tmp_path / "m.json", tmp_path / "m.json").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["task", "check", TOY, "--manifest", "/nowhere"], "enpire task freeze"),
        (["task", "freeze", "no_such_task"], "unknown task"),
        (["task", "diff", "README.md", "README.md"], "is not a manifest"),
        (["verify-claim"], "give a campaign folder"),
        (["verify-claim", "README.md"], "is not a readable zip file"),
        (["verify-claim", "--certificate", "README.md"], "is not a certificate"),
        (["verify-claim", "--certificate", "README.md", "--replay"], "--replay needs episodes"),
        (["verify-claim", "README.md", "--key", "abc"], "expected 64 hexadecimal digits"),
        (["export-claim", "/nowhere", "--out", "x.zip"], "no ledger at"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message):
    done = enpire(*arguments)
    assert done.returncode == 1
    assert message in done.stdout + done.stderr and "Traceback" not in done.stderr


def test_a_folder_a_zip_file_and_a_certificate_can_be_verified(made, exported):
    for target in (made.folder.root, exported, "--certificate"):
        file = [made.folder.root / "certificates" / "claim-1.json"] if target == "--certificate" else []
        done = enpire("verify-claim", target, *file, "--key", made.key, "--json")
        found = json.loads(done.stdout)
        assert done.returncode == 0 and found["problems"] == [], done.stdout
        assert found["claims"][0]["public_key"] == made.key and found["claims"][0]["episodes"] == EPISODES - 1
        refused = enpire("verify-claim", target, *file, "--key", "0" * 64)
        assert refused.returncode == 1 and "DIFFERS" in refused.stdout


def test_a_certificate_alone_says_what_it_does_not_prove(made):
    done = enpire("verify-claim", "--certificate", made.folder.root / "certificates" / "claim-1.json")
    assert done.returncode == 0 and "no episode was seen" in done.stdout and "pass it with --key" in done.stdout


def test_a_replay_runs_only_what_its_owner_trusts(exported):
    done = enpire("verify-claim", exported, "--replay")
    assert done.returncode == 1 and "add --task NAME" in done.stderr
    done = enpire("verify-claim", exported, "--replay", "--task", TOY)
    assert done.returncode == 0 and "replayed: the environment gave the same" in done.stdout


def test_without_the_secret_key_it_says_what_was_not_checked(made, tmp_path):
    shutil.copytree(made.folder.root, tmp_path / "shared")
    (tmp_path / "shared" / "secret.key").unlink()
    done = enpire("verify-claim", tmp_path / "shared", "--replay")
    assert done.returncode == 0 and "there is no secret.key" in done.stdout
    refused = enpire("export-claim", tmp_path / "shared", "--out", tmp_path / "x.zip")
    assert refused.returncode == 1 and "secret.key" in refused.stderr


def test_another_judge_is_named_when_a_claim_is_replayed(made, tmp_path):
    shutil.copytree(made.folder.root, tmp_path / "older")
    stored = freeze.read(tmp_path / "older")
    judge = stored.judge | {"enpire/rollout/trial.py": "0" * 64}
    path = tmp_path / "older" / freeze.FILE
    freeze.write(path, freeze.Manifest(format=1, task=TOY, root=freeze.root_of(judge), judge=judge))
    done = enpire("task", "check", TOY, "--manifest", tmp_path / "older")
    assert done.returncode == 1 and "changed  enpire/rollout/trial.py" in done.stdout


@pytest.mark.timeout(300)
def test_a_judge_changed_in_mid_campaign_is_refused_by_name_and_nothing_is_lost(tmp_path):
    source = (REPOSITORY / "tests" / "rollout" / "toy.py").read_text()
    file = tmp_path / "own_task.py"
    slow = source.replace('options.pop("step_s", 0.0)', "0.01").replace("tests.rollout.toy:", "own_task:")
    assert slow != source
    file.write_text(slow)
    root = tmp_path / "campaign"
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    options = ["--budget-episodes", "60", "--stations", "2", "--agents", "1", "--seed", "3", "--video", "none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "enpire", "run", "own_task:PointTask", *options, "--out", str(root), "--json"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    recorded = 0
    for line in process.stdout:
        recorded += json.loads(line)["body"]["event"] == "EpisodeRecorded"
        if recorded == 10:
            file.write_text(slow.replace("distance < 0.1", "distance < 9.9"))  # everything is a success now
            break
    _, error = process.communicate(timeout=100)
    assert process.returncode != 0
    assert "has changed" in error and "task/own_task" in error and "Traceback" not in error, error
    state = read_state(root)
    assert 10 <= len(state.episodes) < 60
    assert {x.manifest for x in state.episodes.values()} == {state.spec.manifest}
    assert not any(x.success and x.evidence["distance_m"] >= 0.1 for x in state.episodes.values())
    again = enpire("resume", root, folder=tmp_path)
    assert again.returncode != 0 and "task/own_task" in again.stderr
    file.write_text(slow)
    done = enpire("resume", root, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    final = read_state(root)
    assert set(final.started) == set(final.episodes) and set(state.episodes) <= set(final.episodes)
    assert {x.manifest for x in final.episodes.values()} == {final.spec.manifest}


def test_a_verifier_card_is_shown_with_what_it_costs_a_claim():
    done = enpire("task", "card", "pin_insertion")
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("precision", "recall", "of the hard failures, laid", "for 0.9,"))
    found = json.loads(enpire("task", "card", "pin_insertion", "--json").stdout)
    required, bound = found["claims"]["required"]["0.9"], found["claims"]["fp_upper"]
    assert required == pytest.approx(0.9 + 0.1 * bound) and 0 < bound < 0.2
    rate = found["rates"]["false_positives_laid"]
    assert rate["hits"] == sum(x["false_positive"] for x in found["kinds"] if x["hard"] and x["source"] == "laid")
    harder = enpire("task", "card", "pin_insertion", "-o", "level=3")
    assert "level = 2, not 3" in harder.stdout or "stale" in harder.stdout


def test_a_task_without_a_card_says_why():
    done = enpire("task", "card", "gym:gym_pusht/PushT-v0")
    assert done.returncode == 0 and "needs no verifier card" in done.stdout
    done = enpire("task", "card", TOY)
    assert done.returncode == 1 and "the rate that its judge reports" in done.stderr
