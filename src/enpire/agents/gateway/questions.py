"""Questions of agents to the supervisor: the research tools."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from enpire.agents.gateway.messages import Answer, Asked, Close, Report, ToolSpec
from enpire.core.records import Json

IN_FLIGHT = 4
"""Questions of one session that may be open at a time."""
PER_SECOND = 20
"""Questions that one session may ask in a second."""
PATIENCE_S = 30.0
"""Longest time a question may take."""
NO_ANSWER = f"no answer within {PATIENCE_S:.0f} s; the campaign is busy: ask again in a while"
OVER = "the session is over"
TOO_MANY = f"too many questions: at most {IN_FLIGHT} at a time and {PER_SECOND} per second; ask again in a while"


class TooMany(Exception):
    """The session asks more than it may."""


class Questions:
    """Passes questions on and waits for their answers.

    Args:
        tools: What may be asked, by name.
        post: Sends a report to the supervisor.
        patience_s: Longest time a question may take.
    """

    def __init__(
        self, tools: tuple[ToolSpec, ...], post: Callable[[Report], "Future[None]"], patience_s: float = PATIENCE_S
    ) -> None:
        self.tools = {tool.name: tool for tool in tools}
        self._post, self._patience_s = post, patience_s
        self._asked = 0
        self._open: dict[int, tuple[str, asyncio.Future[Answer]]] = {}
        self._times: dict[str, deque[float]] = {}

    async def ask(self, session: str, tool: str, arguments: Json) -> Answer:
        """Ask, and wait for the answer; one that does not come, or for a closed session, is a refusal.

        Raises:
            TooMany: Ask again later.
        """
        self._admit(session)
        self._asked += 1
        number = self._asked
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._open[number] = (session, future)
        self._post(Asked(number, session, tool, arguments))
        try:
            async with asyncio.timeout(self._patience_s):
                return await future
        except TimeoutError:
            return Answer(number, NO_ANSWER, refused=True)
        finally:
            del self._open[number]

    def _admit(self, session: str) -> None:
        times, now = self._times.setdefault(session, deque()), time.monotonic()
        while times and times[0] <= now - 1.0:
            times.popleft()
        if len(times) >= PER_SECOND or sum(name == session for name, _ in self._open.values()) >= IN_FLIGHT:
            raise TooMany(TOO_MANY)
        times.append(now)

    def answer(self, order: Answer) -> None:
        """An answer came; one that nobody waits for any more is dropped."""
        _, future = self._open.get(order.request, ("", None))
        if future is not None and not future.done():
            future.set_result(order)

    def close(self, order: Close) -> None:
        """A session ends; so do its questions."""
        self._times.pop(order.session, None)
        for number, (session, future) in self._open.items():
            if session == order.session and not future.done():
                future.set_result(Answer(number, OVER, refused=True))


def shown(answer: Answer, vision: str) -> Answer:
    """An answer as a session may see it: without images if it must not see any."""
    if vision != "none" or not answer.images:
        return answer
    note = f"[{len(answer.images)} image{'s' if len(answer.images) > 1 else ''} withheld]"
    return Answer(answer.request, f"{answer.text}\n{note}".lstrip(), refused=answer.refused)
