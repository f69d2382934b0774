"""The command line as a user meets it: help, bad input, small runs on the toy task."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from enpire.cli.inspect import read_state

REPOSITORY = Path(__file__).parents[2]
COMMANDS = [
    "run",
    "resume",
    "report",
    "ideas",
    "status",
    "trial",
    "verify-claim",
    "export-claim",
    "task",
    "tasks",
    "doctor",
    "anchor",
    "station",
    "distill",
    "literature",
    "tool",
]
TOY = "tests.rollout.toy:PointTask"


def enpire(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "enpire", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb", **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A short campaign on the toy task: weak baseline, a few ideas, budget used up."""
    root = tmp_path_factory.mktemp("cli") / "campaign"
    done = enpire("run", TOY, "--budget-episodes", 400, "--target", 0.9, "--seed", 5, "--stations", 2, "--out", root)
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = enpire(command, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout


def test_every_command_is_in_the_readme():
    readme = (REPOSITORY / "README.md").read_text()
    for command in COMMANDS:
        assert re.search(rf"enpire [a-z|-]*\b{command}\b", readme), command


def test_importing_is_light():
    heavy = ("numpy", "scipy", "torch", "mujoco", "cv2")
    code = f"import sys, enpire, enpire.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "no_such_task"], "unknown task 'no_such_task'"),
        (["run", "gym:No/Such-v0"], "requirements"),
        (["run", TOY, "--agent", "nobody"], "unknown agent 'nobody'; known: builtin"),
        (["run", TOY, "-o", "noise"], "is not NAME=NUMBER"),
        (["run", "gym:gym_pusht/PushT-v0", "-o", "nose=1"], "observation_noise_px"),
        (["run", TOY, "--out", "/proc/none/here"], "--out"),
        (["run", TOY, "--declare", "/no/such.toml"], "declar"),
        (["status", "/nowhere"], "no ledger at"),
        (["resume", "/nowhere"], "expected a campaign folder"),
        (["ideas", "/nowhere"], "no ledger at"),
        (["report", "/nowhere"], "no ledger at"),
        (["verify-claim", "/nowhere"], "no ledger at"),
        (["trial", TOY, "--policy", "/nowhere.py"], "neither a Python file nor a folder"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path, arguments, message):
    if arguments[0] == "run" and "--out" not in arguments:
        arguments = [*arguments, "--out", tmp_path / "campaign"]
    done = enpire(*arguments)
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "campaign" / "ledger.sqlite").exists()


def test_an_impossible_number_is_refused_by_name():
    done = enpire("run", TOY, "--target", 1.5)
    assert done.returncode == 2 and "--target" in done.stderr


def test_status_has_what_programs_need(campaign):
    status = json.loads(enpire("status", campaign, "--json").stdout)
    assert status["episodes"]["started"] == sum(status["episodes"][k] for k in ("success", "failure", "invalid"))
    assert status["episodes"]["started"] <= 400
    assert {"commit", "successes", "episodes", "lower_bound"} <= set(status["champion"])
    assert {"tried", "kept", "dropped", "parked"} <= set(status["ideas"])
    assert all({"p0", "alpha", "certified", "episodes"} <= set(claim) for claim in status["claims"])
    assert "mru" in status


def test_people_can_read_status_and_ideas(campaign):
    assert "champion" in enpire("status", campaign).stdout
    assert "0000" in enpire("ideas", campaign).stdout
    assert json.loads(enpire("ideas", campaign, "--json").stdout)


def test_the_report_is_one_file(campaign):
    report = (campaign / "report.html").read_text()
    assert "<svg" in report and not re.search(r"""(src|href)=["']https?://""", report)
    again = enpire("report", campaign)
    assert again.returncode == 0 and again.stdout.strip().endswith("report.html")


def test_a_finished_campaign_says_how_to_go_on(campaign):
    done = enpire("resume", campaign)
    assert done.returncode == 1 and "raise a budget or the target" in done.stderr


def test_claims_can_be_verified_and_tampering_is_noticed(campaign, tmp_path):
    assert enpire("verify-claim", campaign).returncode == 0
    import shutil

    forged = tmp_path / "forged"
    shutil.copytree(campaign, forged)
    import sqlite3

    db = sqlite3.connect(forged / "ledger.sqlite")
    db.executescript("DROP TRIGGER no_update")
    db.execute("""UPDATE events SET body = replace(body, '"result":"failure"', '"result":"success"')""")
    db.commit()
    db.close()
    done = enpire("verify-claim", forged)
    assert done.returncode == 2 and "does not match its chain hash" in done.stderr


def test_a_second_supervisor_is_refused(tmp_path):
    root = tmp_path / "campaign"
    first = subprocess.Popen(
        [sys.executable, "-m", "enpire", "run", TOY, "--budget-minutes", "5", "--out", str(root), "--json"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in first.stdout:
            if json.loads(line)["body"]["event"] == "EpisodeRecorded":
                break
        done = enpire("resume", root)
        assert done.returncode == 1 and f"pid {first.pid}" in done.stderr
        first.terminate()  # like Ctrl-C: stops in good order
        rest = first.communicate(timeout=60)[0].splitlines()
        assert first.returncode == 0
        stopped = json.loads(rest[-1])["body"]
        assert (stopped["event"], stopped["final"]) == ("SupervisorStopped", False)
    finally:
        first.kill()


POLICIES = {
    "good": ("return -10.0 * observation['observation.state']", "success"),
    "idle": ("return [0.0, 0.0]", "timeout"),
    "raises": ("raise ValueError('on purpose')", "raised"),
    "exits": ("import os; os._exit(0)", "exited"),
    "nan": ("return [float('nan'), 0.0]", "nonfinite"),
    "shape": ("return [0.0, 0.0, 0.0]", "shape"),
    "hangs": ("import time; time.sleep(60)", "deadline"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_trial_says_what_became_of_the_policy(tmp_path, name):
    action, outcome = POLICIES[name]
    path = tmp_path / "policy.py"
    path.write_text(
        "class Policy:\n    def __init__(self, task): pass\n    def reset(self, observation, instruction): pass\n"
        f"    def select_action(self, observation):\n        {action}\n"
    )
    done = enpire("trial", TOY, "--policy", path, "--episodes", 2, "--json")
    assert done.returncode == 0, done.stderr
    *rows, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["reason"] or row["result"] for row in rows} == {outcome}
    assert summary["episodes"] == 2
    if name == "raises":
        assert "on purpose" in rows[0]["log"]


def test_a_policy_that_does_not_parse_fails_to_load(tmp_path):
    path = tmp_path / "policy.py"
    path.write_text("class Policy(:")
    done = enpire("trial", TOY, "--policy", path, "--episodes", 1)
    assert "failure (load)" in done.stdout and "SyntaxError" in done.stderr


def test_missing_git_is_one_line(tmp_path):
    done = enpire("run", TOY, "--out", tmp_path / "campaign", PATH=str(tmp_path))
    assert done.returncode == 1 and "git" in done.stderr and "Traceback" not in done.stderr


def test_tasks_and_doctor_answer_programs():
    assert any(t["name"] == "gym:gym_pusht/PushT-v0" for t in json.loads(enpire("tasks", "--json").stdout))
    done = enpire("doctor", "--json")
    assert done.returncode == 0 and any(f["what"].startswith("isolation") for f in json.loads(done.stdout))


def test_forged_notes_show_as_unverified(campaign, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(campaign, own)
    assert "UNVERIFIED" not in enpire("ideas", own).stderr
    name, node = next((n, x) for n, x in read_state(own).ideas.items() if x.verdict and n != "0000")
    git = ["git", "-C", own / "hub.git", "-c", "user.name=x", "-c", "user.email=x@example.org", "notes", "--ref=enpire"]
    forged = json.dumps({"idea": name, "verdict": "kept", "receipt": "0"})
    subprocess.run([*git, "add", "-f", "-m", forged, node.idea.commit], check=True)
    assert f"UNVERIFIED  the note of idea {name} " in enpire("ideas", own).stderr
