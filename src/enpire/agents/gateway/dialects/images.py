"""Images in requests: finding them and withholding them, wherever they are.

All three dialects share one notion of an image part, so that a form of one dialect is not missed in another.
"""

import re
from dataclasses import dataclass
from typing import Any

from enpire.core.records import Json

WITHHELD = "[image withheld]"
KINDS = {
    "image",
    "input_image",
    "image_url",
    "computer_screenshot",
    "document",
    "input_file",
    "file",
    "video",
    "video_url",
    "input_video",
}
"""Types of parts that show pictures to a model. Documents count: providers render their pages."""
_DATA_URL = re.compile(r"data:(?:image|video|application/pdf)[^,\"\s]{0,200},[A-Za-z0-9+/=_%-]{40,}", re.IGNORECASE)


@dataclass
class Images:
    """Image parts of a request.

    Attributes:
        count: Parts, and data URLs inside other texts.
        characters: Length of their data in the request.
    """

    count: int = 0
    characters: int = 0


def survey(body: Json, places: tuple[str, ...]) -> Images:
    """Count the image parts below some keys of a request."""
    found = Images()
    _walk([body.get(place) for place in places], found, None)
    return found


def withhold(body: Json, places: tuple[str, ...], text_kind: str) -> int:
    """Replace every image part below some keys of a request by a text part, in place.

    Args:
        body: Request.
        places: Keys to look below.
        text_kind: `type` of a text part in this dialect.

    Returns:
        How many were replaced.
    """
    found = Images()
    for place in places:
        if place in body:
            holder = [body[place]]
            _walk(holder, found, text_kind)
            body[place] = holder[0]
    return found.count


def _walk(root: Any, found: Images, text_kind: str | None) -> None:
    """Visit every value once, without recursion; with a `text_kind`, replace what shows an image."""
    stack: list[Any] = [root]
    while stack:
        holder = stack.pop()
        pairs = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in list(pairs):
            if isinstance(value, str):
                hits = _DATA_URL.findall(value) if "data:" in value.lower() else []
                if hits:
                    found.count += len(hits)
                    found.characters += sum(map(len, hits))
                    if text_kind is not None:
                        holder[key] = _DATA_URL.sub(WITHHELD, value)
            elif isinstance(value, dict) and _is_image(value):
                found.count += 1
                found.characters += _text_length(value)
                if text_kind is not None:
                    holder[key] = _text_part(value, text_kind)
            elif isinstance(value, (dict, list)):
                stack.append(value)


def _is_image(part: Json) -> bool:
    kind = part.get("type")
    return (isinstance(kind, str) and kind in KINDS) or "image_url" in part


def _text_part(part: Json, text_kind: str) -> Json:
    text: Json = {"type": text_kind, "text": WITHHELD}
    if "cache_control" in part:
        text["cache_control"] = part["cache_control"]
    return text


def _text_length(part: Json) -> int:
    total = 0
    stack: list[Any] = [part]
    while stack:
        values = stack.pop()
        for value in values.values() if isinstance(values, dict) else values:
            if isinstance(value, str):
                total += len(value)
            elif isinstance(value, (dict, list)):
                stack.append(value)
    return total
