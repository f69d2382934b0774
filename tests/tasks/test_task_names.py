from dataclasses import replace
from pathlib import Path

import pytest
from tests.rollout.toy import SPEC

from enpire.core.errors import BadInput, UnknownName
from enpire.tasks import SHIPPED, known_tasks, open_task, prepare

THREE_LINES = 'requirements = ["nothing==1.0"]\nsuccess = "terminated"\nprogress = "return / 10"\n'


@pytest.fixture
def configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ENPIRE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "config" / "enpire" / "tasks"
    folder.mkdir(parents=True)
    return folder


def test_known_tasks_are_the_shipped_declarations_and_install_nothing(configuration, tmp_path):
    shipped = {f"gym:{p.relative_to(SHIPPED).with_suffix('')}" for p in SHIPPED.rglob("*.toml")}
    assert {"gym:gym_pusht/PushT-v0", "gym:CartPole-v1", "gym:Pendulum-v1"} <= shipped
    assert {task.name for task in known_tasks() if task.name.startswith("gym:")} == shipped
    assert all(task.source == "shipped" and task.instruction for task in known_tasks())
    assert not (tmp_path / "cache").exists()


def test_a_users_file_adds_a_task_and_hides_a_shipped_one(configuration):
    (configuration / "lab").mkdir()
    for identity in ("lab/Drawer-v3", "CartPole-v1"):
        (configuration / f"{identity}.toml").write_text(THREE_LINES + f'instruction = "Mine: {identity}."\n')
    found = {task.name: task for task in known_tasks()}
    assert found["gym:lab/Drawer-v3"].source == str(configuration / "lab" / "Drawer-v3.toml")
    assert found["gym:CartPole-v1"].instruction == "Mine: CartPole-v1."


@pytest.mark.parametrize("name", ["gym:Nowhere-v9", "gym:../gymnasium/CartPole-v1", "gym:/CartPole-v1"])
def test_an_undeclared_id_gets_the_three_lines_to_write(configuration, name):
    for call in (open_task, prepare):
        with pytest.raises(BadInput) as caught:
            call(name)
        message = str(caught.value)
        assert all(f"\n{key} = " in message for key in ("requirements", "success", "progress"))
        assert str(configuration) in message
        assert "--declare" in message
        assert "gym:gym_pusht/PushT-v0" in message


def test_an_unknown_name_lists_names_and_the_gym_form():
    with pytest.raises(UnknownName, match=r"unknown task 'push_tee'; known: .*gym:CartPole-v1.*gym:<id>"):
        open_task("push_tee")


def test_options_are_checked_before_anything_is_installed(configuration):
    with pytest.raises(BadInput, match=r"unknown task option 'friction'; valid: .*observation_noise_px"):
        open_task("gym:gym_pusht/PushT-v0", options={"friction": 0.1})
    assert not (configuration.parents[2] / "cache").exists()


def test_a_declaration_belongs_to_a_gym_task(tmp_path):
    with pytest.raises(BadInput, match="a declaration is for"):
        open_task("push_t", declaration=tmp_path / "x.toml")


class Plain:
    def __init__(self, options):
        self.spec = replace(SPEC, options=options)


def make_nothing(options):
    return ("made with", options)


def test_an_object_path_is_called_with_the_options(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    assert open_task(f"{Path(__file__).stem}:Plain", options={"a": 1.0}).spec.options == {"a": 1.0}
    with pytest.raises(BadInput, match="made a tuple, which is not a task"):
        open_task(f"{Path(__file__).stem}:make_nothing")
    with pytest.raises(BadInput, match="is not callable"):
        open_task(f"{Path(__file__).stem}:THREE_LINES")
    with pytest.raises(BadInput, match="cannot load"):
        open_task("no_such_module:Task")
