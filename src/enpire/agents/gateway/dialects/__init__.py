"""What the gateway must know about a wire form: one file per dialect, named as in `enpire.agents.adapter.Dialect`."""

from importlib import import_module
from typing import Protocol, cast

from enpire.agents.gateway.dialects.images import Images
from enpire.core.records import Json
from enpire.core.usage import Usage

NAMES = ("responses", "messages", "chat")


class Dialect(Protocol):
    """The module `dialects/<name>.py`.

    Attributes:
        ROUTE: Path below `/v1/` of a model call.
        FREE: Paths below `/v1/` that are passed on but are no model calls.
        CONVERSATION: Keys of a request in which images may travel.
    """

    ROUTE: str
    FREE: tuple[str, ...]
    CONVERSATION: tuple[str, ...]

    def prepare(self, body: Json) -> bool:
        """Change a request so that its answer can be counted; whether anything was changed."""
        ...

    def output_bound(self, body: Json) -> int | None:
        """Tokens that a request allows its answer; None if it does not say."""
        ...

    def count(self, event: Json, usage: Usage) -> Usage:
        """Usage after one event of a stream, or after a whole answer."""
        ...

    def ends(self, event: Json) -> bool:
        """Whether this event is the last one of a stream that an agent waits for."""
        ...

    def images(self, body: Json) -> Images:
        """Image parts of a request."""
        ...

    def mask(self, body: Json) -> int:
        """Replace every image part of a request in place; how many."""
        ...

    def refusal(self, status: int, text: str) -> Json:
        """Error body that agents of this dialect understand."""
        ...


def dialect(name: str) -> Dialect:
    """Dialect by name, one of `NAMES`."""
    return cast(Dialect, import_module(f"{__name__}.{name}"))
