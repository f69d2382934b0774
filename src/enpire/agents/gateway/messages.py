"""What supervisor and gateway say to each other over an `enpire.core.line.Line`. Both ends are trusted."""

import msgspec

from enpire.core.records import Json
from enpire.core.usage import ModelCall


class ToolSpec(msgspec.Struct, frozen=True):
    """A research tool as agents see it. `schema` is a JSON schema of its arguments."""

    name: str
    description: str
    schema: Json


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars per million tokens. What is None costs as much as fresh input (cached, cache_write)."""

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None


class Limits(msgspec.Struct, frozen=True):
    """What may be spent; None is no limit. A call is refused once a limit is reached, so one call may overshoot it."""

    tokens: int | None = None
    usd: float | None = None


# ---------------------------------------------------------------------------- orders of the supervisor


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first message: what holds for the whole campaign.

    Attributes:
        tools: Research tools to offer.
        prices: By model name; the longest name that the model begins with wins.
        limits: For the campaign, with what earlier supervisors spent in `spent_tokens` and `spent_usd`.
        script: Script that plays every model instead of its provider; empty for the real ones. See `scripted_model`.
        socket: Path of a unix socket to listen on as well, for agents without a network; empty for none.
    """

    tools: tuple[ToolSpec, ...] = ()
    prices: dict[str, Price] = {}
    limits: Limits = Limits()
    spent_tokens: int = 0
    spent_usd: float = 0.0
    script: str = ""
    socket: str = ""


class Open(msgspec.Struct, frozen=True, tag=True):
    """Let a session in. Its routes are below `/<token>/`.

    Attributes:
        token: Secret part of its address, 32 hexadecimal digits.
        key: What its model calls must show as key.
        folder: Session folder, for scripted models only.
        upstream: Root of the provider, without `/v1`.
        key_variable: Variable in the gateway's environment with the provider's key; `header` says how it travels.
        per_session, per_idea: Limits; `Phase` begins the count of a new idea.
    """

    session: str
    agent: str
    token: str
    key: str
    folder: str
    dialect: str
    upstream: str
    key_variable: str
    header: str
    vision: str = "native"
    per_session: Limits = Limits()
    per_idea: Limits = Limits()


class Phase(msgspec.Struct, frozen=True, tag=True):
    """What later calls of a session are booked as. `new_idea` starts the count of an idea again."""

    session: str
    phase: str
    new_idea: bool = False


class Close(msgspec.Struct, frozen=True, tag=True):
    """End a session: its addresses are gone, its open calls are broken off and still reported."""

    session: str


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Answer to `Asked`. `images` are PNG files in base64. `refused`: the text says what was wrong."""

    request: int
    text: str
    images: tuple[str, ...] = ()
    refused: bool = False


# ---------------------------------------------------------------------------- reports of the gateway


class Listening(msgspec.Struct, frozen=True, tag=True):
    """The gateway accepts connections on 127.0.0.1."""

    port: int


class Called(msgspec.Struct, frozen=True, tag=True):
    """A model call is over. Sent before its last byte reaches the agent."""

    call: ModelCall


class Asked(msgspec.Struct, frozen=True, tag=True):
    """An agent used a research tool. Untrusted, and not yet checked against the schema."""

    request: int
    session: str
    tool: str
    arguments: Json


class Unusable(msgspec.Struct, frozen=True, tag=True):
    """The gateway cannot start."""

    reason: str


Order = Start | Open | Phase | Close | Answer
Report = Listening | Called | Asked | Unusable
