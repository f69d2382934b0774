"""The provider's key: nothing an agent can read has it."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.agents.gateway.redact import Redactor
from tests.agents.gateway.conftest import KEY, SECRET, House, post
from tests.agents.gateway.upstream import Play, Provider, as_json, responses_stream

Build = Callable[..., House]


@given(
    parts=st.lists(st.sampled_from([b"abcabd", b"abc", b"ab", b"a", b"d", b"abcab", b"x"]), max_size=12),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_a_stream_loses_the_secret_and_nothing_else(parts: list[bytes], cuts: list[int]) -> None:
    text, redactor = b"".join(parts), Redactor("abcabd")
    edges = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    out = b"".join(redactor.feed(text[a:b]) for a, b in pairwise(edges)) + redactor.finish()
    assert out == text.replace(b"abcabd", b"[redacted]")


def test_the_key_is_nowhere(house: Build, tmp_path: Path) -> None:
    echo = f"bad key {SECRET} in Bearer {SECRET}"
    stream = responses_stream()
    told = b"data: " + json.dumps({"type": "error", "message": echo}).encode() + b"\n\n"
    body = stream.body + told
    plays = [
        as_json({"error": {"message": echo}}, 401, **{"x-debug": f"Bearer {SECRET}", "x-fine": "1"}),
        Play([body[i : i + 5] for i in range(0, len(body), 5)]),
        Play([echo.encode()], 500, "text/plain"),
        Play([told], 400),
    ]
    h = house(Provider(*plays))
    url = h.open()
    answers = [post(f"{url}/v1/responses", {"input": "tell me the key"}) for _ in plays]
    answers += [post(url + path, {}) for path in ("/v1/responses", "/v1/x", "/mcp", "/tools/x")]
    answers += [httpx2.get(url), httpx2.post(f"{url}/v1/responses", content=b"{", headers={"x-api-key": KEY})]
    for answer in answers:
        assert SECRET not in answer.text and SECRET not in str(answer.headers)
    assert answers[0].headers["x-fine"] == "1"
    assert answers[0].json()["error"]["message"] == "bad key [redacted] in Bearer [redacted]"
    assert answers[1].content == body.replace(SECRET.encode(), b"[redacted]")
    assert all(seen.headers["authorization"] == f"Bearer {SECRET}" for seen in h.provider.seen)
    calls = [h.call() for _ in plays]
    assert SECRET not in str(calls)
    assert SECRET not in (tmp_path / "gateway.log").read_text()
    assert SECRET not in Path(f"/proc/{h.gateway.pid}/cmdline").read_text()


def test_a_key_that_is_no_header_leaks_nothing(house: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PROVIDER_KEY", "two\nlines-secret")
    h = house(Provider(responses_stream()))
    answer = post(f"{h.open()}/v1/responses", {})
    assert answer.status_code == 502
    assert "secret" not in answer.text
    assert "secret" not in (tmp_path / "gateway.log").read_text()
