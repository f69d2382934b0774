"""Counting and masking, without a network."""

import copy
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.agents.gateway.dialects import NAMES, dialect
from enpire.agents.gateway.dialects.images import WITHHELD
from enpire.agents.gateway.dialects.meter import Meter
from enpire.core.usage import Usage
from tests.agents.gateway.upstream import chat_stream, messages_stream, responses_stream

STREAMS = {"responses": responses_stream(), "messages": messages_stream(), "chat": chat_stream()}
TRUTH = {
    "responses": Usage(input=1000, cached=600, output=80, reasoning=30),
    "messages": Usage(input=600, cached=500, cache_write=60, output=75),
    "chat": Usage(input=300, cached=120, output=50, reasoning=11),
}


KEYS = [
    *("usage", "response", "message", "type", "choices", "input_tokens", "prompt_tokens", "cached_tokens"),
    *("prompt_tokens_details", "input_tokens_details", "cache_read_input_tokens", "output_tokens", "completion_tokens"),
]


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("name", NAMES)
@given(cuts=st.lists(st.integers(0, 2000), max_size=12), crlf=st.booleans())
def test_pieces_do_not_matter(name: str, cuts: list[int], crlf: bool) -> None:
    meter = Meter(dialect(name))
    body = STREAMS[name].body
    for piece in pieces(body.replace(b"\n", b"\r\n") if crlf else body, cuts):
        meter.feed(piece)
    assert meter.ended
    assert meter.finish() == TRUTH[name]


@pytest.mark.parametrize("name", NAMES)
@given(length=st.integers(0, 2000), garbage=st.binary(max_size=60))
def test_a_cut_or_broken_stream_never_raises_and_never_counts_too_much(name: str, length: int, garbage: bytes) -> None:
    meter = Meter(dialect(name))
    meter.feed(STREAMS[name].body[:length])
    meter.feed(b"\n" + garbage)
    usage = meter.finish()
    assert 0 <= usage.cached + usage.cache_write <= usage.input <= TRUTH[name].input
    assert usage.output <= TRUTH[name].output


@pytest.mark.parametrize("name", NAMES)
@given(
    event=st.recursive(
        st.none() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_usage_of_any_shape_is_a_sensible_usage(name: str, event: Any) -> None:
    meter = Meter(dialect(name))
    meter.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    usage = meter.finish()
    assert 0 <= usage.cached <= usage.input
    assert usage.cache_write <= usage.fresh
    assert usage.output >= 0


def test_messages_usage_of_providers_that_report_all_of_it_at_the_end() -> None:
    meter = Meter(dialect("messages"))
    meter.feed(b'data: {"type":"message_start","message":{"usage":{"input_tokens":0,"output_tokens":0}}}\n\n')
    usage = {"input_tokens": 12, "cache_read_input_tokens": 30, "output_tokens": 4}
    meter.feed(b"data: " + json.dumps({"type": "message_delta", "usage": usage}).encode() + b"\n\n")
    assert meter.finish() == Usage(input=42, cached=30, output=4)


def test_reasoning_is_unknown_where_nobody_says_it() -> None:
    meter = Meter(dialect("chat"))
    meter.feed(b'{"usage": {"prompt_tokens": 3, "completion_tokens": 4}}')
    assert meter.finish().reasoning is None


# ---------------------------------------------------------------------------- images

PIXELS = "iVBORw0KGgo" + "Qk" * 40
URL = f"data:image/png;base64,{PIXELS}"
REMOTE = "https://example.org/frame.png"
IMAGES: list[Any] = [
    {"type": "input_image", "image_url": URL, "detail": "auto"},
    {"type": "input_image", "image_url": REMOTE},
    {"type": "input_image", "file_id": "frame.png"},
    {"type": "image_url", "image_url": {"url": URL}},
    {"type": "image_url", "image_url": {"url": REMOTE, "detail": "high"}},
    {"type": "image_url", "image_url": REMOTE},
    {"image_url": {"url": REMOTE}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXELS}},
    {"type": "image", "source": {"type": "url", "url": REMOTE}},
    {"type": "image", "source": {"type": "file", "file_id": "frame.png"}},
    {"type": "image", "data": PIXELS, "mimeType": "image/png"},
    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PIXELS}},
    {"type": "input_file", "file_data": f"data:application/pdf;base64,{PIXELS}"},
    {"type": "computer_screenshot", "image_url": URL},
    {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{PIXELS}"}},
    URL,
    f"see {URL.upper().replace(PIXELS.upper(), PIXELS)} here",
]


def places() -> Any:
    """Conversation-like JSON with images anywhere."""
    part = st.sampled_from(IMAGES) | st.sampled_from([{"type": "text", "text": "hello"}, "plain", 7, None, True])
    return st.recursive(
        part,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.builds(lambda x: {"role": "user", "content": x}, inner),
            st.builds(lambda x: {"type": "tool_result", "tool_use_id": "t", "content": [x]}, inner),
            st.builds(lambda x: {"type": "function_call_output", "call_id": "c", "output": x}, inner),
            st.dictionaries(st.sampled_from(["a", "content", "output", "parts"]), inner, max_size=3),
        ),
        max_leaves=20,
    )


@pytest.mark.parametrize("name", NAMES)
@given(value=places())
def test_no_image_survives_the_mask(name: str, value: Any) -> None:
    d = dialect(name)
    for place in d.CONVERSATION:
        body = {"model": "m", place: copy.deepcopy(value)}
        count = d.images(body).count
        assert d.mask(body) == count
        text = json.dumps(body)
        assert PIXELS not in text and REMOTE not in text and "frame.png" not in text
        assert text.count(WITHHELD) == count
        assert d.mask(body) == 0 and d.images(body).count == 0


@pytest.mark.parametrize("name", NAMES)
@given(value=places())
def test_counting_changes_nothing_and_masking_only_images(name: str, value: Any) -> None:
    d = dialect(name)
    body = {d.CONVERSATION[0]: value, "tools": [{"name": "x", "parameters": {"type": "image"}}]}
    before = copy.deepcopy(body)
    found = d.images(body)
    assert body == before
    assert (found.characters > 0) == (found.count > 0)
    d.mask(body)
    assert body["tools"] == before["tools"]
    if not found.count:
        assert body == before


def test_masks_keep_the_form_of_the_dialect() -> None:
    content = [{"type": "text", "text": "look"}, {**IMAGES[7], "cache_control": {"type": "ephemeral"}}]
    body = {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": content}]}]}
    assert dialect("messages").mask(body) == 1
    masked = {"type": "text", "text": WITHHELD, "cache_control": {"type": "ephemeral"}}
    assert body["messages"][0]["content"][0]["content"] == [content[0], masked]  # type: ignore[index]
    output = {"input": [{"type": "function_call_output", "output": [IMAGES[0]]}]}
    assert dialect("responses").mask(output) == 1
    assert output["input"][0]["output"] == [{"type": "input_text", "text": WITHHELD}]


def test_words_about_images_are_left_alone() -> None:
    text = 'see data:image/png;base64,... or {"type": "image"} in the README'
    body = {"messages": [{"role": "user", "content": text}]}
    assert dialect("chat").mask(body) == 0
    assert body["messages"][0]["content"] == text


def test_a_very_deep_request_does_not_break_the_mask() -> None:
    value: Any = IMAGES[0]
    for _ in range(50_000):
        value = [value]
    assert dialect("responses").mask({"input": value}) == 1
