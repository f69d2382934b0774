"""Examples run, and stay short."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.name)
def test_an_example_runs(path):
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout, done.stderr


def test_examples_are_short_and_listed():
    index = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.rglob("*"):
        if path.is_file() and path.suffix in (".py", ".toml"):
            assert len(path.read_text().splitlines()) < 80
            assert path.relative_to(EXAMPLES).parts[0] in index


def test_the_declaration_example_is_valid():
    from enpire.environment.declaration import load

    assert load(EXAMPLES / "04_declare" / "acrobot_fast.toml").max_steps == 150
