"""A fault at the n-th storage call of the small path; then a resume, and nothing is lost or counted twice."""

import errno
import shutil

import pytest

from enpire.ledger.folder import Folder
from enpire.ledger.state import fold
from tests.crash import shims
from tests.crash.injection import injector
from tests.crash.invariants import check_invariants, read_events
from tests.crash.small_path import EPISODES

FAULTS = [
    ("kill before", 0),
    ("kill after", 0),
    ("torn write", 0),
    ("error once", errno.EIO),
    ("disk full", 0),
    ("read-only", 0),
]
STRIDE = 139
"""In the default suite every 139th call fails, with another first one for each kind of fault."""
BLOCK, MOST = 90, 811
"""The long sweep comes in blocks, so that a part of it can be run again; the path has fewer calls than `MOST`."""

pytestmark = pytest.mark.skipif(shims.COMPILER is None, reason=shims.NO_COMPILER)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with injector(tmp_path_factory.mktemp("storage") / "scratch") as made:
        yield made


def fail_and_resume(machine, folder, at, kind, error):
    """One fault, the check of what it left, a resume, the check of the whole. Returns whether the fault was met."""
    root = folder / "campaign"
    failed = machine.run(folder, at=at, kind=kind, error=error)
    assert not failed.error.startswith("BUG"), failed
    founded = root.joinpath("ledger.sqlite").exists() and read_events(Folder(root))
    if founded:
        check_invariants(root)
        assert len(founded) >= failed.rows, "an acknowledged row is missing"
    else:
        assert failed.rows == 0, "a founded campaign has vanished"
    before = set(fold(founded).episodes) if founded else set()
    resumed = machine.run(folder)
    assert resumed.status == 0, resumed
    state = check_invariants(root)
    assert set(range(1, EPISODES + 1)) == set(state.episodes) >= before
    assert sorted(x.name for x in (root / "episodes").iterdir()) == [f"{t:07d}" for t in range(1, EPISODES + 1)]
    return failed.status != 0


def sweep(machine, folder, kind, error, numbers):
    """Try all of `numbers`; a line for each that went wrong."""
    wrong, met = [], 0
    for at in numbers:
        root = folder / f"{at}"
        try:
            met += fail_and_resume(machine, root, at, kind, error)
        except Exception as problem:
            wrong.append(f"{kind} at call {at}: {type(problem).__name__} {str(problem)[:600]}")
        shutil.rmtree(root, ignore_errors=True)
    return wrong, met


@pytest.mark.parametrize(("kind", "error"), FAULTS, ids=[kind for kind, _ in FAULTS])
def test_a_fault_at_some_calls(machine, tmp_path, kind, error):
    calls = machine.run(tmp_path / "whole").calls
    first = 1 + 23 * [kind for kind, _ in FAULTS].index(kind)
    wrong, met = sweep(machine, tmp_path, kind, error, range(first, calls + 1, STRIDE))
    assert wrong == []
    assert met > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(1, MOST, BLOCK))
def test_a_fault_at_every_call(machine, tmp_path, first):
    """Each call fails once, the kinds of fault in turn."""
    calls = machine.run(tmp_path / "whole").calls
    assert calls < MOST
    wrong, met = [], 0
    for at in range(first, min(first + BLOCK, calls + 1)):
        found, hit = sweep(machine, tmp_path, *FAULTS[at % len(FAULTS)], [at])
        wrong, met = wrong + found, met + hit
    print(f"calls {first} to {min(first + BLOCK - 1, calls)} of {calls}: {met} ended the run, {len(wrong)} wrong")
    assert wrong == []
