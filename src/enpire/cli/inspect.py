"""Commands that read a campaign: status, ideas, report. None needs the supervisor. And `anchor`, to accept a loss."""

import json as json_module
import sys
from pathlib import Path
from typing import Annotated

import typer

from enpire.cli import app
from enpire.core.clock import SystemClock
from enpire.core.errors import BadInput
from enpire.core.records import BASELINE
from enpire.ledger.folder import Folder
from enpire.ledger.log import Ledger
from enpire.ledger.state import State, fold

CampaignFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Campaign folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


UNCHECKED = "the ledger's chain and its end were not checked: that takes secret.key, which cannot be read here"


def read_state(folder: Path) -> State:
    """State of the campaign in `folder`. Every event is checked with the campaign's key if that can be read.

    Raises:
        BadInput: There is none.
        Damaged: Its ledger cannot be read, or does not hold.
    """
    return read_checked(folder)[0]


def read_checked(folder: Path) -> tuple[State, int | None]:
    """`read_state`, and the number of events that the key vouches for; None if it cannot be read."""
    campaign, verified = Folder(folder), None
    ledger = Ledger(campaign.ledger, key=None, clock=SystemClock())
    try:
        key = campaign.readable_key()
        state = fold(ledger.read() if key is None else ledger.verified(key))
        if key is not None:
            verified = state.events
    finally:
        ledger.close()
    if state.config is None:
        raise BadInput(f"{folder} holds no campaign: its ledger is empty")
    return state, verified


def _read(folder: Path) -> tuple[State, int | None]:
    state, verified = read_checked(folder)
    if verified is None:
        print(f"note     {UNCHECKED}", file=sys.stderr)
    return state, verified


@app.command()
def status(folder: CampaignFolder, json: AsJson = False) -> None:
    """Where a campaign stands: champion, claims, ideas, episodes, stations."""
    from rich.console import Console

    from enpire.dashboard.live import snapshot
    from enpire.metrics.summary import summary

    state, verified = _read(folder)
    if json:
        print(json_module.dumps(summary(state) | {"verified_events": verified}, indent=2))
    else:
        Console().print(snapshot(state))


@app.command()
def ideas(folder: CampaignFolder, json: AsJson = False) -> None:
    """The idea tree: what was tried, on what it built, what became of it."""
    from enpire.evolution.hub import Hub
    from enpire.evolution.ideas import tree_json, tree_text, unverified

    (state, verified), campaign = _read(folder), Folder(folder)
    print(json_module.dumps(tree_json(state), indent=2) if json else tree_text(state))
    if verified is not None:  # whoever has only a copy cannot check receipts
        for name in unverified(state, Hub(campaign.hub), campaign.key()):
            print(f"UNVERIFIED  the note of idea {name} in the hub was not written by this campaign", file=sys.stderr)


@app.command()
def anchor(folder: CampaignFolder) -> None:
    """Accept the ledger as it ends now, on record: after restoring a backup, or in a folder of an older version."""
    from enpire.ledger.folder import Lock
    from enpire.ledger.log import accept

    campaign = Folder(folder)
    key = campaign.key()
    with Lock(campaign):
        accepted = accept(campaign.ledger, key, SystemClock())
    if accepted is None:
        print("nothing to accept: the ledger reaches its anchor")
    elif accepted.anchored is None:
        print(f"anchored at event {accepted.events}; that there was no anchor is now on record")
    else:
        print(f"anchored at event {accepted.events}; that it was at event {accepted.anchored} is now on record")


@app.command()
def report(folder: CampaignFolder, out: Annotated[Path | None, typer.Option(help="HTML file.")] = None) -> None:
    """Write the static report (one self-contained HTML file) and the certificates."""
    print(make_report(Folder(folder), out))


def make_report(folder: Folder, out: Path | None = None) -> Path:
    """Certificates and HTML report of a campaign, from its ledger and episode folders."""
    from enpire import certificates
    from enpire.core.errors import EnpireError
    from enpire.dashboard.report import ReportVideo, write_report
    from enpire.evolution import selection
    from enpire.evolution.hub import Hub

    (state, _), hub = _read(folder.root), Hub(folder.hub)
    try:
        certificates.write_all(folder, state, hub)
    except EnpireError as error:
        print(f"enpire: no certificates: {error}", file=sys.stderr)
    diff = hub.diff(state.ideas[BASELINE].best, selection.final_candidate(state))
    videos = []
    for ticket, file in state.videos.items():
        episode = state.episodes[ticket]
        title = "baseline" if episode.candidate == state.ideas[BASELINE].best else "candidate"
        title = "champion" if episode.candidate == selection.final_candidate(state) else title
        ending = episode.result if episode.success else f"{episode.result} ({episode.reason})"
        caption = f"episode {ticket}: {ending}, progress {episode.progress:.2f}, {episode.steps} steps"
        videos.append(ReportVideo(title=title, caption=caption, path=folder.root / file))
    path = out or folder.report
    write_report(state, path, diff=diff, videos=videos, root=folder.root)
    return path
