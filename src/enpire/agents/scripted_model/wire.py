"""What a model is asked and what it answers, whatever the dialect."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from enpire.core.records import Json
from enpire.core.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool as one request offers it.

    Attributes:
        name: As the model must call it.
        namespace: Group it is offered in, where the dialect has groups.
        schema: JSON schema of its arguments; empty for a tool that takes plain text.
        form: `function` takes JSON arguments, `text` takes plain text.
    """

    name: str
    namespace: str = ""
    schema: Json = field(default_factory=dict)
    form: Literal["function", "text"] = "function"

    @property
    def full_name(self) -> str:
        """Name with its group."""
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


@dataclass(frozen=True, kw_only=True)
class Request:
    """One model call as it arrived.

    Attributes:
        model: Model it names.
        stream: Whether the answer must be a stream of server-sent events.
        tools: What may be called.
        text: Everything that is sent, in order, as text without the images; its size gives the token count.
        said: The words of the user side only.
        images: Image parts in it.
    """

    model: str
    stream: bool
    tools: tuple[Tool, ...]
    text: str
    said: str
    images: int


@dataclass(frozen=True, kw_only=True)
class Call:
    """The model calls a tool; `arguments` is text for a tool that takes text."""

    id: str
    tool: Tool
    arguments: Json | str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of the model.

    Attributes:
        id: Unique among the answers of a server.
        broken: Whether it is broken off in the middle; usage numbers at its end are then never sent.
    """

    id: str
    model: str
    text: str = ""
    call: Call | None = None
    usage: Usage
    broken: bool = False


class Dialect(Protocol):
    """The module of one dialect."""

    PATH: str

    def read(self, body: Json) -> Request:
        """The request in a body. Unknown parts are passed over."""
        ...

    def whole(self, answer: Answer) -> Json:
        """Answer as one JSON document."""
        ...

    def stream(self, answer: Answer) -> Iterator[bytes]:
        """Answer as server-sent events; stops in the middle if the answer is cut."""
        ...

    def told(self, answer: Answer) -> Usage:
        """Usage numbers that the answer really carries over this wire."""
        ...

    def failure(self, status: int, text: str) -> Json:
        """Body of an error."""
        ...


def event(data: str, name: str = "") -> bytes:
    """One server-sent event."""
    return (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()


def plain_text(value: object) -> str:
    """JSON of a part of a request, without the bytes of its images."""
    return json.dumps(_stripped(value), default=str)


def _stripped(value: object) -> object:
    if isinstance(value, dict):
        return {k: "image" if k in ("image_url", "source") else _stripped(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_stripped(v) for v in value]
    return value
