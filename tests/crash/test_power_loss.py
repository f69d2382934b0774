"""The power goes at any moment of the small path: what was acknowledged is there, the hub reads, a resume finishes."""

import shutil

import pytest

from enpire.evolution.hub import Hub
from enpire.ledger.folder import Folder
from tests.crash import shims
from tests.crash.injection import Record, injector, promised
from tests.crash.invariants import check_invariants, read_events
from tests.crash.power_loss import MODELS, Disk, write_out
from tests.crash.small_path import EPISODES

STRIDE = 29
"""In the default suite every 29th different disk is looked at."""

pytestmark = pytest.mark.skipif(shims.COMPILER is None, reason=shims.NO_COMPILER)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with injector(tmp_path_factory.mktemp("power") / "scratch") as made:
        yield made


@pytest.fixture(scope="module")
def recorded(machine, tmp_path_factory):
    """Folder and record of one whole run."""
    folder = tmp_path_factory.mktemp("recorded") / "run"
    result = machine.run(folder)
    assert result.status == 0, result
    return folder, result.log


def cuts(folder, log, model):
    """Different disks after each prefix of the record: (records carried out, rows promised, what is left)."""
    disk, rows, before = Disk(model, folder), 0, None
    for number, record in enumerate(log, start=1):
        disk.apply(record)
        rows = max(rows, promised(record))
        left = disk.left()
        if (rows, left) != before:
            before = rows, left
            yield number, rows, left


def look(folder, rows, *, machine=None):
    """Check a disk after a power cut; with a machine, also that a resume finishes the path."""
    root = folder / "campaign"
    events = root.joinpath("ledger.sqlite").exists() and read_events(Folder(root))
    assert rows <= len(events or ()), f"{rows} rows were acknowledged, {len(events or ())} are there"
    if events:
        Hub(root / "hub.git").mend()
        check_invariants(root)
    if machine is not None:
        resumed = machine.run(folder)
        assert resumed.status == 0, resumed
        assert set(check_invariants(root).episodes) == set(range(1, EPISODES + 1))


def cut_all(machine, recorded, tmp_path, model, *, stride=1, resumes=1):
    """A line for each cut that went wrong, and how many were made; every `resumes`-th is resumed."""
    wrong, made = [], 0
    for number, rows, left in list(cuts(*recorded, model))[stride - 1 :: stride]:
        folder = tmp_path / str(number)
        write_out(left, folder)
        made += 1
        try:
            look(folder, rows, machine=machine if made % resumes == 0 else None)
        except Exception as problem:
            wrong.append(f"{model} after record {number}: {type(problem).__name__} {str(problem)[:600]}")
        shutil.rmtree(folder)
    return wrong, made


@pytest.mark.parametrize("model", MODELS)
def test_some_power_cuts(machine, recorded, tmp_path, model):
    wrong, made = cut_all(machine, recorded, tmp_path, model, stride=STRIDE, resumes=4)
    assert wrong == []
    assert made > 1


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("model", MODELS)
def test_every_power_cut(machine, recorded, tmp_path, model):
    wrong, made = cut_all(machine, recorded, tmp_path, model, resumes=7)
    print(f"{model}: {made} cuts, {len(wrong)} wrong")
    assert wrong == []


def test_the_model_loses_what_was_not_synced():
    """The disk itself: a rename without a sync may leave an empty file, or no name at all."""
    log = [
        Record("create", 1, 0, "/d/new", "", b""),
        Record("write", 1, 0, "/d/new", "", b"text"),
        Record("rename", 0, 0, "/d/new", "/d/old", b""),
    ]
    left = {}
    for model in MODELS[:3]:
        disk = Disk(model, "/d")
        for record in log:
            disk.apply(record)
        left[model] = disk.left()
    assert left == {"strict": {}, "journal": {}, "eager": {"old": b""}}
    disk.apply(Record("sync", 1, 0, "/d/old", "", b"text"))
    assert disk.left() == {"old": b"text"}
