"""The way of a model call: bytes, keys, headers, and the row that is reported."""

import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from enpire.agents.gateway.messages import Phase, Price
from enpire.core.usage import Usage
from tests.agents.gateway.conftest import KEY, SECRET, House, post
from tests.agents.gateway.upstream import (
    Play,
    Provider,
    as_json,
    chat_stream,
    messages_stream,
    responses_stream,
    sse,
)

Build = Callable[..., House]
ROUTES = {"responses": "v1/responses", "messages": "v1/messages", "chat": "v1/chat/completions"}
STREAMS = {
    "responses": (responses_stream(), Usage(input=1000, cached=600, output=80, reasoning=30)),
    "messages": (messages_stream(), Usage(input=600, cached=500, cache_write=60, output=75)),
    "chat": (chat_stream(), Usage(input=300, cached=120, output=50, reasoning=11)),
}


@pytest.mark.parametrize("dialect", ROUTES)
def test_a_stream_passes_byte_for_byte_and_is_counted(house: Build, dialect: str) -> None:
    play, truth = STREAMS[dialect]
    play = Play([play.body[i : i + 7] for i in range(0, len(play.body), 7)])  # cut inside characters and events
    h = house(Provider(play), prices={"mind": Price(1.0, 10.0), "mind-9": Price(2.0, 20.0, cached=0.5)})
    url = h.open(dialect)
    answer = post(f"{url}/{ROUTES[dialect]}?beta=true", {"model": "mind-9-large", "stream": True})
    assert (answer.status_code, answer.content) == (200, play.body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    call = h.call()
    assert (call.session, call.agent, call.phase, call.model) == ("s1", "mind-1", "propose", "mind-9-large")
    assert (call.dialect, call.status, call.usage, call.error) == (dialect, 200, truth, "")
    plain = truth.fresh * 2.0 + truth.cached * 0.5 + truth.output * 20.0
    assert call.cost_usd == pytest.approx(plain / 1e6)
    assert 0 < call.first_byte_s <= call.latency_s
    seen = h.provider.seen[0]
    assert (seen.path, seen.query) == (f"/{ROUTES[dialect]}", "beta=true")
    assert seen.headers["x-api-key" if dialect == "messages" else "authorization"].endswith(SECRET)
    assert KEY not in str(seen.headers)


def test_the_call_is_reported_with_the_event_that_ends_it(house: Build) -> None:
    """Agents act on that event; the connection may stay open for long."""
    play = Play([*responses_stream().chunks, *[b": wait\n\n"] * 6000], pause_s=0.01)
    h = house(Provider(play))
    url = f"{h.open()}/v1/responses"
    with httpx2.stream("POST", url, json={}, headers={"authorization": f"Bearer {KEY}"}) as answer:
        lines = answer.iter_lines()  # an iterator that is let go closes the connection
        assert any("response.completed" in line for line in lines)
        call = h.call()
        assert (call.usage.input, call.error) == (1000, "")
        assert h.provider.open == 1
        del lines
    h.until(lambda: h.provider.open == 0)
    assert h.inbox.empty()


def test_json_answers_are_counted_in_every_dialect(house: Build) -> None:
    bodies: dict[str, tuple[dict[str, Any], Usage]] = {
        "responses": (
            {"object": "response", "usage": {"input_tokens": 9, "output_tokens": 4}},
            Usage(input=9, output=4),
        ),
        "messages": (
            {
                "type": "message",
                "usage": {"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 3},
            },
            Usage(input=3, cached=2, output=3),
        ),
        "chat": (
            {"choices": [], "usage": {"prompt_tokens": 7, "cached_tokens": 5, "completion_tokens": 2}},
            Usage(input=7, cached=5, output=2),
        ),
    }
    for dialect, (body, truth) in bodies.items():
        h = house(Provider(as_json(body)))
        answer = post(f"{h.open(dialect)}/{ROUTES[dialect]}", {"model": "m"})
        assert answer.json() == body
        assert h.call().usage == truth


def test_chat_streams_are_made_to_say_their_usage(house: Build) -> None:
    h = house(Provider(chat_stream(moonshot=True)))
    url = h.open("chat")
    for body in ({"stream": True}, {"stream": True, "stream_options": {"x": 1}}, {"stream": False}):
        post(f"{url}/v1/chat/completions", body)
    asked = [seen.json.get("stream_options") for seen in h.provider.seen]
    assert asked == [{"include_usage": True}, {"x": 1, "include_usage": True}, None]
    assert [h.call().usage for _ in range(3)] == [Usage(input=300, cached=120, output=50)] * 3


def test_moonshot_usage_inside_a_choice_counts(house: Build) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 4}
    chunks = sse({"choices": [{"delta": {}, "finish_reason": "stop", "usage": usage}]}, named=False)
    h = house(Provider(Play([*chunks, b"data: [DONE]\n\n"])))
    post(f"{h.open('chat')}/v1/chat/completions", {"stream": True})
    assert h.call().usage == Usage(input=10, cached=4, output=5)


def test_requests_that_need_no_change_arrive_unchanged(house: Build) -> None:
    h = house(Provider(responses_stream()))
    body = b'{ "input" : [ {"type":"input_image","image_url":"data:image/png;base64,AAAA"} ],"n":1.50 }'
    headers = {"x-api-key": KEY, "openai-beta": "b1", "cookie": "c", "user-agent": "codex/1", "x-secret": "s"}
    httpx2.post(f"{h.open()}/v1/responses", content=body, headers=headers)
    seen = h.provider.seen[0]
    assert seen.body == body
    assert (seen.headers["openai-beta"], seen.headers["user-agent"]) == ("b1", "codex/1")
    assert seen.headers["accept-encoding"] == "identity"
    assert "cookie" not in seen.headers and "x-secret" not in seen.headers
    assert h.call().images == 1


def test_an_upstream_may_end_in_v1(house: Build) -> None:
    h = house(Provider(responses_stream()))
    post(f"{h.open(upstream=h.provider.url + '/v1/')}/v1/responses", {})
    assert h.provider.seen[0].path == "/v1/responses"


def test_429_is_passed_on_and_reported_then_ok(house: Build) -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow\ndown"}}
    h = house(Provider(as_json(error, 429, **{"retry-after": "3"}), messages_stream()))
    url = f"{h.open('messages')}/v1/messages"
    first, second = post(url, {"stream": True}), post(url, {"stream": True})
    assert (first.status_code, first.json(), first.headers["retry-after"]) == (429, error, "3")
    assert second.status_code == 200
    calls = [h.call(), h.call()]
    assert [(c.status, c.usage.total, c.error) for c in calls] == [(429, 0, "slow down"), (200, 675, "")]


@pytest.mark.parametrize("status", [401, 500, 529])
def test_errors_of_the_provider_are_passed_on(house: Build, status: int) -> None:
    h = house(Provider(Play([b"<html>broken</html>"], status, "text/html")))
    answer = post(f"{h.open()}/v1/responses", {})
    assert (answer.status_code, answer.content) == (status, b"<html>broken</html>")
    call = h.call()
    assert (call.status, call.usage, call.error) == (status, Usage(), "<html>broken</html>")


def test_no_provider_is_502(house: Build) -> None:
    h = house(Provider(responses_stream()))
    answer = post(f"{h.open('messages', upstream='http://127.0.0.1:1')}/v1/messages", {})
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "api_error")
    assert h.call().status == 502


def test_a_cut_stream_is_cut_for_the_agent_and_keeps_its_count(house: Build) -> None:
    play = messages_stream()
    h = house(Provider(Play(play.chunks[:4], cut=True)))
    with pytest.raises(httpx2.RemoteProtocolError):
        post(f"{h.open('messages')}/v1/messages", {"stream": True})
    call = h.call()
    assert (call.status, call.usage) == (200, Usage(input=600, cached=500, cache_write=60, output=2))
    assert call.error


def test_an_agent_that_hangs_up_is_still_counted(house: Build) -> None:
    play = messages_stream()
    h = house(Provider(Play([*play.chunks[:4], *[b": wait\n\n"] * 4000], pause_s=0.01)))
    headers = {"x-api-key": KEY}
    with httpx2.stream("POST", f"{h.open('messages')}/v1/messages", json={}, headers=headers) as answer:
        next(answer.iter_bytes())
    call = h.call()
    assert (call.status, call.usage.input, call.error) == (200, 600, "broken off by the agent")
    h.until(lambda: h.provider.open == 0)  # the provider is hung up on, too


def test_closing_a_session_breaks_off_its_calls_and_its_addresses(house: Build) -> None:
    h = house(Provider(Play([*messages_stream().chunks[:1], *[b": wait\n\n"] * 4000], pause_s=0.01)))
    url = h.open("messages")
    broken: list[object] = []

    def agent() -> None:
        try:
            answer = post(f"{url}/v1/messages", {})
        except httpx2.HTTPError as error:
            broken.append(error)
        else:  # closed before the answer began
            if answer.status_code >= 400:
                broken.append(answer)

    thread = threading.Thread(target=agent)
    thread.start()
    h.until(lambda: h.provider.open == 1)
    h.close()
    thread.join()
    assert broken
    assert h.call().session == "s1"
    assert post(f"{url}/v1/messages", {}).status_code == 404
    assert httpx2.get(url).status_code == 404


def test_calls_are_booked_by_phase(house: Build) -> None:
    h = house(Provider(responses_stream()))
    url = f"{h.open()}/v1/responses"
    post(url, {})
    h.gateway.phase(Phase("s1", "wait", new_idea=True))
    h.open(name="s2")  # answered after the phase was heard
    post(url, {})
    assert [h.call().phase, h.call().phase] == ["propose", "wait"]


def test_only_ones_own_dialect_and_key(house: Build) -> None:
    h = house(Provider(responses_stream()))
    url = h.open("messages")
    for path in ("v1/responses", "v1/chat/completions", "v1/embeddings", "v1", "x", "v1/messages/../responses"):
        answer = post(f"{url}/{path}", {})
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")
    for key in ("", "wrong", SECRET, "ключ"):
        answer = httpx2.post(f"{url}/v1/messages", json={}, headers=[(b"x-api-key", key.encode())])
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
    assert post(f"{h.gateway.url('f' * 32)}/v1/messages", {}).status_code == 404
    assert h.provider.seen == [] and h.inbox.empty()


def test_what_is_no_model_call_passes_uncounted(house: Build) -> None:
    h = house(Provider(as_json({"input_tokens": 5})))
    url = h.open("messages", vision="none")
    image = {"type": "image", "source": {"type": "url", "url": "http://x/y.png"}}
    answer = post(f"{url}/v1/messages/count_tokens", {"messages": [{"role": "user", "content": [image]}]})
    assert answer.json() == {"input_tokens": 5}
    assert b"y.png" not in h.provider.seen[0].body
    assert httpx2.get(f"{url}/v1/models", headers={"x-api-key": KEY}).status_code == 200
    assert [seen.method for seen in h.provider.seen] == ["POST", "GET"]
    for path in ("", "/"):
        assert httpx2.head(url + path).status_code == httpx2.get(url + path).status_code == 200
    assert h.inbox.empty()


def test_sub_agents_and_parallel_calls_are_all_in_the_ledger(house: Build) -> None:
    h = house(Provider(responses_stream(100, 0, 10, 0)))

    def choose(seen: Any) -> Play:
        return responses_stream(seen.json["n"], 0, 1, 0)

    h.provider.choose = choose
    url = f"{h.open()}/v1/responses"
    threads = [threading.Thread(target=post, args=(url, {"n": n, "model": "m"})) for n in range(1, 101)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls = [h.call() for _ in threads]
    assert sorted(call.usage.input for call in calls) == list(range(1, 101))
    assert {call.status for call in calls} == {200}
