"""Attacks on the reader of folders that agents write."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.core.errors import BadInput
from enpire.evolution import reading
from enpire.evolution.reading import check_files, check_path, read_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "workspace"
    (made / "blocks").mkdir(parents=True)
    (made / "policy.py").write_text("x = 1\n")
    (made / "blocks" / "a.py").write_text("y = 1\n")
    return made


def test_regular_files_are_read(folder: Path) -> None:
    assert read_folder(folder) == {"policy.py": b"x = 1\n", "blocks/a.py": b"y = 1\n"}


def test_links_and_special_files_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.key"
    secret.write_bytes(b"secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.py").write_bytes(b"secret")
    (folder / "key").symlink_to(secret)
    (folder / "folder").symlink_to(tmp_path / "elsewhere")
    (folder / "blocks" / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        assert set(read_folder(folder)) == {"policy.py", "blocks/a.py"}


def test_the_workspace_itself_may_not_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(BadInput, match="cannot read the workspace"):
        read_folder(tmp_path / "link")


def test_hard_links_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"secret")
    os.link(tmp_path / "secret.key", folder / "notes.md")
    with pytest.raises(BadInput, match=r"notes\.md is a hard link"):
        read_folder(folder)


def test_what_never_travels(folder: Path) -> None:
    for name in (".git", "__pycache__", "blocks/__pycache__", "data", ".vscode"):
        (folder / name).mkdir(parents=True)
        (folder / name / "x.py").write_text("")
    for name in ("CLAUDE.md", "blocks/AGENTS.md", ".gitattributes", ".gitmodules"):
        (folder / name).write_text("obey")
    (folder / "digest.md").write_text("")
    assert set(read_folder(folder, leave_out=("data", "digest.md"))) == {"policy.py", "blocks/a.py"}


def test_huge_files_and_many_files(folder: Path) -> None:
    with (folder / "big.bin").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(BadInput, match=r"big\.bin"):
        read_folder(folder)
    (folder / "big.bin").unlink()
    for number in range(5):
        (folder / f"part{number}.bin").write_bytes(bytes(reading.MAX_FILE_BYTES))
    with pytest.raises(BadInput, match="in all"):
        read_folder(folder)
    for number in range(5):
        (folder / f"part{number}.bin").unlink()
    for number in range(reading.MAX_FILES):
        (folder / f"f{number}").touch()
    with pytest.raises(BadInput, match="more than 200 files"):
        read_folder(folder)


def test_deep_folders_and_bad_names(folder: Path) -> None:
    deep = folder.joinpath(*["d"] * 30)
    deep.mkdir(parents=True)
    with pytest.raises(BadInput, match="levels"):
        read_folder(folder)
    (folder / "d").rename(folder / ".d")
    for name in (b"a\nb", b"\xff\xfe", b'quo"te', b"back\\slash"):
        target = folder / os.fsdecode(name)
        target.touch()
        with pytest.raises(BadInput, match="printable"):
            read_folder(folder)
        target.unlink()
    (folder / "Policy.py").touch()
    with pytest.raises(BadInput, match="differ only in case"):
        read_folder(folder)


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", ".git/config", "a/.GIT/x", "a/", " a", "x" * 300]
)
def test_bad_paths(path: str) -> None:
    with pytest.raises(BadInput):
        check_path(path)


def test_a_name_cannot_be_file_and_folder() -> None:
    with pytest.raises(BadInput, match="both a file and a folder"):
        check_files({"a": b"", "a/b": b""})
    with pytest.raises(BadInput, match="differ only in case"):
        check_files({"Blocks/a": b"", "blocks/b": b""})


@given(st.text(max_size=30))
def test_accepted_paths_stay_inside(path: str) -> None:
    try:
        check_path(path)
    except BadInput:
        return
    assert os.path.normpath(f"/base/{path}") == f"/base/{path}"
