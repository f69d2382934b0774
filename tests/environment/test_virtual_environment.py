"""Real virtual environments, made from a package that needs no network. Slow parts: `venv` itself, about 4 s each."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from enpire.core.errors import EnvironmentFault
from enpire.environment import virtual_environment
from enpire.environment.virtual_environment import cache_root, ensure, installed

FAULTY = Path(__file__).parents[1] / "tasks" / "faulty"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ENPIRE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def silent(text, fraction):
    pass


def test_cache_root(monkeypatch, tmp_path):
    monkeypatch.setenv("ENPIRE_CACHE", "/a")
    assert cache_root() == Path("/a")
    monkeypatch.delenv("ENPIRE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_root() == Path("/b/enpire")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "enpire"


def test_two_at_once_make_one_and_an_unfinished_one_is_made_again(cache):
    heard: list[tuple[str, float]] = []
    requirements = (str(FAULTY),)
    threads = [threading.Thread(target=ensure, args=(requirements, lambda *said: heard.append(said))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [text for text, _ in heard].count("creating a virtual environment") == 1
    fractions = [fraction for _, fraction in heard]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert any(text.startswith("Processing faulty") for text, _ in heard)

    python = ensure(requirements, lambda *said: pytest.fail(f"made again: {said}"))
    assert (
        subprocess.run([python, "-I", "-c", "import importlib.util as u; assert u.find_spec('faulty')"]).returncode == 0
    )
    assert "faulty @" in installed(python)

    (python.parents[1] / "installed.txt").unlink()
    (python.parents[1] / "leftover").touch()
    assert ensure(requirements, silent) == python
    assert not (python.parents[1] / "leftover").exists()


def test_a_changed_package_is_another_environment(tmp_path):
    (tmp_path / "package" / "__pycache__").mkdir(parents=True)
    source = tmp_path / "package" / "code.py"
    source.write_text("a = 1")
    key = virtual_environment._key
    first = key((str(tmp_path / "package"),))
    (tmp_path / "package" / "__pycache__" / "code.pyc").write_text("built")
    assert key((str(tmp_path / "package"),)) == first
    source.write_text("a = 2")
    assert key((str(tmp_path / "package"),)) != first
    assert key(("a==1", "b==2")) != key(("a==1", "b==3"))


def test_failed_installation_says_why_and_what_to_do(cache, tmp_path):
    with pytest.raises(EnvironmentFault, match=r"could not be installed: ERROR: .*nowhere.*Correct this line"):
        ensure((str(tmp_path / "nowhere"),), silent)
    left = next((cache / "environments").glob("*.lock")).with_suffix("")
    assert not (left / "installed.txt").exists()


@pytest.mark.parametrize(
    ("lines", "remedy"),
    [
        (["ERROR: No matching distribution found for a==9"], "check name and version"),
        (
            ["WARNING: Retrying ... NewConnectionError", "ERROR: No matching distribution found for a"],
            "connect to the net",
        ),
        (["ERROR: Could not install packages: [Errno 28] No space left on device"], "free some disk space"),
        (["ERROR: [Errno 30] Read-only file system: '/x'"], "ENPIRE_CACHE"),
        (["The virtual environment was not created because ensurepip is not available"], "python3-venv"),
    ],
)
def test_remedies(lines, remedy):
    text = virtual_environment._explain([*lines, "[notice] a new release of pip", ""])
    assert remedy in text.lower() or remedy in text
    assert lines[-1] in text


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ENPIRE_CACHE", str(tmp_path / "file"))
    with pytest.raises(EnvironmentFault, match="Set ENPIRE_CACHE to a folder you may write to"):
        ensure(("a==1",), silent)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_a_read_only_cache(monkeypatch):
    monkeypatch.setenv("ENPIRE_CACHE", "/proc/self/enpire")
    with pytest.raises(EnvironmentFault, match="Set ENPIRE_CACHE"):
        ensure(("a==1",), silent)
