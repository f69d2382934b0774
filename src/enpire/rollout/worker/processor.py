"""One processor for all policies of a station, so that a policy that spins slows down no other station's.

A policy may start threads, and the kernel shares a processor among threads, not among policies. So each station's
workers stay on one processor, which no other station takes while there is a free one. They cannot leave it.
"""

import itertools
import os
import socket
from functools import cache

_claims: list[socket.socket] = []


@cache
def processor() -> int:
    """Number of the processor that this process has claimed for its workers; claimed at the first call, until it ends.

    A claim is an abstract socket with a name, so it ends with its process. Where all processors are taken, one is
    shared.
    """
    allowed = sorted(os.sched_getaffinity(0), reverse=True)  # devices tend to use the first
    for turn in itertools.count():
        for number in allowed:
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                claim.bind(f"\0enpire-processor-{number}-{turn}")
            except OSError:
                claim.close()
                continue
            _claims.append(claim)
            return number
    raise AssertionError("there is always a next turn")
