"""The same script in three dialects, whole and as a stream, says the same."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from enpire.core.usage import Usage

from .conftest import PATHS, SHELLS, Asker, tool

DIALECTS = sorted(PATHS)
Playing = Callable[..., Asker]


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


SCRIPT = """
[[part]]
[[part.turn]]
say = "Looking."
shell = "ls -l"
usage = { input = 1000, cached = 300, cache_write = 200, output = 40, reasoning = 11 }
[[part.turn]]
call = "score$"
args = { name = "x", deep = { list = [1, 2] } }
[[part.turn]]
say = "Done."
"""


def test_words_calls_and_numbers(playing: Playing, dialect: str, stream: bool) -> None:
    asker = playing(SCRIPT)
    name, argument = SHELLS[dialect]
    tools = [tool(dialect, name, {argument: {"type": "string"}}), tool(dialect, "mcp__lab__score", {"name": {}})]
    heard = [asker.ask(dialect, f"question {n}", stream=stream, tools=tools) for n in range(4)]
    assert [h.text for h in heard] == ["Looking.", "", "Done.", "The script is over."]
    assert heard[0].calls == [(name, {argument: "ls -l"})]
    assert heard[1].calls == [("mcp__lab__score", {"name": "x", "deep": {"list": [1, 2]}})]
    wanted = Usage(input=1000, cached=300, cache_write=200, output=40, reasoning=11)
    missing = {"messages": {"reasoning": None}, "chat": {"cache_write": 0}, "responses": {}}[dialect]
    assert heard[0].usage == replace(wanted, **missing)  # type: ignore[arg-type]
    assert [told.usage for told in asker.model.truth] == [h.usage for h in heard]
    assert [told.turn for told in asker.model.truth] == [0, 1, 2, 3]


def test_truth_is_served(playing: Playing, dialect: str) -> None:
    asker = playing(SCRIPT)
    asker.ask(dialect, "hello", session="abc")
    truth = httpx2.get(f"{asker.root}/truth").json()
    assert [(told["session"], told["dialect"], told["status"]) for told in truth] == [("abc", dialect, 200)]
    assert truth[0]["usage"]["input"] == 1000


def test_usage_follows_from_the_size(playing: Playing, dialect: str) -> None:
    asker = playing("[[part]]")
    first = asker.ask(dialect, "a" * 4000)
    second = asker.ask(dialect, "a" * 4000, "b" * 400)
    assert 1000 < first.usage.input < 1200 and first.usage.cached == 0
    assert second.usage.input > first.usage.input
    assert first.usage.input - 40 < second.usage.cached < second.usage.input
    assert (second.usage.cache_write > 0) == (dialect == "messages")


def test_error_is_given_once_and_moves_on(playing: Playing, dialect: str, stream: bool) -> None:
    asker = playing("[[part]]\n[[part.turn]]\nerror = 429\nmessage = 'slow'\n[[part.turn]]\nsay = 'yes'")
    heard = [asker.ask(dialect, "same", stream=stream) for _ in range(2)]
    assert [(h.status, h.text) for h in heard] == [(429, "slow"), (200, "yes")]
    assert asker.model.truth[0].usage == Usage()


def test_lasting_error(playing: Playing, dialect: str) -> None:
    asker = playing("[[part]]\n[[part.turn]]\nerror = 400\ntimes = 0\n[[part.turn]]\nsay = 'never'")
    assert [asker.ask(dialect, f"{n}").status for n in range(5)] == [400] * 5


def test_what_was_answered_is_answered_again_alike(playing: Playing, dialect: str, stream: bool) -> None:
    asker = playing("[[part]]\n[[part.turn]]\nsay = 'one'\n[[part.turn]]\nsay = 'two'")
    heard = [asker.ask(dialect, words, stream=stream).text for words in ("a", "a", "b", "b", "c")]
    assert heard == ["one", "one", "two", "two", "The script is over."]
    assert [told.turn for told in asker.model.truth] == [0, 0, 1, 1, 2]


def test_broken_stream_then_the_whole_answer(playing: Playing, dialect: str, stream: bool) -> None:
    asker = playing("[[part]]\n[[part.turn]]\nsay = 'x'\nshell = 'ls'\ndrop = true\n[[part.turn]]\nsay = 'after'")
    with pytest.raises(httpx2.RemoteProtocolError):
        asker.ask(dialect, "a", stream=stream)
    assert asker.ask(dialect, "a", stream=stream).text == "x"
    assert asker.ask(dialect, "b", stream=stream).text == "after"
    assert [told.broken for told in asker.model.truth] == [True, False, False]
    broken = asker.model.truth[0].usage
    assert (broken.input > 0) == (dialect == "messages" and stream)


def test_sessions_do_not_share_a_place(playing: Playing, dialect: str) -> None:
    asker = playing("[[part]]\nname = 'b'\n[[part.turn]]\nsay = 'for b'\n[[part]]\n[[part.turn]]\nsay = 'for all'")
    assert [asker.ask(dialect, "x", session=name).text for name in ("a", "b", "c")] == ["for all", "for b", "for all"]


def test_calls_without_tools_do_not_move_the_script(playing: Playing, dialect: str) -> None:
    asker = playing("[[part]]\n[[part.turn]]\nsay = 'first'")
    assert asker.ask(dialect, "a title, please", tools=[]).text == "ok"
    assert asker.ask(dialect, "now work").text == "first"
    assert [told.turn for told in asker.model.truth] == [-1, 0]


def test_images_are_counted_and_cost_nothing(playing: Playing, dialect: str) -> None:
    asker = playing("[[part]]")
    body = asker.body(dialect, ["look"])
    data = "QUJD" * 10_000
    image: dict[str, Any] = {
        "responses": {"type": "input_image", "image_url": f"data:image/png;base64,{data}"},
        "messages": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
        "chat": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
    }[dialect]
    inside = body["input" if dialect == "responses" else "messages"]
    inside[0]["content"] = [image]
    result = {"messages": {"type": "tool_result", "tool_use_id": "1", "content": [image]}}.get(dialect)
    if result:
        inside.append({"role": "user", "content": [result]})
    if dialect == "responses":
        inside.append({"type": "function_call_output", "call_id": "1", "output": [image]})
    heard = asker.send(dialect, body)
    assert asker.model.truth[0].images == (1 if dialect == "chat" else 2)
    assert heard.usage.input < 500


def test_nobody_waits_for_a_client_that_left(playing: Playing, dialect: str) -> None:
    asker = playing("[[part]]\n[[part.turn]]\nsay = 'late'\nhang_s = 1000.0\n[[part.turn]]\nsay = 'next'")
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{asker.root}/s/v1/{PATHS[dialect]}", json=asker.body(dialect, ["x"]), timeout=0.3)
    assert asker.ask(dialect, "y").text == "next"
    assert [told.turn for told in asker.model.truth] == [1]


def test_what_no_tool_can_do_is_said(playing: Playing, dialect: str) -> None:
    asker = playing("[[part]]\n[[part.turn]]\ncall = 'submit$'\n[[part.turn]]\nspawn = 'x'")
    assert "no tool to call" in (heard := asker.ask(dialect, "a")).text and heard.calls == []
    assert "no tool to spawn" in asker.ask(dialect, "b").text
