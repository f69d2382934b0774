"""Settings go into the agent's home and nowhere else, whatever an earlier session left there."""

import os
import stat
from pathlib import Path

import pytest

from enpire.agents.home import furnish
from enpire.core.errors import BadInput


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_are_private_and_replaced(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for text in ("a = 1", "b = 2"):
        assert furnish(home, {home / ".agent" / "deep" / "config.toml": text, home / "x": text}) == home / "tmp"
        assert (home / ".agent" / "deep" / "config.toml").read_text() == text
    assert {mode(home), mode(home / ".agent"), mode(home / ".agent" / "deep"), mode(home / "tmp")} == {0o700}
    assert mode(home / ".agent" / "deep" / "config.toml") == mode(home / "x") == 0o600
    assert sorted(p.name for p in home.iterdir()) == [".agent", "tmp", "x"]


@pytest.mark.parametrize("path", ["workspace/x", "home", "home/../x", "home/a/../../x", "../x", "home2/x"])
def test_paths_outside_the_home_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadInput, match="not below"):
        furnish(tmp_path / "home", {tmp_path / path: "text"})
    assert not list(tmp_path.iterdir())


def test_relative_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not below"):
        furnish(tmp_path / "home", {Path("home/x"): "text"})


def test_links_left_by_an_earlier_session_are_not_followed(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (outside / "config").write_text("mine")
    (home / "config").symlink_to(outside / "config")
    (home / ".config.new").symlink_to(outside / "config")
    furnish(home, {home / "config": "new"})
    assert (outside / "config").read_text() == "mine" and (home / "config").read_text() == "new"
    (home / "folder").symlink_to(outside)
    with pytest.raises(BadInput, match="plain folder"):
        furnish(home, {home / "folder" / "config": "new"})
    assert (outside / "config").read_text() == "mine"


def test_home_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").symlink_to("/")
    with pytest.raises(BadInput, match="plain folder"):
        furnish(tmp_path / "home", {})


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_other_things_in_the_way(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    home = tmp_path / "home"
    home.mkdir()
    make(home / "config")
    make(home / ".config.new")
    if make is os.mkdir:
        with pytest.raises(BadInput, match="in the way"):
            furnish(home, {home / "config": "new"})
    else:
        furnish(home, {home / "config": "new"})
        assert (home / "config").read_text() == "new"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    furnish(tmp_path / "home", {tmp_path / "home" / "a" / str(n): "x" for n in range(20)})
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
