"""Vision `none`: no image part reaches a provider, none comes out of a tool."""

from collections.abc import Callable

import pytest

from tests.agents.gateway.conftest import House, post
from tests.agents.gateway.test_dialects import IMAGES, PIXELS, REMOTE
from tests.agents.gateway.upstream import Provider, as_json

Build = Callable[..., House]
PATHS = {"responses": "v1/responses", "messages": "v1/messages", "chat": "v1/chat/completions"}
CONVERSATION = {"responses": "input", "messages": "messages", "chat": "messages"}


@pytest.mark.parametrize("dialect", PATHS)
def test_images_are_withheld_on_the_wire(house: Build, dialect: str) -> None:
    h = house(Provider(as_json({})))
    url = f"{h.open(dialect, vision='none')}/{PATHS[dialect]}"
    post(url, {"model": "m", CONVERSATION[dialect]: [{"role": "user", "content": IMAGES}], "n": "\ud800"})
    body = h.provider.seen[0].body.decode()
    assert PIXELS not in body and REMOTE not in body
    assert body.count("[image withheld]") == len(IMAGES)
    call = h.call()
    assert (call.images, call.masked) == (len(IMAGES), len(IMAGES))


@pytest.mark.parametrize("vision", ["native", "function"])
def test_images_pass_in_the_other_modes(house: Build, vision: str) -> None:
    h = house(Provider(as_json({})))
    post(f"{h.open(vision=vision)}/v1/responses", {"input": [IMAGES[0]]})
    assert PIXELS in h.provider.seen[0].body.decode()
    call = h.call()
    assert (call.images, call.masked) == (1, 0)
