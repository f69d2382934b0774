"""The way to the Internet of a session with a login: to public addresses only, and what passes is written down."""

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enpire.agents._jail import egress
from enpire.agents.adapter import Job, Launch
from enpire.agents.session import Session
from enpire.agents.walls import EGRESS_LOG, Walls, raise_walls
from enpire.core.errors import MissingProgram

from .running import finish

PUBLIC = ("1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:1.1.1.1")
INNER = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1"),
    *("::ffff:10.0.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_web_is_public(address: str) -> None:
    assert egress.is_public(address, 443) and egress.is_public(address, 80)
    assert not egress.is_public(address, 22) and not egress.is_public(address, 25)


@pytest.mark.parametrize("address", INNER)
def test_what_is_near_is_not_public(address: str) -> None:
    assert not egress.is_public(address, 443)


@pytest.fixture
def server() -> Iterator[int]:
    """A server on loopback that says everything backwards; its port."""

    def backwards(client: socket.socket) -> None:
        with client:
            client.sendall(b"".join(iter(lambda: client.recv(1 << 16), b""))[::-1])

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=backwards, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Path]:
    """The socket of a proxy that also goes to loopback; its log is `log` beside it."""
    path = tmp_path / ("long" * 30) / "socket"
    path.parent.mkdir()
    with egress.listen(path) as listening, (tmp_path / "log").open("ab", 0) as log:
        assert path.stat().st_mode & 0o777 == 0o600
        threading.Thread(target=egress.serve, args=(listening, log, lambda *_: True), daemon=True).start()
        yield path
        listening.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def asked(proxy: Path, head: str) -> Iterator[tuple[socket.socket, str]]:
    """A connection to a proxy that was sent a head, and the first line of its answer."""
    short = proxy.parent.with_name("s")
    if not short.is_symlink():
        short.symlink_to(proxy.parent)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30.0)
        client.connect(str(short / proxy.name))
        client.sendall(f"{head}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = client.recv(1)
            if not byte:
                break
            answer += byte
        yield client, answer.partition(b"\r\n")[0].decode()


def log_of(folder: Path, count: int) -> list[dict[str, Any]]:
    """Lines of a log, once there are this many."""
    waiting = threading.Event()
    for _ in range(2000):
        lines = (folder / "log").read_text().splitlines()
        if len(lines) >= count:
            return [json.loads(line) for line in lines]
        waiting.wait(0.01)
    raise AssertionError(lines)


def test_hosts_times_and_bytes_are_written_down(tmp_path: Path, proxy: Path, server: int) -> None:
    for said in (b"hello", b"x" * 1_000_000):
        with asked(proxy, f"CONNECT localhost:{server} HTTP/1.1\r\nHost: x") as (client, answer):
            assert answer == "HTTP/1.1 200 Connection established"
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda client=client: client.recv(1 << 16), b"")) == said[::-1]
    opened, closed, _, more = sorted(log_of(tmp_path, 4), key=lambda entry: (entry["connection"], "sent" in entry))
    assert opened["connection"] == closed["connection"] == 1
    assert (opened["host"], opened["port"]) == ("localhost", server) and opened["time_s"] > 1e9
    assert (closed["sent"], closed["received"]) == (5, 5) and closed["duration_s"] >= 0.0
    assert (more["connection"], more["sent"], more["received"]) == (2, 1_000_000, 1_000_000)


@pytest.mark.parametrize(
    "head",
    [
        "GET http://example.org/ HTTP/1.1",
        "CONNECT example.org HTTP/1.1",
        "CONNECT exa mple.org:443 HTTP/1.1",
        'CONNECT a","host":"b:443 HTTP/1.1',
        "CONNECT \x1b[2J:443 HTTP/1.1",
        f"CONNECT {'a' * 9000}:443 HTTP/1.1",
        "",
    ],
)
def test_anything_but_a_tunnel_is_refused(tmp_path: Path, proxy: Path, head: str) -> None:
    with asked(proxy, head) as (_, answer):
        assert answer == "HTTP/1.1 405 Method Not Allowed"
    assert (tmp_path / "log").read_text() == ""


def test_what_cannot_be_reached_is_written_down(tmp_path: Path, proxy: Path) -> None:
    for target in ("127.0.0.1:1", "no-such-host.invalid:443", "[::1]:1", "127.0.0.1:99999", f"{'a' * 99}.org:443"):
        with asked(proxy, f"CONNECT {target} HTTP/1.1") as (_, answer):
            assert answer == "HTTP/1.1 502 Bad Gateway"
    assert sum("refused" in entry for entry in log_of(tmp_path, 10)) == 5


def test_a_full_log_lets_nobody_out(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab", 0) as file:
        log = egress.Log(file, cap=200)
        numbers = [log.open("example.org", 443) for _ in range(5)]
    assert numbers[0] == 1 and numbers[-1] == 0
    assert (tmp_path / "log").stat().st_size <= 200


def test_session_with_a_login_has_no_other_way_out_and_cannot_change_its_log(tmp_path: Path, server: int) -> None:
    try:
        walls = raise_walls("namespaces")
    except MissingProgram as missing:
        pytest.skip(str(missing))
    code = """
import os, socket, sys
harness = int(sys.argv[1])
for address in (('127.0.0.1', harness), ('1.1.1.1', 443)):
    try:
        socket.create_connection(address, timeout=5)
        print('direct')
    except OSError:
        pass
proxy = os.environ['HTTPS_PROXY'].rpartition(':')[2]
for target in (f'127.0.0.1:{harness}', 'localhost:443', '0.0.0.0:80', '[::1]:443', '169.254.169.254:80', '127.1:443'):
    with socket.create_connection(('127.0.0.1', int(proxy)), timeout=30) as client:
        client.sendall(f'CONNECT {target} HTTP/1.1\\r\\n\\r\\n'.encode())
        print(client.recv(100).split()[1].decode())
for change in (lambda: open('../egress.jsonl', 'a').write('x'), lambda: os.unlink('../egress.jsonl'),
               lambda: os.rename('../egress.jsonl', '../other'), lambda: os.truncate('../egress.jsonl', 0)):
    try:
        change()
        print('changed')
    except OSError:
        pass
sys.exit(7)
"""
    folder, login = tmp_path / "session", tmp_path / "login"
    for path in (folder / "workspace", folder / "data", login):
        path.mkdir(parents=True)
    job = Job(folder=folder, login=login)
    launch = Launch(argv=[sys.executable, "-c", code, str(server)])
    session = Session.start(job, launch, deadline_s=60.0, walls=Walls(level=walls.level))
    assert finish(session) == "error" and "exit status 7" in session.detail
    assert session.stdout.read_text().split() == ["502"] * 6
    entries = [json.loads(line) for line in (folder / EGRESS_LOG).read_text().splitlines()]
    assert [entry["host"] for entry in entries if "host" in entry][:2] == ["127.0.0.1", "localhost"]
    assert sum("refused" in entry for entry in entries) == 6
    assert not (folder / ".egress").exists()
