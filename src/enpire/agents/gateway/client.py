"""The supervisor's side of the gateway: starts its process, gives orders, hears reports."""

import http.client
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from enpire.agents.gateway.messages import (
    Answer,
    Asked,
    Called,
    Close,
    Listening,
    Open,
    Order,
    Phase,
    Report,
    Start,
    Unusable,
)
from enpire.core.errors import EnpireError
from enpire.core.line import Line
from enpire.core.process import die_with_us

START_S = 30.0
"""Time the gateway has to start."""
OPEN_S = 10.0
"""Time until a new session's addresses answer."""
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
PASSED_ON = (
    *("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"),
    *_PROXIES,
    *(name.upper() for name in _PROXIES),
)
"""Variables that the gateway gets beside the keys: for Python, and for the way to the providers."""


class Gateway:
    """The gateway process. Use as a context manager, from the supervisor's main thread only.

    The main thread matters: the gateway is told by the kernel to die when the thread that started it ends.

    Args:
        start: What holds for the whole campaign.
        inbox: Where reports arrive: `Called` and `Asked`; None when the process has ended.
        key_variables: Names of the environment variables with providers' keys, which are passed on to it.
        log: File for what the process prints, which is errors only; None throws it away.

    Attributes:
        port: On 127.0.0.1.
    """

    def __init__(
        self,
        start: Start,
        inbox: "queue.SimpleQueue[Report | None]",
        *,
        key_variables: Iterable[str] = (),
        log: Path | None = None,
    ) -> None:
        self._start, self._inbox, self._log = start, inbox, log or Path(os.devnull)
        self._keys = tuple(key_variables)
        self._lock = threading.Lock()
        self.port = 0

    def __enter__(self) -> "Gateway":
        """Start it and wait until it listens.

        Raises:
            EnpireError: It does not start; one line says why.
        """
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in (*PASSED_ON, *self._keys) if name in os.environ}
        with theirs, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "enpire.agents.gateway", "--descriptor", str(theirs.fileno())],
                env=environment,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_us(),
            )
        self._socket, self._line = ours, Line(ours)
        try:
            self.port = self._begin()
        except EnpireError:
            self.__exit__()
            raise
        threading.Thread(target=self._listen, name="listen-gateway", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _begin(self) -> int:
        self._socket.settimeout(START_S)
        try:
            self._line.send(self._start)
            report = self._line.receive(Report)  # type: ignore[arg-type]
        except OSError:
            report = None
        finally:
            self._socket.settimeout(None)
        if isinstance(report, Listening):
            return report.port
        reason = report.reason if isinstance(report, Unusable) else f"it ended while starting; see {self._log}"
        raise EnpireError(f"the model gateway cannot start: {reason}")

    def _listen(self) -> None:
        while True:
            try:
                report: Report | None = self._line.receive(Report)  # type: ignore[arg-type]
            except (OSError, msgspec.DecodeError):
                report = None
            if isinstance(report, (Called, Asked)):
                self._inbox.put(report)
            elif report is None:
                self._inbox.put(None)
                return

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    # ------------------------------------------------------------------ orders

    def open(self, order: Open) -> None:
        """Let a session in; on return its addresses answer.

        Raises:
            EnpireError: The gateway does not answer any more.
        """
        self._send(order)
        deadline = time.monotonic() + OPEN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._greets(order.token):
                return
            time.sleep(0.005)
        raise EnpireError(f"the model gateway does not answer; see {self._log}")

    def _greets(self, token: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=OPEN_S)
        try:
            connection.request("HEAD", f"/{token}")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def phase(self, order: Phase) -> None:
        """Book later calls of a session as something else."""
        self._send(order)

    def close_session(self, session: str) -> None:
        """End a session: its calls are broken off and reported, its addresses are gone."""
        self._send(Close(session))

    def answer(self, answer: Answer) -> None:
        """Answer a question."""
        self._send(answer)

    def _send(self, order: Order) -> None:
        """Send an order; a dead gateway is noticed through its end-of-line report."""
        with self._lock:
            try:
                self._line.send(order)
            except OSError:
                pass

    # ------------------------------------------------------------------ addresses

    def url(self, token: str) -> str:
        """Root of a session's addresses, without `/v1`."""
        return f"http://127.0.0.1:{self.port}/{token}"

    def tools_url(self, token: str) -> str:
        """MCP end point of a session."""
        return f"{self.url(token)}/mcp"

    def script_url(self, session: str) -> str:
        """Upstream of a session whose model is scripted."""
        return f"http://127.0.0.1:{self.port}/script/{session}"
