"""The script of a scripted model: a TOML file with one part per session, and turns in each part.

```toml
[[part]]                 # the first part that fits plays; a part without conditions fits always
agent = "agent-1"        # only for this researcher (optional)
session = 0              # only for its session of this number (optional)
name = "a1b2"            # only for sessions served below this path (optional)

[[part.turn]]            # one answer of the model
say = "First a look around."
shell = "ls"

[[part.turn]]
error = 429

[[part.turn]]
call = "submit$"         # a tool whose name matches
args = { hypothesis = "Slower is steadier." }

[[part.turn]]
say = "Done."
```

After its last turn a part says that the script is over, so a conversation always ends.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from enpire.core.errors import BadInput
from enpire.core.records import Json
from enpire.core.usage import Usage


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer. At most one of `shell`, `write`, `call` and `spawn`: the tool call it makes.

    Attributes:
        say: Text of the answer.
        shell: Command line for the agent's shell tool.
        write: File of the workspace to write, with `text` as its content, through the edit tool or the shell.
        call: Pattern; the first tool whose name has a match is called with `args`.
        spawn: Words for a sub-agent. A sub-agent only says that it is done.
        error: HTTP status to fail with instead of answering, with `message`; one request gets it.
        drop: Break the connection in the middle of the answer; the next request gets this turn whole.
        hang_s: Seconds before the answer begins.
        usage: Tokens to report; without it, they follow from the size of the request.
        times: Answers that this turn gives; 0 is without end.
    """

    say: str = ""
    shell: str = ""
    write: str = ""
    text: str = ""
    call: str = ""
    args: Json = {}
    spawn: str = ""
    error: int = 0
    message: str = "scripted failure"
    drop: bool = False
    hang_s: float = 0.0
    usage: Usage | None = None
    times: int = 1

    def __post_init__(self) -> None:
        if sum(map(bool, (self.shell, self.write, self.call, self.spawn))) > 1:
            raise ValueError("a turn makes one tool call: one of shell, write, call, spawn")


LAST = Turn(say="The script is over.")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model does in the sessions that `agent`, `session` and `name` fit."""

    turn: tuple[Turn, ...] = ()
    agent: str | None = None
    session: int | None = None
    name: str | None = None

    def at(self, number: int) -> Turn:
        """The turn that gives answer `number`, counted from 0."""
        for turn in self.turn:
            if turn.times == 0 or number < turn.times:
                return turn
            number -= turn.times
        return LAST


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    part: tuple[Part, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Role:
    """Who is asking, as far as is known: the path, and what the session's `brief.json` says."""

    name: str
    agent: str = ""
    session: int = -1


def read_script(path: Path) -> tuple[Part, ...]:
    """Parts of a script file.

    Raises:
        BadInput: No such file, or not a script.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), _File).part
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"{path} is not a script for a model: {error}") from None


def part_for(parts: tuple[Part, ...], role: Role) -> Part:
    """The first part that fits; an empty one if none does."""

    def fits(part: Part) -> bool:
        wanted = ((part.agent, role.agent), (part.session, role.session), (part.name, role.name))
        return all(condition in (None, value) for condition, value in wanted)

    return next((part for part in parts if fits(part)), Part())
