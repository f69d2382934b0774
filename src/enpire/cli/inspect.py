"""Commands that read a campaign: status, ideas, report, verify-claim. None of them needs the supervisor."""

import json as json_module
import sys
from pathlib import Path
from typing import Annotated

import typer

from enpire.cli import app
from enpire.core.clock import SystemClock
from enpire.core.errors import BadInput
from enpire.ledger.folder import Folder
from enpire.ledger.log import Ledger
from enpire.ledger.state import State, fold

CampaignFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Campaign folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_state(folder: Path) -> State:
    """State of the campaign in `folder`.

    Raises:
        BadInput: There is none.
        Damaged: Its ledger cannot be read.
    """
    ledger = Ledger(Folder(folder).ledger, key=None, clock=SystemClock())
    try:
        state = fold(ledger.read())
    finally:
        ledger.close()
    if state.config is None:
        raise BadInput(f"{folder} holds no campaign: its ledger is empty")
    return state


@app.command()
def status(folder: CampaignFolder, json: AsJson = False) -> None:
    """Where a campaign stands: champion, claims, ideas, episodes, stations."""
    from rich.console import Console

    from enpire.dashboard.live import snapshot
    from enpire.metrics.summary import summary

    state = read_state(folder)
    if json:
        print(json_module.dumps(summary(state), indent=2))
    else:
        Console().print(snapshot(state))


@app.command()
def ideas(folder: CampaignFolder, json: AsJson = False) -> None:
    """The idea tree: what was tried, on what it built, what became of it."""
    from enpire.evolution.hub import Hub
    from enpire.evolution.ideas import tree_json, tree_text, unverified

    state, campaign = read_state(folder), Folder(folder)
    print(json_module.dumps(tree_json(state), indent=2) if json else tree_text(state))
    if (campaign.root / "secret.key").is_file():  # whoever has only a copy cannot check receipts
        for name in unverified(state, Hub(campaign.hub), campaign.key()):
            print(f"UNVERIFIED  the note of idea {name} in the hub was not written by this campaign", file=sys.stderr)


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

    state, hub = read_state(folder.root), Hub(folder.hub)
    try:
        certificates.write_all(folder, state, hub)
    except EnpireError as error:
        print(f"enpire: no certificates: {error}", file=sys.stderr)
    diff = hub.diff(state.ideas[selection.BASELINE].best, selection.final_candidate(state))
    videos = []
    for ticket, file in state.videos.items():
        episode = state.episodes[ticket]
        title = "baseline" if episode.candidate == state.ideas[selection.BASELINE].best else "candidate"
        title = "champion" if episode.candidate == selection.final_candidate(state) else title
        ending = episode.result if episode.success else f"{episode.result} ({episode.reason})"
        caption = f"episode {ticket}: {ending}, progress {episode.progress:.2f}, {episode.steps} steps"
        videos.append(ReportVideo(title=title, caption=caption, path=folder.root / file))
    path = out or folder.report
    write_report(state, path, diff=diff, videos=videos, root=folder.root)
    return path
