"""Views without a screen: lines for people, JSON lines for programs, and nothing at all."""

import sys
from types import TracebackType
from typing import IO

import msgspec
from rich.console import Console

from enpire.dashboard.text import count, duration, interval, one_line, percent, rounded_bound
from enpire.ledger import events as e
from enpire.ledger.state import State
from enpire.metrics.studies import tally
from enpire.statistics import intervals

PROGRESS_EVERY_S = 30.0
"""Research time between two progress lines."""


class _Quiet:
    """A context manager that owns nothing."""

    def __enter__(self) -> "_Quiet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def observe(self, state: State, event: e.Event) -> None:
        """Take note of an event that `state` already includes."""


class NullView(_Quiet):
    """Shows nothing."""


class JsonView(_Quiet):
    """Every event as one line of JSON: `{"seq":…,"elapsed_s":…,"wall":…,"body":{"event":…}}`."""

    def __init__(self, out: IO[bytes] | None = None) -> None:
        self._out = out if out is not None else sys.stdout.buffer

    def observe(self, state: State, event: e.Event) -> None:
        """Print the event."""
        self._out.write(msgspec.json.encode(event) + b"\n")
        self._out.flush()


class PlainView(_Quiet):
    """One line per notable event, and a progress line every 30 s of research time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = PROGRESS_EVERY_S

    def observe(self, state: State, event: e.Event) -> None:
        """Print what is worth a line."""
        line = notable(state, event.body)
        if line:
            self._print(event.elapsed_s, line)
        if event.elapsed_s >= self._next_s:
            self._next_s = (event.elapsed_s // PROGRESS_EVERY_S + 1) * PROGRESS_EVERY_S
            self._print(event.elapsed_s, progress(state))

    def _print(self, elapsed_s: float, line: str) -> None:
        text = f"{duration(elapsed_s):>12}  {line}"
        self._console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def notable(state: State, body: e.EventBody) -> str:
    """The line for an event; empty for events that are not worth one."""
    match body:
        case e.CampaignOpened():
            return f"campaign opened: {one_line(body.config.task, 60)}, target {body.config.target:g}"
        case e.StationUp():
            return f"{one_line(body.station, 20)} up, isolation {one_line(body.confinement, 20)}"
        case e.StationDown():
            return f"{one_line(body.station, 20)} down: {one_line(body.reason, 80)}"
        case e.IdeaSubmitted():
            idea = body.idea
            return f"idea {idea.id} by {one_line(idea.agent, 16)}: {one_line(idea.hypothesis, 90)}"
        case e.IdeaRefused():
            return f"refused, {one_line(body.agent, 16)}: {one_line(body.reason, 90)}"
        case e.IdeaDecided():
            episodes, successes, _ = body.evidence.get(body.best, (0, 0, 0.0))
            counts = count(successes, episodes)
            return f"idea {body.idea} {body.verdict}: {counts}, P(better) {body.probability:.2f}"
        case e.ChampionCrowned():
            return f"idea {body.idea} is champion"
        case e.StudyOpened() | e.StudyClosed():
            return _study(state, body)
        case e.SupervisorStopped():
            return f"stopped: {one_line(body.reason, 80)}"
    return ""


def progress(state: State) -> str:
    """Where the campaign stands, on one line."""
    done, ideas = state.counts(), state.idea_counts()
    successes, n = tally(state.fresh(state.champion.commit))
    rate = f" = {percent(successes / n)} [{interval(intervals.wilson(successes, n))}]" if n else ""
    return (
        f"{done['started']} episodes, {ideas['tried']} ideas ({ideas['kept']} kept), champion {state.champion.idea} "
        f"fresh {count(successes, n)}{rate}"
    )


def _study(state: State, body: e.StudyOpened | e.StudyClosed) -> str:
    opened = state.studies[body.study].opened
    if opened.kind == "race":
        return ""
    if isinstance(body, e.StudyOpened):
        what = f"success ≥ {opened.p0:g}" if opened.kind == "claim" else "better than the incumbent"
        if opened.card_alpha:
            what += f" (the judge must report {opened.judged_p0:.4f})"
        return f"{body.study} opened: idea {opened.idea}, {what}, α {opened.alpha:.3g}"
    word = {"claim": ("certified", "abandoned"), "confirm": ("confirmed", "not confirmed")}[opened.kind]
    bound = f", judged lower bound {rounded_bound(body.lower_bound)}" if opened.kind == "claim" else ""
    return f"{body.study} {word[0] if body.accepted else word[1]}{bound}: {one_line(body.reason, 80)}"
