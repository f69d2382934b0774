import json
import os
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from enpire.agents.gateway.client import Gateway
from enpire.agents.gateway.messages import Asked, Called, Limits, Open, Start
from enpire.core.usage import ModelCall
from tests.agents.gateway.upstream import Provider, serving

SECRET = "sk-provider-0123456789abcdef"
KEY = "session-key"


class House:
    """A gateway, a provider behind it, and what the supervisor hears."""

    def __init__(self, gateway: Gateway, provider: Provider, inbox: "queue.SimpleQueue[Any]") -> None:
        self.gateway, self.provider, self.inbox = gateway, provider, inbox
        self.opened = 0

    def open(self, dialect: str = "responses", name: str = "s1", **more: Any) -> str:
        """Open a session; returns its root address."""
        self.opened += 1
        token = f"{self.opened:032x}"
        values: dict[str, Any] = {
            "session": name,
            "agent": "mind-1",
            "token": token,
            "key": KEY,
            "folder": "/nowhere",
            "dialect": dialect,
            "upstream": self.provider.url,
            "key_variable": "TEST_PROVIDER_KEY",
            "header": "x-api-key" if dialect == "messages" else "bearer",
            **more,
        }
        self.gateway.open(Open(**values))
        return self.gateway.url(token)

    def hear(self) -> Any:
        return self.inbox.get(timeout=20)

    def call(self) -> ModelCall:
        report = self.hear()
        assert isinstance(report, Called)
        return report.call

    def asked(self) -> Asked:
        report = self.hear()
        assert isinstance(report, Asked)
        return report

    def close(self, name: str = "s1") -> None:
        self.gateway.close_session(name)

    @staticmethod
    def until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., House]]:
    """Builds houses; all of them are taken down at the end."""
    if "TEST_PROVIDER_KEY" not in os.environ:
        monkeypatch.setenv("TEST_PROVIDER_KEY", SECRET)
    with ExitStack() as stack:

        def build(provider: Provider, **start: Any) -> House:
            inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
            stack.enter_context(serving(provider))
            log = tmp_path / "gateway.log"
            gateway = Gateway(Start(**start), inbox, key_variables=["TEST_PROVIDER_KEY"], log=log)
            return House(stack.enter_context(gateway), provider, inbox)

        yield build


def post(url: str, body: object, key: str = KEY, **more: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **more.pop("headers", {})}
    return httpx2.post(url, content=json.dumps(body), headers=headers, timeout=30, **more)


def limits(tokens: int | None = None, usd: float | None = None) -> Limits:
    return Limits(tokens, usd)
