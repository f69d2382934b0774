"""The table of isolation attempts for `enpire doctor --sandbox`."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from enpire.rollout.worker import selftest
from enpire.rollout.worker.zygote import Zygote


class ProbeRow(NamedTuple):
    """One attempt to break out of a worker, made for real."""

    name: str
    blocked: bool


def probe(level: str, memory_bytes: int = 2 << 30) -> list[ProbeRow]:
    """Make every attempt inside a worker at `namespaces`, `lsm` or `none`, whether or not the level holds here.

    Raises:
        MissingProgram: The level cannot even start here.
        StationFault: The worker did not finish its attempts.
    """
    with tempfile.TemporaryDirectory() as folder:
        zygote = Zygote(level, Path(folder).resolve(), ())
        try:
            table = selftest.run(zygote, Path(folder).resolve(), memory_bytes)
        finally:
            zygote.close()
    return [ProbeRow(name, not worked) for name, worked in table.attempts.items()]
