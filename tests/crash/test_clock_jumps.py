"""The wall clock jumps, the machine starts again: durations stay right and no age is negative."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from enpire.core.clock import VirtualClock
from enpire.ledger.events import StationUp
from enpire.ledger.log import Ledger
from tests.crash import shims

KEY = b"k" * 32
JUMPS_S = (0, 3600, -3600, 1, -86400 * 365)
UP = StationUp(station="s", confinement="none")
CHILD = """
import json, sys, time
from pathlib import Path
from enpire.core.clock import SystemClock
from enpire.ledger.events import StationUp
from enpire.ledger.log import Ledger
offset, jumps = Path(sys.argv[2]), json.loads(sys.argv[3])
before_s = time.monotonic()
ledger = Ledger(Path(sys.argv[1]), key=b"k" * 32, clock=SystemClock())
rows = []
for jump in jumps:
    with offset.open("r+b") as file:
        file.write(jump.to_bytes(8, sys.byteorder, signed=True))
    time.sleep(0.02)
    earliest_s = time.monotonic()
    (event,) = ledger.append(StationUp(station="s", confinement="none"))
    rows.append((earliest_s - before_s, event.elapsed_s, time.monotonic() - before_s, event.wall, time.time()))
print(json.dumps(rows))
"""


@pytest.mark.skipif(shims.COMPILER is None, reason=shims.NO_COMPILER)
def test_a_jump_of_the_wall_clock_changes_labels_and_no_duration(tmp_path):
    offset = tmp_path / "offset"
    offset.write_bytes(bytes(8))
    environment = {"LD_PRELOAD": str(shims.build("wall_clock", tmp_path)), "WALL_CLOCK_OFFSET": str(offset)}
    command = [sys.executable, "-c", CHILD, str(tmp_path / "ledger.sqlite"), str(offset), json.dumps(JUMPS_S)]
    done = subprocess.run(
        command, env=os.environ | environment, cwd=Path.cwd(), capture_output=True, text=True, timeout=60, check=True
    )
    rows = json.loads(done.stdout)
    opening_s = rows[0][2]
    for earliest_s, elapsed_s, latest_s, _, _ in rows:  # the ledger's zero lies between the start and the first row
        assert earliest_s - opening_s <= elapsed_s <= latest_s
    elapsed = [row[1] for row in rows]
    assert elapsed == sorted(elapsed) and elapsed[0] >= 0.0
    walls = [row[4] for row in rows]
    assert walls[1] - walls[0] > 3500 and walls[2] - walls[1] < -7100  # the shim does what it says
    labels = [row[3] for row in rows]
    assert labels[1] > labels[0] > labels[2] > labels[4]


def test_a_restart_of_the_machine_takes_elapsed_time_on_where_it_was(tmp_path):
    """A boot sets the monotonic clock back to zero."""
    before = VirtualClock(1e6)
    ledger = Ledger(tmp_path / "ledger.sqlite", key=KEY, clock=before)
    before.advance(100.0)
    (last,) = ledger.append(UP)
    ledger.close()
    after = VirtualClock(3.0)
    again = Ledger(tmp_path / "ledger.sqlite", key=KEY, clock=after)
    assert again.elapsed_s == last.elapsed_s == 100.0
    after.advance(5.0)
    (event,) = again.append(UP)
    again.close()
    assert event.elapsed_s == 105.0
