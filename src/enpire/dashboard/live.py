"""The live terminal view, and the choice between it and the plain ones.

All numbers and times come from the state. The clock of this machine only limits how often the screen is drawn.
"""

import time
from types import TracebackType
from typing import Literal, Protocol

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live

from enpire.dashboard.panels import screen
from enpire.dashboard.plain import JsonView, NullView, PlainView
from enpire.ledger.events import Event
from enpire.ledger.state import State

ViewMode = Literal["auto", "live", "plain", "json", "none"]

SHORTEST_S = 0.25
"""Shortest time between two drawings."""
LONGEST_S = 10.0
"""Longest time between two drawings while events arrive."""
CPU_SHARE = 0.004
"""Share of one processor that drawing may use."""


class View(Protocol):
    """Something that watches a campaign."""

    def __enter__(self) -> "View":
        """Take the terminal, if it needs one."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        ...

    def observe(self, state: State, event: Event) -> None:
        """Called after every event; `state` already includes it. Must be cheap."""
        ...


class LiveView:
    """A screen that is drawn again at most four times a second.

    Drawing measures its own processor time and waits long enough to stay under `CPU_SHARE`, so a large campaign is
    drawn less often rather than at the cost of the robots.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False, vertical_overflow="crop")
        self._state: State | None = None
        self._due_s = 0.0

    def __enter__(self) -> "LiveView":
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._state is not None:
            self._draw(self._state)
        self._live.__exit__(kind, error, trace)

    def observe(self, state: State, event: Event) -> None:
        """Draw, if it is time."""
        self._state = state
        if time.monotonic() >= self._due_s:
            cost_s = self._draw(state)
            self._due_s = time.monotonic() + min(max(SHORTEST_S, cost_s / CPU_SHARE), LONGEST_S)

    def _draw(self, state: State) -> float:
        """Draw now; returns the processor time it took, in seconds."""
        begun = time.thread_time()
        self._live.update(screen(state, self._console.width), refresh=True)
        return time.thread_time() - begun


def snapshot(state: State) -> RenderableType:
    """The live view of this moment, to print once; it takes the width of the console it is printed on."""
    return Snapshot(state)


class Snapshot:
    """A state that rich can print."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield screen(self._state, options.max_width)


def view(mode: ViewMode, console: Console) -> View:
    """The view for a mode. `auto` is live on a terminal and plain elsewhere."""
    if mode == "json":
        return JsonView()
    if mode == "none":
        return NullView()
    if mode == "live" or (mode == "auto" and console.is_terminal):
        return LiveView(console)
    return PlainView(console)
