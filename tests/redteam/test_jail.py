"""An agent that tries to leave its session, at each level of walls that this machine has.

Run it as root and as a plain user: each meets other walls.
"""

import http.client
import os
import queue
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enpire.agents import walls_doctor
from enpire.agents._keeper import descendants
from enpire.agents.adapter import Job
from enpire.agents.gateway.client import Gateway
from enpire.agents.gateway.messages import Open, Start
from enpire.agents.submission import read_submission
from enpire.agents.walls import Walls, raise_walls
from enpire.agents.walls_doctor import OPEN_WITHOUT_NAMESPACES, probe
from enpire.core.confinement import landlock
from enpire.core.confinement.selftest import Table
from enpire.core.errors import BadInput
from enpire.evolution.hub import Hub
from enpire.evolution.reading import read_folder
from tests.redteam.jailed import finish, marked, play, wait_for


@pytest.fixture(scope="module")
def table(jail: Walls) -> Table:
    return probe(jail.level)


# ---------------------------------------------------------------------- the table of attempts


def test_every_attempt_is_blocked(table: Table, jail: Walls) -> None:
    tolerated = OPEN_WITHOUT_NAMESPACES if jail.level == "lsm" else set()
    assert {name for name, worked in table.attempts.items() if worked} <= tolerated
    assert len(table.attempts) >= 90


def test_an_honest_agent_can_work(table: Table) -> None:
    assert all(table.controls.values()) and len(table.controls) >= 9


def test_without_walls_the_attempts_are_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is blocked inside must be possible outside, or the table proves nothing."""
    monkeypatch.setattr(walls_doctor, "__file__", "/nonexistent")  # nothing changes our own package
    found = probe("none").attempts
    needed = {
        *("read the campaign's key", "list the campaign folder", "read another session", "write into another session"),
        *("list the user's home", "truncate a file outside", "make a file outside", "remove a file outside"),
        *("change the prompt", "put a link for the workspace", "make a pipe with a name", "see a file outside"),
        *("read it through a link", "read it through a hard link", "read it through /proc"),
        *("environment of a process of the harness", "memory of a process of the harness"),
        *("signal a process of the harness", "limits of a process of the harness", "kill everybody"),
        *("TCP port of the machine", "the same by a fast open", "datagram to the machine"),
        *("abstract socket of the machine", "unix socket of the machine", "see processes of the harness"),
    }
    assert not {name for name in needed if not found[name]}
    assert found.keys() == probe(raise_walls().level).attempts.keys()


# ---------------------------------------------------------------------- secrets


def test_nothing_of_the_supervisors_environment_gets_in(
    tmp_path: Path, jail: Walls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    code = """
import os, pathlib
text = repr(dict(os.environ))
for path in [p / n for p in pathlib.Path('/proc').glob('[0-9]*') for n in ('environ', 'cmdline')]:
    try: text += path.read_text()
    except OSError: pass
print('very' + '-secret' in text)
"""
    assert finish(play(tmp_path / "session", jail, code)) == "False\n"


def test_campaign_around_the_session_is_not_there(tmp_path: Path, jail: Walls) -> None:
    for name in ("secret.key", "ledger.sqlite", "hub.git/HEAD", "episodes/1/x", "sessions/other/brief.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("treasure")
    code = """
import os, sys
for root, folders, files in os.walk(sys.argv[1]):
    for name in files:
        try: print(root, name, open(os.path.join(root, name)).read())
        except OSError as error: pass
for name in ('secret.key', 'ledger.sqlite', 'hub.git/HEAD', 'sessions/other/brief.json'):
    try: print(open(os.path.join(sys.argv[1], name)).read())
    except OSError: pass
"""
    mine = tmp_path / "sessions" / "mine"
    assert "treasure" not in finish(play(mine, jail, code, str(tmp_path)))


# ---------------------------------------------------------------------- the gateway


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    start = Start(socket=str(tmp_path / "gateway"))
    with Gateway(start, queue.SimpleQueue(), log=tmp_path / "gateway.log") as opened:
        for name in ("mine", "other"):
            opened.open(
                Open(
                    session=name,
                    agent=name,
                    token=name.rjust(32, "0"),
                    key=f"key-{name}",
                    folder="/nowhere",
                    dialect="chat",
                    upstream="http://127.0.0.1:9",
                    key_variable="",
                    header="bearer",
                )
            )
        yield opened


def test_gateway_opens_to_the_own_token_only_and_keys_do_not_mix(tmp_path: Path, jail: Walls, gateway: Gateway) -> None:
    """A token that somebody gave away is worth no model call without the key that goes with it."""
    code = """
import http.client, sys
def ask(path, key='', method='HEAD'):
    connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=20)
    connection.request(method, path, body=b'{}' if method == 'POST' else None,
                       headers={'Authorization': f'Bearer {key}', 'Content-Type': 'application/json'})
    return connection.getresponse().status
mine, other, nobody = (name.rjust(32, '0') for name in ('mine', 'other', 'nobody'))
print([ask(f'/{token}') for token in (mine, nobody, '', '..', 'script/mine')],
      ask(f'/{other}/v1/chat/completions', 'key-mine', 'POST'))
"""
    behind = Walls(level=jail.level, socket=tmp_path / "gateway", port=gateway.port)
    session = play(tmp_path / "session", behind, code, str(gateway.port))
    assert finish(session) == "[200, 404, 404, 404, 404] 401\n", session.detail


def test_gateway_of_another_port_is_out_of_reach(tmp_path: Path, jail: Walls, gateway: Gateway) -> None:
    """A session of a campaign with another gateway, or with none."""
    code = """
import socket, sys
try: socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=5); print('in')
except OSError: print('out')
"""
    assert finish(play(tmp_path / "session", jail, code, str(gateway.port))) == "out\n"
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port)
    connection.request("HEAD", f"/{'mine'.rjust(32, '0')}")
    assert connection.getresponse().status == 200


def test_session_with_the_users_own_login_reaches_the_network_but_not_the_harness(
    tmp_path: Path, jail: Walls, gateway: Gateway
) -> None:
    if jail.level == "lsm" and landlock.version() < 6:
        pytest.skip("needs a kernel with Landlock 6: without it, the network is open as a whole")
    code = """
import socket, sys
here = '127.0.0.1'
for family, address in ((socket.AF_INET, (here, int(sys.argv[1]))), (socket.AF_INET, (here, int(sys.argv[2]))),
                        (socket.AF_UNIX, '\\0' + sys.argv[3])):
    try:
        client = socket.socket(family)
        client.connect(address)
        print('in')
    except OSError:
        print('out')
"""
    login = tmp_path / "login"
    login.mkdir()
    behind = Walls(level=jail.level, socket=tmp_path / "gateway", port=gateway.port)
    with socket.socket() as harness, socket.socket(socket.AF_UNIX) as abstract:
        harness.bind(("127.0.0.1", 0))
        harness.listen()
        abstract.bind(f"\0{tmp_path}")
        abstract.listen()
        job = Job(folder=tmp_path / "session", login=login)
        ports = (str(gateway.port), str(harness.getsockname()[1]), str(tmp_path))
        session = play(job.folder, behind, code, *ports, job=job)
        assert finish(session) == "in\nout\nout\n", session.detail
    assert session.confinement == f"{jail.level}+network"


# ---------------------------------------------------------------------- surviving


@pytest.mark.parametrize("end", ["by itself", "stopped", "by force"])
def test_nothing_survives_the_session(tmp_path: Path, jail: Walls, end: str) -> None:
    mark = f"survivor-{tmp_path.name}-{os.getpid()}"
    code = f"""
import os, pathlib, signal, subprocess, sys, time
sleep = [sys.executable, '-I', '-S', '-c', 'import time, signal, sys\\n'
         'for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\\ntime.sleep(600)', '{mark}']
signal.signal(signal.SIGINT, signal.SIG_IGN)
subprocess.Popen(sleep, start_new_session=True)
subprocess.Popen(['nohup', *sleep], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        os.execv(sleep[0], sleep)
    os._exit(0)
os.wait()
pathlib.Path('up').touch()
time.sleep(0 if sys.argv[1] == 'by itself' else 600)
"""
    session = play(tmp_path, jail, code, end)
    wait_for(tmp_path / "workspace" / "up")
    if end == "by itself":
        finish(session)
    elif end == "stopped":
        session.stop(grace_s=0.2)
    else:
        session._destroy()
        session._process.wait()
        end_s = time.monotonic() + 30.0
        while marked(mark) and time.monotonic() < end_s:
            time.sleep(0.01)
        session.poll()
    assert marked(mark) == []


def test_flood_of_processes_ends_the_session_and_only_it(tmp_path: Path, jail: Walls) -> None:
    mark = f"flood-{tmp_path.name}-{os.getpid()}"
    code = """
import os, time
for _ in range(600):
    try:
        if os.fork() == 0: time.sleep(600)
    except OSError: break
time.sleep(600)
"""
    before = descendants(os.getpid())
    bounded = Walls(level=jail.level, processes=100)
    session = play(tmp_path, bounded, code, mark)
    finish(session)
    assert session.outcome == "error"
    assert "more than 100 processes" in session.stderr.read_text()
    assert marked(mark) == []
    assert descendants(os.getpid()) == before


def test_full_disk_is_the_sessions_own(tmp_path: Path, jail: Walls) -> None:
    code = """
import os
for name in ('/tmp', '/dev/shm', '/var/tmp'):
    try:
        with open(f'{name}/big', 'wb') as file:
            for _ in range(300): file.write(bytes(1 << 20))
        print('filled', name)
    except OSError: pass
"""
    assert finish(play(tmp_path, jail, code)) == ""
    assert not Path("/tmp/big").exists() and not Path("/dev/shm/big").exists()


def test_agent_cannot_take_back_its_priority(tmp_path: Path, jail: Walls) -> None:
    code = """
import os
for attempt in (lambda: os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0)),
                lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
                lambda: os.setpriority(os.PRIO_PROCESS, 0, 0), lambda: os.nice(-5)):
    try: attempt(); print('worked')
    except OSError: pass
print(os.sched_getscheduler(0) == os.SCHED_IDLE)
"""
    assert finish(play(tmp_path, jail, code)) == "True\n"


# ---------------------------------------------------------------------- fooling the harness


def test_links_in_the_session_lead_the_harness_nowhere(tmp_path: Path, jail: Walls) -> None:
    secret = tmp_path / "secret.key"
    secret.write_text("treasure")
    code = """
import os, sys
secret, session = sys.argv[1:]
os.symlink(secret, 'policy.py')
os.symlink(os.path.dirname(secret), 'blocks')
os.symlink('/proc/self/environ', 'environment.py')
for way in (lambda: os.symlink(secret, session + '/submission.json'),
            lambda: (os.symlink(secret, 's'), os.rename('s', session + '/submission.json')),
            lambda: os.mkfifo(session + '/submission.json'),
            lambda: (os.rename(session + '/workspace', session + '/w'), os.symlink('/', session + '/workspace')),
            lambda: (os.unlink(session + '/stdout.log'), os.symlink(secret, session + '/stdout.log'))):
    try: way()
    except OSError: pass
open('honest.py', 'w').write('x = 1')
"""
    session = play(tmp_path / "session", jail, code, str(secret), str(tmp_path / "session"))
    finish(session)
    assert session.outcome == "ok", session.detail
    assert read_folder(session.job.workspace) == {"honest.py": b"x = 1"}
    try:
        assert read_submission(session.job.folder) is None
    except BadInput as refused:
        assert "treasure" not in str(refused)
    assert not session.stdout.is_symlink()


def test_git_traps_in_the_workspace_do_not_spring(tmp_path: Path, jail: Walls) -> None:
    """The harness takes the workspace in; no program that the agent named in Git's settings is run by it."""
    marker = tmp_path / "marker"
    code = """
import os, pathlib, subprocess, sys
marker = sys.argv[1]
run = lambda *argv: subprocess.run(argv, check=True, capture_output=True)
trap = f'touch {marker}'
run('git', 'init', '-q', '.')
for name in ('core.fsmonitor', 'core.pager', 'core.editor', 'core.sshCommand', 'diff.external', 'filter.x.clean',
             'filter.x.smudge', 'filter.x.process', 'diff.x.textconv', 'uploadpack.packObjectsHook', 'alias.status'):
    run('git', 'config', name, ('!' if name.startswith('alias') else '') + trap)
hooks = pathlib.Path('.git/hooks')
for name in ('pre-commit', 'post-commit', 'post-checkout', 'post-index-change', 'reference-transaction', 'pre-receive'):
    (hooks / name).write_text(f'#!/bin/sh\\n{trap}\\n')
pathlib.Path('.gitattributes').write_text('* filter=x diff=x\\n')
pathlib.Path('conftest.py').write_text(f'import os; os.system("{trap}")')
pathlib.Path('sitecustomize.py').write_text(f'import os; os.system("{trap}")')
pathlib.Path('policy.py').write_text('x = 1')
"""
    session = play(tmp_path / "session", jail, code, str(marker))
    finish(session)
    assert session.outcome == "ok", session.stderr.read_text()
    hub = Hub.create(tmp_path / "hub.git")
    files = read_folder(session.job.workspace)
    assert set(files) == {"conftest.py", "sitecustomize.py", "policy.py"}
    commit = hub.commit(files, parents=(), message="taken in", branch="agents/mine")
    (tmp_path / "candidates").mkdir()
    hub.checkout(commit, tmp_path / "candidates" / commit)
    assert not marker.exists()
