"""What a policy may ask the station in the middle of a control period: a picture, or the answer of a tool."""

import json
import os
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from .protocol import ANSWER, ASK, CONTROL_FD, MOST_ASK_BYTES


class ToolError(Exception):
    """The station refused a call or a tool could not answer; the text says why and lists what is valid."""


class Station:
    """The worker's end of a question. The station listens between a doorbell and the answer to it, and never else."""

    def __init__(self) -> None:
        self.listens = False

    def ask(self, question: dict[str, Any]) -> Any:
        """Result of a question.

        Raises:
            ToolError: The station refused, or nobody listens now.
        """
        if not self.listens:
            raise ToolError("pictures and tools are there in `reset` and `select_action` only")
        data = json.dumps(question, default=_plain).encode()
        if len(data) > MOST_ASK_BYTES:
            raise ToolError(f"a question of {len(data)} bytes is too long; at most {MOST_ASK_BYTES}")
        os.write(CONTROL_FD, ANSWER.pack(ASK) + data)
        reply = json.loads(os.read(CONTROL_FD, MOST_ASK_BYTES))
        if "error" in reply:
            raise ToolError(reply["error"])
        return reply["result"]


class Tools:
    """Tools by name: `tools.call("forward_kinematics", arm="right", joints=q)`.

    Attributes:
        names: Every tool that may be called.
    """

    def __init__(self, station: Station, names: list[str]) -> None:
        self._station = station
        self.names = tuple(names)

    def call(self, name: str, **arguments: Any) -> Any:
        """Result of a tool as plain numbers, lists and dicts. Arrays become lists on the way.

        Raises:
            ToolError: There is no such tool, or it cannot answer.
        """
        return self._station.ask({"call": name, "arguments": arguments})


class Reading(dict[str, NDArray[Any]]):
    """An observation. A picture is made when it is read for the first time; it is a view that the next step changes."""

    def __init__(
        self, arrays: Iterable[tuple[str, NDArray[Any]]], pictures: dict[str, NDArray[Any]], station: Station
    ) -> None:
        super().__init__(arrays)
        self._pictures, self._station = pictures, station

    def __missing__(self, key: str) -> NDArray[Any]:
        if key not in self._pictures:
            raise KeyError(f"there is no {key!r} in the observation; there are {', '.join([*self, *self._pictures])}")
        self._station.ask({"look": key})
        self[key] = self._pictures[key]
        return self._pictures[key]

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._pictures

    def get(self, key: str, default: Any = None) -> Any:
        """As of any dict; reads a picture."""
        try:
            return self[key]
        except KeyError:
            return default


def _plain(value: Any) -> Any:
    """Arrays and NumPy numbers as lists and numbers."""
    return value.tolist()
