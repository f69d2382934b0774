"""The home of an agent: we furnish it before each session, and the agent does what it likes with it.

A home may be used by a second session, so whatever lies in it is not to be trusted: no link in it is followed.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from enpire.core.errors import BadInput


def furnish(home: Path, files: Mapping[Path, str]) -> Path:
    """Create a home (0700) with the given settings (0600), replacing old ones; returns its own folder for temporaries.

    Raises:
        BadInput: A path is not below `home`, or something that is not a plain folder or file is in the way.
    """
    for path in files:
        if not path.is_relative_to(home) or path == home or ".." in path.parts:
            raise BadInput(f"{path} is not below {home}; an agent's settings go into its own home")
    scratch = home / "tmp"
    with contextlib.ExitStack() as stack:
        _enter(stack, home, scratch)
        for path, text in files.items():
            folder = _enter(stack, home, path.parent)
            try:
                _replace(folder, path.name, text.encode(errors="replace"))
            except OSError as error:
                raise BadInput(f"cannot write {path}: {error.strerror}; something is in the way") from None
    return scratch


def _enter(stack: contextlib.ExitStack, home: Path, folder: Path) -> int:
    """Descriptor of a folder in a home, closed by `stack`; each level is made if missing and must be a real folder."""
    here: int | None = None
    for name in (str(home), *folder.relative_to(home).parts):
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=here)
            here = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        except OSError as error:
            raise BadInput(f"cannot enter {name} of {folder}: {error.strerror}; it must be a plain folder") from None
        stack.callback(os.close, here)
    assert here is not None
    return here


def _replace(folder: int, name: str, data: bytes) -> None:
    """Write a file under a new name first, so that a link under the old one is replaced and not followed."""
    fresh = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh, dir_fd=folder)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
