import pytest

from enpire.core.errors import BadInput
from enpire.environment.declaration import EXAMPLE, load

MINIMUM = 'requirements = ["a==1"]\nsuccess = "terminated"\nprogress = "return / 10"\n'


@pytest.fixture
def write(tmp_path):
    def write_and_load(text):
        path = tmp_path / "task.toml"
        path.write_text(text)
        return load(path)

    return write_and_load


def test_three_lines_are_enough(write):
    declaration = write(MINIMUM)
    assert declaration.requirements == ("a==1",)
    assert (declaration.period_s, declaration.max_steps, declaration.baseline) == (None, None, "vector")
    assert declaration.id_for("lab/Drawer-v3") == "lab/Drawer-v3"
    assert declaration.module_for("lab/Drawer-v3") == "lab"
    assert declaration.module_for("CartPole-v1") == ""


def test_the_example_shown_to_users_is_valid(write):
    assert write(EXAMPLE).success == "info.is_success"


def test_id_and_module_may_differ_from_the_name(write):
    declaration = write(MINIMUM + 'id = "other/Env-v1"\nmodule = "package.registration"\n')
    assert declaration.id_for("mine") == "other/Env-v1"
    assert declaration.module_for("mine") == "package.registration"


def test_names_are_dotted_tables(write):
    names = write(
        MINIMUM + '[names]\nobservation.state = ["x_m"]\n"observation.wrist" = ["y"]\naction = ["u_n"]\n'
    ).names
    assert names == {"observation.state": ("x_m",), "observation.wrist": ("y",), "action": ("u_n",)}


def test_relative_requirements_start_at_the_file(write, tmp_path):
    text = MINIMUM.replace('"a==1"', '"./package", "../other", "b==2"')
    assert write(text).requirements == (str(tmp_path / "package"), str(tmp_path.parent / "other"), "b==2")


def test_every_field_counts_for_the_digest(write):
    base = write(MINIMUM).digest()
    assert write(MINIMUM + "# a comment\n").digest() == base
    for line in ("max_steps = 7", "period_s = 0.5", 'baseline = "b"', "kwargs = {a = 1}", "[scene]\ngoal_m = 1.0"):
        assert write(MINIMUM + line + "\n").digest() != base


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "requirements"),
        ('success = "terminated"', "requirements"),
        (MINIMUM + "speed = 3", "unknown key 'speed'; valid keys: action_range, baseline"),
        (MINIMUM + "max_steps = 'many'", r"max_steps"),
        (MINIMUM + "max_steps = 0", "at least 1"),
        (MINIMUM + "period_s = -1", "positive number of seconds"),
        (MINIMUM + "timeout_s = nan", "positive number of seconds"),
        (MINIMUM + "action_range = [1, -1]", "the lower one first"),
        (MINIMUM + "names.action = ['u', 'u']", "holds a name twice"),
        (MINIMUM.replace("terminated", "great"), "success = 'great' is not understood"),
        (MINIMUM.replace("return / 10", "0.5"), "progress = '0.5' is not understood"),
        (MINIMUM.replace("a==1", " "), "empty line"),
        ("requirements = [", "At least these lines are needed"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_file(write, text, message):
    with pytest.raises(BadInput, match=message) as caught:
        write(text)
    assert "task.toml" in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        load(tmp_path / "nothing.toml")
