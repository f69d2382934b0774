"""The way to the Internet of a session with the user's own login: an HTTP proxy that writes down what passes.

It stands outside the walls, as the parent of all that is inside, and the door leads to it. It connects to public
addresses only, so neither the harness nor the user's network can be reached through it. What is said is encrypted and
stays so: the log has hosts, times and bytes.
"""

import contextlib
import ipaddress
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from enpire.core.confinement import kernel

PORTS = (80, 443)
CONNECT_S = 15.0
HEAD_S = 30.0
HEAD_BYTES = 8192
CHUNK = 1 << 16
Allowed = Callable[[str, int], bool]
"""Whether an IP address and a port may be connected to."""
CONNECTIONS = 256
"""Open at a time."""
LOG_BYTES = 8 << 20
"""Once the log is full, nobody gets out any more."""
_ASKED = re.compile(rb"CONNECT (\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5}) HTTP/1\.[01]\r\n")


def main(settings: dict[str, Any], argv: list[str]) -> NoReturn:
    """Run a command beside the proxy and end as it ends: its exit status, 128 + n after signal n."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the agent
    path = Path(settings["socket"])
    log = os.open(settings["log"], os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    listening = listen(path)
    child = os.fork()
    if child == 0:
        _become(argv)
    threading.Thread(target=serve, args=(listening, open(log, "ab", 0)), daemon=True).start()  # noqa: PTH123, SIM115
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        path.unlink()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _become(argv: list[str]) -> NoReturn:
    try:
        kernel.die_with_parent()
        os.execv(argv[0], argv)
    finally:
        os._exit(127)


def listen(path: Path) -> socket.socket:
    """Listen at a path, however long, for this user only."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        mask = os.umask(0o177)
        listening.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.umask(mask)
    finally:
        os.close(folder)
    listening.listen(CONNECTIONS)
    return listening


def is_public(address: str, port: int) -> bool:
    """Whether it is the web: an IP address of the Internet, not of this machine or of a network around it."""
    found = ipaddress.ip_address(address)
    inner = getattr(found, "ipv4_mapped", None) or found
    return port in PORTS and inner.is_global and not inner.is_multicast


class Log:
    """Lines of JSON, one when a connection opens and one when it closes."""

    def __init__(self, file: BinaryIO, cap: int = LOG_BYTES) -> None:
        self._file, self._lock = file, threading.Lock()
        self._left = cap
        self._number = 0

    def open(self, host: str, port: int) -> int:
        """Number of a connection that will be made; 0 if the log is full."""
        with self._lock:
            self._number += 1
            whole = self._write(
                {"connection": self._number, "host": host, "port": port, "time_s": round(time.time(), 3)}
            )
            return self._number if whole else 0

    def close(self, number: int, **more: object) -> None:
        """How a connection ended."""
        with self._lock:
            self._write({"connection": number, **more})

    def _write(self, entry: dict[str, object]) -> bool:
        line = json.dumps(entry).encode() + b"\n"
        if len(line) > self._left:
            return False
        self._left -= len(line)
        with contextlib.suppress(OSError):
            return self._file.write(line) == len(line)
        return False


def serve(listening: socket.socket, file: BinaryIO, allowed: Allowed = is_public) -> None:
    """Serve every connection, until the socket is closed; for a thread.

    Args:
        listening: Where the door leads to.
        file: To write the log to.
        allowed: What may be connected to.
    """
    log, free = Log(file), threading.BoundedSemaphore(CONNECTIONS)
    with contextlib.suppress(OSError):
        while True:
            inner, _ = listening.accept()
            free.acquire()
            threading.Thread(target=_pass_on, args=(inner, log, free, allowed), daemon=True).start()


def _pass_on(inner: socket.socket, log: Log, free: threading.BoundedSemaphore, allowed: Allowed) -> None:
    try:
        with inner, contextlib.suppress(OSError):
            inner.settimeout(HEAD_S)
            asked, rest = _asked(inner)
            if asked is None:
                return _refuse(inner, "405 Method Not Allowed", "only CONNECT")
            number = log.open(*asked)
            if not number:
                return _refuse(inner, "503 Service Unavailable", "the log of connections is full")
            try:
                outer = _connect(*asked, allowed)
            except (OSError, UnicodeError) as error:  # a name with an endless label is no name
                log.close(number, refused=str(getattr(error, "strerror", None) or error)[:200])
                return _refuse(inner, "502 Bad Gateway", "no connection")
            began_s = time.monotonic()
            sent, received = _exchange(inner, outer, rest)
            log.close(number, sent=sent, received=received, duration_s=round(time.monotonic() - began_s, 3))
    finally:
        free.release()


def _asked(inner: socket.socket) -> tuple[tuple[str, int] | None, bytes]:
    """Host and port, and what came behind the head; None for anything but a `CONNECT`."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES:
        chunk = inner.recv(HEAD_BYTES)
        if not chunk:
            break
        head += chunk
    found = _ASKED.match(head)
    if found is None:
        return None, b""
    return (found[1].decode().strip("[]"), int(found[2])), head.partition(b"\r\n\r\n")[2]


def _connect(host: str, port: int, allowed: Allowed) -> socket.socket:
    """Connect to the first address that answers; the address that was judged is the one that is used."""
    reason = OSError(f"{host} is nothing that may be reached")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not allowed(str(address[0]), port):
            continue
        outer = socket.socket(family, kind, protocol)
        try:
            outer.settimeout(CONNECT_S)
            outer.connect(address)
            return outer
        except OSError as error:
            outer.close()
            reason = error
    raise reason


def _exchange(inner: socket.socket, outer: socket.socket, rest: bytes) -> tuple[int, int]:
    """Pass bytes on both ways until both ends are done: bytes to the host, bytes from it."""
    counts = [0, 0]
    with outer:
        inner.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for end in (inner, outer):
            end.settimeout(None)
        outer.sendall(rest)
        counts[0] = len(rest)
        other = threading.Thread(target=_copy, args=(outer, inner, counts, 1), daemon=True)
        other.start()
        _copy(inner, outer, counts, 0)
        other.join()
    return counts[0], counts[1]


def _copy(source: socket.socket, sink: socket.socket, counts: list[int], way: int) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
            counts[way] += len(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _refuse(inner: socket.socket, status: str, reason: str) -> None:
    inner.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(reason)}\r\nConnection: close\r\n\r\n{reason}".encode())
