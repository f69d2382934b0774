"""The wire: every message between station, zygote and worker. There is no other.

Station to worker: `DOORBELL`, (kind, step). The observation lies in a sealed shared memory.
Worker to station: `ANSWER`, a number, then `ActionSpec.size` float32. The number is the step answered, `LOADED` or
`RESET_DONE` (then the values mean nothing). No message carries authority: none says success, reward or done.
Between doorbell and answer the worker may ask: `ANSWER` with the number `ASK`, then JSON: `{"look": KEY}` or
`{"call": TOOL, "arguments": {...}}`. The station replies with JSON: `{"result": ...}` or `{"error": LINE}`; a picture
lies in the shared memory then.
Station to zygote: `COMMAND`, (kind, worker, offset, length). Zygote to station: `ENDED`.
"""

import struct

DOORBELL = struct.Struct("<BQ")
"""Kind and step number."""
RESET, STEP = 1, 2

ANSWER = struct.Struct("<Q")
"""Step number; the float32 values follow."""
LOADED = 2**64 - 1
RESET_DONE = 2**64 - 2
ASK = 2**64 - 3
MOST_ASK_BYTES = 64 * 1024
"""Largest question and largest reply, in bytes."""

COMMAND = struct.Struct("<BIQQ")
"""Kind, worker number, and where the worker's configuration (JSON) lies in the shared memory."""
SPAWN, REAP, ALONE = 1, 2, 3

ENDED = struct.Struct("<IidB")
"""Worker number, exit code (negative: a signal), CPU seconds, and whether it was confined before it loaded code."""
READY = b"ready"
"""First message of a zygote."""

EXIT_REFUSED = 80
EXIT_LOAD = 81
EXIT_RAISED = 82
EXIT_SHAPE = 83
"""Exit codes are a hint of the untrusted side: they choose the label of a failure and nothing else."""

CONTROL_FD, MEMORY_FD, CONFINED_FD = 3, 4, 5
"""Descriptors of a new worker. 0 is /dev/null, 1 and 2 are the log. The last two are closed before any policy code."""

LOG_BYTES = 64 * 1024
"""Size at which a worker's log starts over."""
LARGEST_FILE_BYTES = LOG_BYTES + 8 * 1024
"""Hard limit of any file a worker writes; the rest above the log is for the report of a crash."""
