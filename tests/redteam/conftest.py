"""An arena at each isolation level; run the suite as root and as a plain user: each meets other walls."""

import os

import pytest

from enpire.agents.walls import Walls, raise_walls
from enpire.core.errors import MissingProgram
from enpire.rollout.worker.pool import WorkerPool
from tests.redteam.arena import MEMORY_BYTES, SECRET, Arena, make_root

CONFINED = ("namespaces", "lsm")


@pytest.fixture(scope="module", params=CONFINED)
def jail(request) -> Walls:
    try:
        return raise_walls(request.param)
    except MissingProgram as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session", params=CONFINED)
def arena(request, tmp_path_factory):
    os.environ["ENPIRE_REDTEAM_TOKEN"] = SECRET
    root = make_root(tmp_path_factory.mktemp("campaign"))
    try:
        with WorkerPool(root / "candidates", level=request.param, memory_bytes=MEMORY_BYTES) as pool:
            yield Arena(root, pool)
    except MissingProgram as missing:
        pytest.skip(str(missing))
