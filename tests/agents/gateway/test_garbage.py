"""Agents may send anything: it costs them an answer, and nobody else anything."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse

from enpire.agents.gateway import bodies, server
from tests.agents.gateway.conftest import KEY, House, post
from tests.agents.gateway.upstream import Provider, responses_stream

Build = Callable[..., House]


def fine(h: House, url: str) -> None:
    """The gateway still works as if nothing had been."""
    assert post(f"{url}/v1/responses", {"stream": True}).content == responses_stream().body
    assert h.call().usage.total == 1080


def raw(h: House, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", h.gateway.port), timeout=20) as connection:
        connection.sendall(data)
        with contextlib.suppress(OSError):  # it may have hung up already
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def test_bodies_that_are_no_request(house: Build) -> None:
    h = house(Provider(responses_stream()))
    url = h.open()
    headers = {"x-api-key": KEY}
    for body in (b"", b"{", b"[]", b"\xff\xfe", b'"x"', b"[" * 200_000, b'{"a":' * 200_000, b'{"n": 1e999999}x'):
        answer = httpx2.post(f"{url}/v1/responses", content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    zipped = httpx2.post(f"{url}/v1/responses", content=b"x", headers={**headers, "content-encoding": "gzip"})
    assert zipped.status_code == 415
    assert h.provider.seen == [] and h.inbox.empty()
    fine(h, url)


def test_requests_of_any_shape_are_passed_on(house: Build) -> None:
    h = house(Provider(responses_stream()))
    url = h.open()
    shapes = ({"model": {"a": 1}}, {"model": "x" * 5000, "input": 7}, {"max_output_tokens": "lots"}, {"input": None})
    for shape in shapes:
        assert post(f"{url}/v1/responses", shape).status_code == 200
        assert len(h.call().model) <= 200
    fine(h, url)


def test_a_body_beyond_the_cap_is_413(house: Build) -> None:
    h = house(Provider(responses_stream()))
    url = h.open("messages")
    block = b" " * (1 << 20)
    answer = httpx2.post(
        f"{url}/v1/messages", content=iter([block] * ((bodies.MODEL_BYTES >> 20) + 1)), headers={"x-api-key": KEY}
    )
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")
    assert httpx2.post(f"{url}/mcp", content=block + block).status_code == 413
    assert h.provider.seen == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00garbage",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 500_000 + b"\r\n\r\n",
        b"GET /\xff\xfe%00%ff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET //////// HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /TOKEN/v1/responses HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"POST /TOKEN/v1/responses HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\ncontent-length: 50\r\n\r\n{",
        b"POST /TOKEN/v1/responses HTTP/1.1\r\nhost: x\r\nx-api-key: KEY\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /TOKEN/mcp HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{",
    ],
)
def test_broken_http(house: Build, data: bytes) -> None:
    h = house(Provider(responses_stream()))
    url = h.open()
    token = url.rsplit("/", 1)[1].encode()
    try:
        answer = raw(h, data.replace(b"TOKEN", token).replace(b"KEY", KEY.encode()))
    except ConnectionError:
        answer = b""
    assert not answer or answer.split()[1][:1] == b"4"
    fine(h, url)


def test_a_hundred_connections_that_say_nothing(house: Build) -> None:
    h = house(Provider(responses_stream()))
    url = h.open()
    idle = [socket.create_connection(("127.0.0.1", h.gateway.port)) for _ in range(100)]
    head = f"POST {httpx2.URL(url).path}/v1/responses HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: 9\r\n"
    for number, connection in enumerate(idle):
        connection.sendall(head.encode()[: number * 2] if number % 2 else head.encode() + b"\r\n{")
    fine(h, url)
    for connection in idle:
        connection.close()
    fine(h, url)


def test_a_hundred_calls_at_once(house: Build) -> None:
    h = house(Provider(responses_stream()))
    url = h.open()
    bodies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: bodies.append(post(f"{url}/v1/responses", {}).content)) for _ in range(100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [responses_stream().body] * 100
    assert sum(h.call().usage.input for _ in threads) == 100_000


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=20), body=st.binary(max_size=50), method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
def test_any_path_answers_clearly(one_house: tuple[House, str], path: str, body: bytes, method: str) -> None:
    _, url = one_house
    quoted = "".join(f"%{b:02x}" for b in path.encode(errors="replace"))
    answer = httpx2.request(method, f"{url}/{quoted}", content=body, headers={"x-api-key": KEY})
    assert answer.status_code in ((200,) if path in ("", "/") and method == "GET" else (400, 401, 404, 405))


@pytest.fixture
def one_house(house: Build) -> tuple[House, str]:
    h = house(Provider(responses_stream()))
    return h, h.open()


def test_a_body_that_does_not_arrive_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.01)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(3600)
        return {}

    async def run() -> None:
        with pytest.raises(bodies.BadBody) as slow:
            await bodies.read_body(Request({"type": "http", "headers": []}, receive), 100)
        assert slow.value.status == 408

    asyncio.run(run())


def test_a_connection_that_does_not_come_to_the_point_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_REQUEST_S", 0.05)

    async def run() -> None:
        with server._port() as port:
            web = server._server(JSONResponse({}))
            serving = asyncio.create_task(web.serve(sockets=[port]))
            reader, writer = await asyncio.open_connection(*port.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nhost:")
            assert await reader.read() == b""
            writer.close()
            web.should_exit = True
            await serving

    asyncio.run(run())
