"""The process: how it starts, what it gets, and that it ends with its supervisor."""

import os
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from enpire.agents.gateway.client import Gateway
from enpire.agents.gateway.messages import Start
from enpire.core.errors import EnpireError
from enpire.core.process import alive
from tests.agents.gateway.conftest import House, post
from tests.agents.gateway.upstream import Provider, responses_stream

Build = Callable[..., House]


def test_it_listens_on_loopback_only_and_gets_only_what_it_needs(house: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_SECRET", "none of its business")
    h = house(Provider(responses_stream()))
    environment = Path(f"/proc/{h.gateway.pid}/environ").read_bytes()
    assert b"TEST_PROVIDER_KEY" in environment
    assert b"OTHER_SECRET" not in environment
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    assert f"0100007F:{h.gateway.port:04X}" in listening
    assert f"00000000:{h.gateway.port:04X}" not in listening


def test_a_script_that_cannot_be_played_is_one_clear_line(tmp_path: Path) -> None:
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with pytest.raises(EnpireError) as refused, Gateway(Start(script=str(tmp_path / "missing.toml")), inbox):
        pass
    assert str(refused.value).startswith("the model gateway cannot start: ")
    assert "\n" not in str(refused.value)


def test_a_gateway_that_dies_is_reported(house: Build) -> None:
    h = house(Provider(responses_stream()))
    os.kill(h.gateway.pid, signal.SIGKILL)
    assert h.hear() is None
    with pytest.raises(EnpireError, match="does not answer"):
        h.open()
    h.close()  # orders to the dead are no error


def test_it_ends_when_the_supervisor_hangs_up_in_the_middle_of_a_call(house: Build) -> None:
    h = house(Provider(responses_stream()))
    url = h.open()
    with httpx2.stream("POST", f"{url}/tools/none", content=iter([b"{"])):
        h.gateway._socket.shutdown(socket.SHUT_RDWR)
        h.until(lambda: not alive(h.gateway.pid))


def test_it_dies_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = """
import queue, sys, time
from enpire.agents.gateway.client import Gateway
from enpire.agents.gateway.messages import Start
with Gateway(Start(), queue.SimpleQueue()) as gateway:
    print(gateway.pid, flush=True)
    time.sleep(100)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    assert alive(pid)
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    House.until(lambda: not alive(pid))


@pytest.mark.parametrize("dialect", ["responses", "messages", "chat"])
def test_a_scripted_model_is_called_on_the_production_path(house: Build, tmp_path: Path, dialect: str) -> None:
    script = tmp_path / "script.toml"
    script.write_text('[[part]]\n[[part.turn]]\nsay = "hello"\nusage = {input = 100, cached = 40, output = 20}\n')
    h = house(Provider(responses_stream()), script=str(script))
    path = {"responses": "v1/responses", "messages": "v1/messages", "chat": "v1/chat/completions"}[dialect]
    url = h.open(dialect, upstream=h.gateway.script_url("s1"), folder=str(tmp_path))
    tool = {
        "responses": {"type": "function", "name": "look", "parameters": {"type": "object"}},
        "messages": {"name": "look", "input_schema": {"type": "object"}},
        "chat": {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},
    }[dialect]
    said = [{"role": "user", "content": "go"}]
    place = "input" if dialect == "responses" else "messages"
    answer = post(f"{url}/{path}", {"model": "m", "stream": True, "max_tokens": 100, place: said, "tools": [tool]})
    assert answer.status_code == 200, answer.text
    assert "hello" in answer.text
    usage = h.call().usage
    assert (usage.input, usage.cached, usage.output) == (100, 40, 20)
    assert h.provider.seen == []
