"""Real workers at every confinement level of this machine; a level that is not available skips its tests."""

from collections.abc import Iterator

import pytest
from worker_support import SPEC, Prepare, write_candidate

from enpire.core.errors import MissingProgram
from enpire.rollout.worker.pool import LEVELS, Worker, WorkerPool


@pytest.fixture(scope="session", params=LEVELS)
def pool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    try:
        with WorkerPool(tmp_path_factory.mktemp("candidates"), level=request.param) as opened:
            yield opened
    except MissingProgram as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def confined(pool: WorkerPool) -> WorkerPool:
    if pool.level == "none":
        pytest.skip("level none confines nothing")
    return pool


@pytest.fixture
def prepare(pool: WorkerPool) -> Iterator[Prepare]:
    workers: list[Worker] = []

    def _prepare(source: str) -> Worker:
        workers.append(pool.prepare(write_candidate(pool.candidates, source), SPEC))
        return workers[-1]

    yield _prepare
    for worker in workers:
        worker.finish()
