"""Behind the walls an honest agent works as before: its programs run, its door opens, its end is told."""

import contextlib
import http.client
import os
import queue
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from enpire.agents import _sight, walls
from enpire.agents._jail import calls, door, usage
from enpire.agents.adapter import Job, Launch
from enpire.agents.gateway.client import Gateway
from enpire.agents.gateway.messages import Answer, Asked, Open, Start, ToolSpec
from enpire.agents.session import Session
from enpire.agents.walls import LEVELS, Walls, raise_walls
from enpire.core.confinement.seccomp import numbers
from enpire.core.errors import BadInput, MissingProgram

from .running import FAKE, finish, wait_for


@pytest.fixture(scope="module", params=[level for level in LEVELS if level != "none"])
def proven(request: pytest.FixtureRequest) -> Walls:
    try:
        return raise_walls(request.param)
    except MissingProgram as missing:
        pytest.skip(str(missing))


def session_in(folder: Path, walls: Walls, argv: list[str], **more: Any) -> Session:
    for name in ("workspace", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "brief.json").write_text("{}")
    job = more.pop("job", None) or Job(folder=folder)
    return Session.start(job, Launch(argv=argv, **more), deadline_s=60.0, walls=walls)


def fake(folder: Path, walls: Walls, *acts: str) -> Session:
    shutil.copy(FAKE, folder / "fake.py")
    return session_in(folder, walls, [sys.executable, str(folder / "fake.py"), *acts])


# ---------------------------------------------------------------------- choosing


def test_unknown_level_is_refused() -> None:
    with pytest.raises(BadInput, match="namespaces, lsm, none"):
        raise_walls("strong")


def test_no_walls_only_on_request(tmp_path: Path) -> None:
    found = raise_walls("none")
    assert found.level == found.confinement(Job(folder=tmp_path)) == "none"
    assert found.enclose(["x"], Job(folder=tmp_path), {"A": "b"}) == (["x"], {"A": "b"})


def test_demanded_level_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    walls._bubblewrap_program.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match="apt install bubblewrap"):
        raise_walls("namespaces")
    walls._bubblewrap_program.cache_clear()


def test_program_that_only_pretends_to_be_bubblewrap_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It puts up no walls: what is after `--` runs as it is."""
    fraud = tmp_path / "bwrap"
    fraud.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do [ $# -gt 0 ] || exit 0; shift; done; shift; exec "$@"\n')
    fraud.chmod(0o755)
    walls._bubblewrap_program.cache_clear()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(MissingProgram, match=r"does not (hold|work) here"):
        raise_walls("namespaces")
    walls._bubblewrap_program.cache_clear()


def test_network_is_on_record(tmp_path: Path) -> None:
    job = Job(folder=tmp_path, login=tmp_path)
    assert [Walls(level=level).confinement(job) for level in LEVELS] == ["namespaces+network", "lsm+network", "none"]


def test_campaign_in_a_folder_that_agents_see_is_refused(tmp_path: Path, proven: Walls) -> None:
    careless = Walls(level=proven.level, readable=(tmp_path,))
    with pytest.raises(BadInput, match="--out"):
        session_in(tmp_path / "sessions" / "mine", careless, ["true"])


# ---------------------------------------------------------------------- how a session ends


@pytest.mark.parametrize(
    ("acts", "outcome", "words"),
    [
        (["codex"], "ok", ""),
        (["exit:3"], "error", "exit status 3"),
        (["exit:75"], "rate_limited", "exit status 75"),
        (["die:11"], "error", "SIGSEGV"),
    ],
)
def test_its_end_is_told_as_without_walls(
    tmp_path: Path, proven: Walls, acts: list[str], outcome: str, words: str
) -> None:
    session = fake(tmp_path, proven, *acts)
    assert session.confinement == proven.level
    assert finish(session) == outcome
    assert words in session.detail


def test_missing_program_is_told(tmp_path: Path, proven: Walls) -> None:
    session = session_in(tmp_path, proven, ["no-such-agent"])
    assert finish(session) == "error"
    assert "cannot start no-such-agent" in session.detail


def test_interrupt_reaches_the_agent(tmp_path: Path, proven: Walls) -> None:
    code = """
import signal, sys, time
def polite(*_):
    open('interrupted', 'w').write('yes')
    sys.exit(0)
signal.signal(signal.SIGINT, polite)
open('up', 'w').write('yes')
time.sleep(100)
"""
    session = session_in(tmp_path, proven, [sys.executable, "-c", code])
    wait_for(tmp_path / "workspace" / "up")
    assert session.stop(grace_s=30.0) == "killed"
    assert (tmp_path / "workspace" / "interrupted").read_text() == "yes"


# ---------------------------------------------------------------------- what it can do


def test_our_python_with_its_packages_and_what_the_caller_shows(tmp_path: Path, proven: Walls) -> None:
    shown = tmp_path / "candidates" / "abc"
    shown.mkdir(parents=True)
    (shown / "policy.py").write_text("x = 1")
    code = """
import sys, numpy, enpire.core.records, pathlib
shown = pathlib.Path(sys.argv[1])
print(numpy.ones(3).sum(), (shown / 'policy.py').read_text())
try:
    (shown / 'policy.py').write_text('x = 2')
except OSError:
    print('read only')
"""
    bounded = Walls(level=proven.level, readable=(tmp_path / "candidates",))
    session = session_in(tmp_path / "session", bounded, ["python", "-c", code, str(shown)])
    assert finish(session) == "ok", session.detail
    assert session.stdout.read_text() == "3.0 x = 1\nread only\n"


def test_git_and_the_shell_work_in_the_workspace(tmp_path: Path, proven: Walls) -> None:
    script = """
set -e
git init -q .; git config user.name a; git config user.email b; echo x > x; git add x; git commit -qm first
mkdir -p deep/er; mv x deep/er; cat deep/er/x | sort > sorted; echo $(( $(wc -l < sorted) + 1 )); rm -r deep
"""
    session = session_in(tmp_path, proven, ["sh", "-c", script])
    assert finish(session) == "ok", session.stderr.read_text()
    assert session.stdout.read_text() == "2\n"


def test_hands_in_a_file(tmp_path: Path, proven: Walls) -> None:
    session = session_in(tmp_path, proven, ["sh", "-c", "echo '{}' > ../.tmp && mv ../.tmp ../submission.json"])
    assert finish(session) == "ok", session.stderr.read_text()
    assert (tmp_path / "submission.json").read_text() == "{}\n"


def test_with_research_tools_only_workspace_and_home_can_be_written(tmp_path: Path, proven: Walls) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "prompt.md").write_text("as it was")
    script = (
        "for f in ../submission.json ../prompt.md ../stdout.log ../data/x; do echo x > $f && echo wrote $f; done; :"
    )
    job = Job(folder=tmp_path, tools_url="http://127.0.0.1:9/x/mcp")
    session = session_in(tmp_path, proven, ["sh", "-c", script], job=job)
    assert finish(session) == "ok", session.detail
    assert session.stdout.read_text() == ""
    assert (tmp_path / "prompt.md").read_text() == "as it was"


def test_session_that_uses_too_much_is_stopped(tmp_path: Path, proven: Walls) -> None:
    small = Walls(level=proven.level, folder_bytes=1 << 20, processes=20)
    full = session_in(tmp_path / "full", small, ["sh", "-c", "head -c 3000000 /dev/zero > big; sleep 100"])
    many = session_in(tmp_path / "many", small, ["sh", "-c", "for i in $(seq 30); do sleep 100 & done; wait"])
    assert finish(full) == "error" and "more than 1048576 bytes" in full.detail
    assert finish(many) == "error" and "more than 20 processes" in many.detail


# ---------------------------------------------------------------------- the door


@contextlib.contextmanager
def gateway(folder: Path) -> Iterator[tuple[Gateway, "queue.SimpleQueue[Any]"]]:
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    tools = (ToolSpec("status", "How it stands.", {"type": "object"}),)
    start = Start(tools=tools, socket=str(folder / "gateway"))
    with Gateway(start, inbox, log=folder / "gateway.log") as opened:
        yield opened, inbox


def let_in(gateway: Gateway, name: str, token: str) -> None:
    gateway.open(
        Open(
            session=name,
            agent=name,
            token=token,
            key="key",
            folder="/nowhere",
            dialect="chat",
            upstream="http://127.0.0.1:9",
            key_variable="",
            header="bearer",
        )
    )


def test_research_tools_through_the_door(tmp_path: Path, proven: Walls) -> None:
    with gateway(tmp_path) as (opened, inbox):
        let_in(opened, "mine", "a" * 32)
        behind = Walls(level=proven.level, socket=tmp_path / "gateway", port=opened.port)
        job = Job(folder=tmp_path / "session", tools_url=opened.tools_url("a" * 32))
        address = {"ENPIRE_TOOLS": f"{opened.url('a' * 32)}/tools"}
        session = session_in(job.folder, behind, ["enpire", "tool", "status"], job=job, environment=address)
        while session.poll() is None:
            with contextlib.suppress(queue.Empty):
                asked = inbox.get(timeout=0.01)
                assert isinstance(asked, Asked) and asked.session == "mine"
                opened.answer(Answer(request=asked.request, text="all is well"))
    assert session.outcome == "ok", session.detail
    assert session.stdout.read_text() == "all is well\n"


def test_socket_of_the_gateway_is_for_its_user_only_and_wants_a_token(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / "e"
    deep.mkdir(parents=True)
    with gateway(deep) as (opened, _):
        let_in(opened, "mine", "a" * 32)
        assert (deep / "gateway").stat().st_mode & 0o777 == 0o600
        short = tmp_path / "s"
        short.symlink_to(deep)
        statuses = []
        for token in ("a" * 32, "b" * 32, ""):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(f"{short}/gateway")
                connection = http.client.HTTPConnection("gateway")
                connection.sock = client
                connection.request("HEAD", f"/{token}")
                statuses.append(connection.getresponse().status)
    assert statuses == [200, 404, 404]


@pytest.fixture
def passage(tmp_path: Path) -> Iterator[Callable[[], socket.socket]]:
    """Connections through a door to a server that says everything backwards, at the end."""

    def backwards(client: socket.socket) -> None:
        with client:
            heard = b"".join(iter(lambda: client.recv(1 << 16), b""))
            client.sendall(heard[::-1])

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=backwards, args=(server.accept()[0],), daemon=True).start()

    folder = os.open(tmp_path, os.O_RDONLY)
    path = f"/proc/self/fd/{folder}/there"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        threading.Thread(target=serve, daemon=True).start()
        listening = door.listen(0)
        threading.Thread(target=door.serve, args=(listening, path), daemon=True).start()
        yield lambda: socket.create_connection(listening.getsockname(), timeout=30.0)
        server.shutdown(socket.SHUT_RDWR)
    os.close(folder)


def test_door_passes_on_long_talk_both_ways(passage: Callable[[], socket.socket]) -> None:
    said = os.urandom(5_000_000)
    with passage() as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: client.recv(1 << 16), b"")) == said[::-1]


def test_door_serves_many_at_once(passage: Callable[[], socket.socket]) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(passage()) for _ in range(40)]
        for number, client in enumerate(clients):
            client.sendall(f"{number:04d}".encode())
        for client in reversed(clients):
            client.shutdown(socket.SHUT_WR)
        answers = [b"".join(iter(lambda client=client: client.recv(64), b"")) for client in clients]
    assert answers == [f"{number:04d}".encode()[::-1] for number in range(40)]


def test_door_without_a_gateway_hangs_up(tmp_path: Path) -> None:
    listening = door.listen(0)
    threading.Thread(target=door.serve, args=(listening, str(tmp_path / "nothing")), daemon=True).start()
    for _ in range(2):
        with socket.create_connection(listening.getsockname(), timeout=30.0) as client:
            assert client.recv(1) == b""


# ---------------------------------------------------------------------- what is shown


def test_program_of_npm_is_shown_with_its_packages_and_its_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    modules, runtime = tmp_path / "npm" / "node_modules", tmp_path / "node" / "bin"
    (modules / ".bin").mkdir(parents=True)
    (modules / "agent").mkdir()
    runtime.mkdir(parents=True)
    (runtime.parent / "lib").mkdir()
    for path, first in ((modules / "agent" / "cli.js", "#!/usr/bin/env -S node --flag"), (runtime / "node", "\x7fELF")):
        path.write_text(f"{first}\n")
        path.chmod(0o755)
    (modules / ".bin" / "agent").symlink_to("../agent/cli.js")
    search = f"{modules / '.bin'}:{runtime}:/usr/bin"
    found = _sight.program("agent", search, hidden=tmp_path / "campaign")
    assert found.path == str(modules / ".bin" / "agent")
    assert set(found.readable) == {modules, runtime.parent}
    assert runtime in found.folders


@pytest.mark.parametrize("place", [".local/bin/agent", "bin/agent", "campaign/tool/bin/agent"])
def test_home_and_campaign_are_never_shown_for_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    program = tmp_path / place
    program.parent.mkdir(parents=True)
    (program.parent.parent / "lib").mkdir()
    program.write_text("\x7fELF")
    program.chmod(0o755)
    found = _sight.program("agent", str(program.parent), hidden=tmp_path / "campaign" / "tool" / "session")
    assert found.readable == (program,)


def test_system_programs_need_nothing_more(tmp_path: Path) -> None:
    assert _sight.program("sh", "/usr/bin:/bin", hidden=tmp_path).readable == ()


# ---------------------------------------------------------------------- filter and guard


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_tables_name_each_call_once(machine: str) -> None:
    tables = (
        *(calls.REFUSED, calls.MISSING, calls.SHARED_WITH_ALL, calls.METADATA, calls.OWN_ONLY, calls.OWN_ONLY_SECOND),
        "clone=56/220 unshare=272/97 ioctl=16/29 socket=41/198 sendto=44/206 sendmmsg=307/269 sendmsg=46/211",
    )
    found = [number for table in tables for number in numbers(table, machine).values()]
    assert len(found) == len(set(found)) and max(found) <= calls.NEWEST
    for namespaces in (True, False):
        assert len(calls.assemble(machine, namespaces=namespaces, network=False)) % 8 == 0


def test_guard_measures_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "small").write_bytes(b"x" * 5000)
    (tmp_path / "out").write_bytes(b"x" * 500_000)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert 5000 <= usage.size(str(tmp_path / "in")) < 100_000


def test_environment_inside_names_only_what_is_shown(tmp_path: Path, proven: Walls) -> None:
    (tmp_path / "workspace").mkdir()
    _, environment = proven.enclose(["sh"], Job(folder=tmp_path), {"PATH": "/usr/bin:/secret/bin", "TOKEN": "t"})
    assert "/usr/bin" in environment["PATH"].split(":") and "/secret/bin" not in environment["PATH"]
    assert environment["TOKEN"] == "t"
