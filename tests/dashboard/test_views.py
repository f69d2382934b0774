import io
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from enpire.dashboard import text
from enpire.dashboard.live import CPU_SHARE, LiveView, snapshot, view
from enpire.dashboard.panels import screen
from enpire.dashboard.plain import JsonView, NullView, PlainView
from enpire.ledger.state import State, fold
from tests.dashboard.scenario import Campaign, prefix

CAMPAIGN = Campaign().run()


def console(width: int = 100, **more: object) -> Console:
    return Console(file=io.StringIO(), width=width, **more)  # type: ignore[arg-type]


def printed(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 109, 110, 140, 200])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.55, 1.0])
def test_the_screen_fits_its_width(width, share):
    whole = fold(CAMPAIGN)
    out = console(width, legacy_windows=False)
    out.print(screen(prefix(CAMPAIGN, share * whole.elapsed_s), width))
    lines = printed(out).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    for title in ("champion", "races", "claims", "stations", "ideas"):
        assert any(title in line for line in lines)


def test_an_empty_state_can_be_drawn():
    out = console()
    out.print(screen(State(), 80))
    assert "waiting" in printed(out)


def test_a_snapshot_takes_the_width_of_its_console():
    out = console(80)
    out.print(snapshot(fold(CAMPAIGN)))
    assert "champion" in printed(out) and max(len(line) for line in printed(out).splitlines()) <= 80


def test_the_live_view_shows_the_end_and_costs_little():
    out = console(120, force_terminal=True)
    state = State()
    begun = time.thread_time()
    with LiveView(out) as live:
        for event in CAMPAIGN:
            state.apply(event)
            live.observe(state, event)
        busy_s = time.thread_time() - begun
    assert "claim-2 certified" in "".join(printed(out).split("\x1b[1m")).replace("\x1b[0m", "").replace(
        "\x1b[1;32m", ""
    )
    assert busy_s < 5.0


def test_drawing_is_paced_by_what_it_costs():
    out = console(120, force_terminal=True)
    state = fold(CAMPAIGN)
    with LiveView(out) as live:
        live.observe(state, CAMPAIGN[-1])
        begun, cpu = time.monotonic(), time.thread_time()
        while time.monotonic() - begun < 1.2:
            live.observe(state, CAMPAIGN[-1])
            time.sleep(0.02)
        share = (time.thread_time() - cpu) / (time.monotonic() - begun)
    assert share < 10 * CPU_SHARE  # the loop of this test is in it, too


def test_plain_view_prints_the_notable():
    out = console(160)
    state = State()
    with PlainView(out) as plain:
        for event in CAMPAIGN:
            state.apply(event)
            plain.observe(state, event)
    lines = printed(out).splitlines()
    for part in (
        "is champion",
        "claim-1 abandoned",
        "claim-2 certified",
        "dropped",
        "station-8 down",
        "stopped: target",
    ):
        assert any(part in line for line in lines), part
    assert len(lines) < len(CAMPAIGN) / 4
    progress = [line for line in lines if "episodes," in line]
    assert len(progress) >= state.elapsed_s / 30 * 0.5


def test_json_view_prints_every_event_as_one_line():
    out = io.BytesIO()
    with JsonView(out) as lines:
        for event in CAMPAIGN[:500]:
            lines.observe(State(), event)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, 501))
    assert rows[0]["body"]["event"] == "CampaignOpened"


def test_the_factory_picks_by_mode_and_terminal():
    assert isinstance(view("auto", console()), PlainView)
    assert isinstance(view("auto", console(force_terminal=True)), LiveView)
    assert isinstance(view("live", console()), LiveView)
    assert isinstance(view("json", console()), JsonView)
    assert isinstance(view("plain", console(force_terminal=True)), PlainView)
    with view("none", console()) as nothing:
        assert isinstance(nothing, NullView)


def test_hostile_text_cannot_drive_the_terminal():
    events = Campaign(minutes=20.0, hypothesis="\x1b[2J\x1b]0;gone\x07 [red]markup[/red] \u202eback").run()
    out = console(140)
    with PlainView(out) as plain:
        state = State()
        for event in events:
            state.apply(event)
            plain.observe(state, event)
    out.print(screen(state, 140))
    shown = printed(out)
    assert "\x1b" not in shown and "\u202e" not in shown and "\x07" not in shown
    assert "[red]markup[/red]" in shown


@given(st.text(), st.integers(1, 40))
def test_one_line_is_one_line(raw, width):
    line = text.one_line(raw, width)
    assert len(line) <= width and "\n" not in line and line.isprintable()


@given(st.floats(0, 1))
def test_a_printed_bound_never_grows(bound):
    assert float(text.rounded_bound(bound)) <= bound


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "5 s"), (65, "1 min 05 s"), (3599.9, "1 h 00 min"), (7260, "2 h 01 min")]
)
def test_durations_read_well(seconds, words):
    assert text.duration(seconds) == words
