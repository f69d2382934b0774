"""Reading a zip file, and the arrays inside it, from somebody who may wish us harm. Nothing is unpacked to disk."""

import io
import math
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput

MAX_FILE_BYTES = 8 * 1024**3
MAX_MEMBERS = 50_000
MAX_MEMBER_BYTES = 1024**3
MAX_TOTAL_BYTES = 32 * 1024**3
_KINDS = "biuf"
"""Booleans, integers and floats; objects would be pickles."""

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    OverflowError,
    IndexError,
    KeyError,
    MemoryError,
)
"""What the zip reader of the standard library raises on damaged files; found by trying."""


class Archive:
    """A zip file read member by member, within limits. Use as a context manager.

    Raises:
        BadInput: It is no zip file, repeats a name, holds anything but regular files, or breaks a limit.
    """

    def __init__(self, source: Path | bytes) -> None:
        name = source if isinstance(source, Path) else "this"
        try:
            if isinstance(source, Path) and source.stat().st_size > MAX_FILE_BYTES:
                raise BadInput(f"{source} is larger than {MAX_FILE_BYTES} bytes")
            self._zip = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
        except _BROKEN as error:
            raise BadInput(f"{name} is not a readable zip file: {error}") from None
        try:
            self._members = _members(self._zip)
        except BadInput:
            self._zip.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> set[str]:
        """Names of all members, as they stand in the file: never use them as paths."""
        return set(self._members)

    def read(self, name: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """One member.

        Raises:
            BadInput: It is missing, damaged or larger than `limit` bytes.
        """
        if name not in self._members:
            raise BadInput(f"{name} is missing")
        try:
            with self._zip.open(self._members[name]) as member:
                data = member.read(limit + 1)
        except _BROKEN as error:
            raise BadInput(f"{name} is damaged: {error}") from None
        if len(data) > limit:
            raise BadInput(f"{name} is larger than {limit} bytes")
        return data


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise BadInput(f"the file holds {len(entries)} members; the limit is {MAX_MEMBERS}")
    for entry in entries:
        mode = entry.external_attr >> 16
        if not entry.filename or entry.filename.endswith("/") or (stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
            raise BadInput(f"{entry.filename[:100]!r} is not a regular file")
        if entry.orig_filename in found or entry.filename != entry.orig_filename:
            raise BadInput(f"{entry.filename[:100]!r} is there twice, or has a name that is not what it seems")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadInput(f"{entry.filename[:100]!r} is compressed in another way than enpire does")
        found[entry.filename] = entry
    if (total := sum(entry.file_size for entry in entries)) > MAX_TOTAL_BYTES:
        raise BadInput(f"the file would unpack to {total} bytes; the limit is {MAX_TOTAL_BYTES}")
    return found


def read_arrays(data: bytes, source: str) -> dict[str, NDArray[Any]]:
    """Arrays of an `.npz` file as `enpire.rollout.recorder.pack` writes it: stored, plain numbers, nothing else.

    An array never takes more memory than the file has bytes, whatever its header says.

    Raises:
        BadInput: It is anything else.
    """
    found = {}
    with Archive(data) as archive:
        for name, entry in archive._members.items():
            if not name.endswith(".npy") or entry.compress_type != zipfile.ZIP_STORED:
                raise BadInput(f"{source}: {name[:100]!r} is not a plain array")
            found[name.removesuffix(".npy")] = _array(archive.read(name, len(data)), f"{source}: {name[:100]}")
    return found


def _array(data: bytes, source: str) -> NDArray[Any]:
    stream = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise BadInput(f"{source} is an array of another version")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    except (*_BROKEN, SyntaxError, TypeError, RecursionError) as error:
        raise BadInput(f"{source} is not an array: {str(error)[:200]}") from None
    plain = dtype.kind in _KINDS and dtype.fields is None and dtype.subdtype is None and dtype.isnative
    if by_columns or not plain or any(type(size) is not int or size < 0 for size in shape) or len(shape) > 8:
        raise BadInput(f"{source} is not a plain array")
    body = data[stream.tell() :]
    if math.prod(shape) * dtype.itemsize != len(body):
        raise BadInput(f"{source} has {len(body)} bytes, which do not fit its shape")
    values: NDArray[Any] = np.frombuffer(body, dtype).reshape(shape)
    if dtype.kind == "b" and body.strip(b"\0\1"):
        raise BadInput(f"{source} holds booleans that are neither true nor false")
    return values
