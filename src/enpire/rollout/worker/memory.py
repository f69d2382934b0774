"""The shared memory of one worker: written by the station, readable and only readable by the worker."""

import fcntl
import math
import mmap
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput, EnvironmentFault
from enpire.core.records import ArraySpec, Json, Observation, encode

ALIGNMENT = 64
F_ADD_SEALS = 1033
SEALS = 0x1 | 0x2 | 0x4 | 0x10
"""F_SEAL_SEAL, SHRINK, GROW and FUTURE_WRITE: only mappings that exist already can write."""

Layout = list[tuple[str, int, tuple[int, ...], str]]
"""Per observation key: name, offset in bytes, shape, dtype."""


def arrange(observation: dict[str, ArraySpec]) -> tuple[Layout, int]:
    """Place each array at a multiple of 64 bytes, in the order of the specification; also the bytes used.

    Raises:
        BadInput: A dtype cannot lie in shared memory.
    """
    layout: Layout = []
    offset = 0
    for key, spec in observation.items():
        dtype = np.dtype(spec.dtype)
        if dtype.hasobject:
            raise BadInput(f"observation {key!r} has dtype {spec.dtype!r}; expected numbers or booleans")
        layout.append((key, offset, spec.shape, dtype.str))
        offset += -(-math.prod(spec.shape) * dtype.itemsize // ALIGNMENT) * ALIGNMENT
    return layout, offset


class SharedMemory:
    """One memfd: the observation arrays, then the worker's configuration as JSON.

    It is mapped writable here and then sealed, so no other writable mapping can ever be made, by anybody.

    Attributes:
        configuration: Offset and length of the JSON.
    """

    def __init__(self, observation: dict[str, ArraySpec], configuration: Json) -> None:
        layout, start = arrange(observation)
        self._on_demand = {key for key, spec in observation.items() if spec.on_demand}
        text = encode({**configuration, "layout": layout})
        self.configuration = (start, len(text))
        self._descriptor = os.memfd_create("observation", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._descriptor, start + len(text))
        self._map = mmap.mmap(self._descriptor, start + len(text))
        self._map[start:] = text
        fcntl.fcntl(self._descriptor, F_ADD_SEALS, SEALS)
        self._views: dict[str, NDArray[Any]] = {
            key: np.frombuffer(self._map, dtype, math.prod(shape), offset).reshape(shape)
            for key, offset, shape, dtype in layout
        }

    def open_read_only(self) -> int:
        """A new descriptor of the memory that cannot write; the caller closes it."""
        return os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)

    def write(self, observation: Observation) -> None:
        """Copy an observation in; keys that are not in the specification are not shown to the policy.

        Raises:
            EnvironmentFault: A declared array is missing or has another shape or type than declared.
        """
        for key in self._views:
            if key not in self._on_demand:
                self.write_array(key, observation.get(key))

    def write_array(self, key: str, array: NDArray[Any] | None) -> None:
        """Copy one array in.

        Raises:
            EnvironmentFault: It is None or has another shape or type than declared.
        """
        view = self._views[key]
        if array is None or np.shape(array) != view.shape:
            found = "missing" if array is None else f"of shape {np.shape(array)}"
            raise EnvironmentFault(f"observation {key!r} is {found}; the task declares shape {view.shape}")
        try:
            np.copyto(view, array, casting="same_kind")
        except TypeError as error:
            raise EnvironmentFault(f"observation {key!r}: {error}") from None

    def close(self) -> None:
        """Release the memory; idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._views.clear()
            self._map.close()
