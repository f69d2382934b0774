"""A task and its freeze: an episode starts only if what judges is what was frozen."""

from dataclasses import replace
from pathlib import Path

import pytest

from enpire.environment import declaration, freeze
from enpire.environment.frozen_files import JudgeChanged
from enpire.tasks import SHIPPED, freeze_task, open_task
from enpire.tasks._frozen import freeze_gymnasium

OWN = """
from tests.rollout.toy import PointTask


class OwnTask(PointTask):
    pass
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """File of a task of somebody's own, `own_frozen:OwnTask`."""
    (tmp_path / "own_frozen.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "own_frozen.py"
    import sys

    sys.modules.pop("own_frozen", None)


def test_an_opened_task_carries_the_root_of_its_freeze(own):
    task = open_task("own_frozen:OwnTask")
    frozen = freeze_task("own_frozen:OwnTask")
    assert task.spec.manifest == frozen.root == freeze.root_of(frozen.judge)
    assert {"task/own_frozen", "task/tests.rollout.toy", "enpire/rollout/trial.py"} <= frozen.judge.keys()
    assert open_task("own_frozen:OwnTask", options={"period_s": 0.1}).spec.manifest != task.spec.manifest


def test_no_episode_starts_when_a_file_that_judges_has_changed(own):
    task = open_task("own_frozen:OwnTask")
    task.reset(seed=1)
    own.write_text(OWN + "# changed\n")
    with pytest.raises(JudgeChanged, match="task/own_frozen"):
        task.reset(seed=2)
    own.write_text(OWN)
    task.reset(seed=2)


@pytest.fixture
def python(tmp_path):
    """A virtual environment, as far as the freeze looks at it."""
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    (site / "gymnasium").mkdir(parents=True)
    (site / "gymnasium" / "__init__.py").write_text("x = 1\n")
    (tmp_path / "venv" / "installed.txt").write_text("gymnasium==1.4.0\nlocal @ file:///somewhere\n")
    return tmp_path / "venv" / "bin" / "python"


CARTPOLE = declaration.load(SHIPPED / "CartPole-v1.toml")


def root(python, declared=CARTPOLE, options=None):
    return freeze_gymnasium("gym:CartPole-v1", declared, options or {}, python).manifest.root


def test_declaration_options_versions_and_installed_files_judge(python):
    roots = [root(python), root(python, replace(CARTPOLE, success="return >= 3")), root(python, options={"noise": 1.0})]
    installed = python.parent.parent / "installed.txt"
    installed.write_text(installed.read_text().replace("1.4.0", "1.4.1"))
    roots.append(root(python))
    site = next((python.parent.parent / "lib").glob("*/site-packages"))
    (site / "sitecustomize.py").write_text("import gymnasium\n")
    roots.append(root(python))
    assert len(set(roots)) == len(roots)
    assert root(python) == roots[-1]


def test_an_environment_is_not_started_again_from_changed_files(python):
    frozen = freeze_gymnasium("gym:CartPole-v1", CARTPOLE, {}, python)
    frozen.check()
    frozen.check_environment()
    site: Path = next((python.parent.parent / "lib").glob("*/site-packages"))
    (site / "gymnasium" / "__init__.py").write_text("x = 2\n")
    frozen.check()  # the running process does not see it
    with pytest.raises(JudgeChanged, match="environment/gymnasium"):
        frozen.check_environment()


def test_options_given_and_left_at_their_defaults_freeze_the_same():
    task = open_task("push_t_simple")
    task.close()
    given = {name: int(value) for name, value in task.spec.options.items()}
    assert {"level", "fast_reset"} <= given.keys()
    assert freeze_task("push_t_simple", options=given).root == task.spec.manifest
