"""Entry point of the gateway process: `python -m enpire.agents.gateway --descriptor FD`."""

import argparse
import asyncio
import ctypes
import logging
import os
import resource
import socket

from enpire.agents.gateway.messages import Start, Unusable
from enpire.agents.gateway.server import CONNECTIONS, serve
from enpire.core.line import Line

_PR_SET_DUMPABLE = 4


def main() -> None:
    """Take the line to the supervisor, wait for `Start`, serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--descriptor", type=int, required=True)
    arguments = parser.parse_args()
    # Our environment holds providers' keys: other processes of this user must not read it, or our memory.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (4 * CONNECTIONS if hard == resource.RLIM_INFINITY else hard, hard))
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    line = Line(socket.socket(fileno=arguments.descriptor))
    if (start := line.receive(Start)) is None:
        return
    try:
        asyncio.run(serve(start, line))
    except OSError as error:
        line.send(Unusable(f"no port on loopback: {error}"))
    # A request may still be on its way; nobody is left to hear of it.
    os._exit(0)


if __name__ == "__main__":
    main()
