"""The one way out of a jail: a port on its own loopback whose bytes go to the gateway's unix socket, and back.

Addresses stay as they are outside, and the agent needs to know nothing about the jail.
"""

import contextlib
import socket
import threading

CHUNK = 1 << 16
WAITING = 64


def listen(port: int) -> socket.socket:
    """Listen before there is an agent, so that it is never too early."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", port))
    listening.listen(WAITING)
    return listening


def serve(listening: socket.socket, path: str) -> None:
    """Pass on every connection, for ever; for a thread."""
    while True:
        inner, _ = listening.accept()
        outer = socket.socket(socket.AF_UNIX)
        try:
            outer.connect(path)
        except OSError:  # the gateway is gone
            inner.close()
            outer.close()
            continue
        inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((inner, outer), (outer, inner)):
            threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """One direction, until its end; a socket that nobody holds any more closes itself."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
