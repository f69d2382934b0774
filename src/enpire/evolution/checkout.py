"""A candidate as a read-only folder that is either whole or not there."""

import shutil
import tempfile
from pathlib import Path

from enpire.core.errors import BadInput
from enpire.evolution.reading import Files, read_folder


def check_out(files: Files, folder: Path) -> None:
    """Make `folder` hold exactly these files: files 0444, folders 0555, in place by one rename.

    A folder that is already there stays if it is equal, and is made anew otherwise.

    Raises:
        BadInput: The folder cannot be written.
    """
    if folder.is_dir():
        if _holds(folder, files):
            return
        _remove(folder)
    try:
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise BadInput(f"cannot write into {folder.parent}: {error.strerror}") from None
    try:
        _write(fresh, files)
        fresh.rename(folder)
    except OSError as error:
        _remove(fresh)
        if not _holds(folder, files):  # unless another thread was faster
            raise BadInput(f"cannot write the checkout {folder}: {error.strerror}") from None


def _holds(folder: Path, files: Files) -> bool:
    try:
        return read_folder(folder, leave_out=()) == files
    except BadInput:
        return False


def _write(folder: Path, files: Files) -> None:
    folders = {folder}
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o444)
        folders.update(parent for parent in target.parents if parent.is_relative_to(folder))
    for made in sorted(folders, reverse=True):
        made.chmod(0o555)


def _remove(folder: Path) -> None:
    for path in (folder, *(found for found in folder.rglob("*") if found.is_dir() and not found.is_symlink())):
        path.chmod(0o755)
    shutil.rmtree(folder)
