"""`enpire run` and `enpire resume`: a campaign from start to report."""

import datetime
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from enpire.cli import app
from enpire.core.config import CampaignConfig
from enpire.core.errors import BadInput, Damaged, EnpireError
from enpire.ledger.folder import Folder

TaskName = Annotated[str, typer.Argument(help="Task name, e.g. gym:gym_pusht/PushT-v0; see `enpire tasks`.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="NAME=VALUE", help="Task option, e.g. observation_noise_px=3. Repeatable."),
]
Declaration = Annotated[
    Path | None, typer.Option("--declare", metavar="FILE", help="Declaration of a Gymnasium environment (TOML).")
]
Json = Annotated[bool, typer.Option("--json", help="Print every event as one JSON line.")]
Isolation = Literal["auto", "namespaces", "lsm", "none"]
Video = Literal["none", "sample", "all"]


def parse_options(pairs: list[str] | None) -> dict[str, float]:
    """`NAME=VALUE` pairs as a dict.

    Raises:
        BadInput: A pair is malformed or its value is not a number.
    """
    found: dict[str, float] = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise BadInput(f"--option {pair!r} is not NAME=NUMBER, e.g. --option observation_noise_px=3")
    return found


def install(task: str, declaration: Path | None, *, quiet: bool) -> None:
    """Create the task's environment on first use, with a progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from enpire.tasks import prepare

    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description:.60}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(f"environment of {task}", total=1.0)
        prepare(
            task,
            declaration=declaration,
            progress=lambda text, fraction: progress.update(bar, description=text, completed=fraction),
        )


@app.command()
def run(
    task: TaskName,
    agent: Annotated[str, typer.Option(help="Researcher: builtin needs no model.")] = "builtin",
    agents: Annotated[int, typer.Option(min=1, max=64, help="Researchers in parallel, each on its own branch.")] = 4,
    stations: Annotated[int | None, typer.Option(min=1, max=64, help="Local stations. [default: CPU count]")] = None,
    target: Annotated[float, typer.Option(min=0.01, max=0.9999, help="Success rate to certify.")] = 0.95,
    alpha: Annotated[float, typer.Option(min=1e-6, max=0.5, help="Probability of a false claim.")] = 0.05,
    budget_episodes: Annotated[int | None, typer.Option(min=1, help="Stop after this many episodes.")] = None,
    budget_minutes: Annotated[float, typer.Option(min=0.1, help="Stop after this much wall time.")] = 60.0,
    budget_ideas: Annotated[int | None, typer.Option(min=1, help="Stop after this many ideas.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(min=1, help="Stop after this many model tokens.")] = None,
    seed: Annotated[int | None, typer.Option(help="Repeatable start states and researcher; else secret.")] = None,
    option: Options = None,
    declare: Declaration = None,
    video: Annotated[Video, typer.Option(help="Which episodes get a video.")] = "sample",
    isolation: Annotated[Isolation, typer.Option(help="Isolation level demanded of policies.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Campaign folder. [default: runs/TASK-TIME]")] = None,
    json: Json = False,
) -> None:
    """Improve a policy on TASK until its success rate is certified or a budget is used up."""
    from enpire.campaign import create
    from enpire.tasks import open_task

    config = CampaignConfig(
        task=task,
        options=parse_options(option),
        declaration=str(declare.absolute()) if declare else None,
        agent=agent,
        agents=agents,
        stations=stations or len(os.sched_getaffinity(0)),
        target=target,
        alpha=alpha,
        budget_episodes=budget_episodes,
        budget_minutes=budget_minutes,
        budget_ideas=budget_ideas,
        budget_tokens=budget_tokens,
        seed=seed,
        video=video,
        isolation=isolation,
    )
    folder = Folder(out or default_folder(task))
    if folder.ledger.exists():
        raise BadInput(f"{folder.root} already holds a campaign; continue it with `enpire resume {folder.root}`")
    install(task, declare, quiet=json)
    probe = open_task(task, options=config.options, declaration=declare)
    spec = probe.spec
    probe.close()
    create(folder, config, spec)
    supervise(folder, json=json)


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Campaign folder.")],
    target: Annotated[float | None, typer.Option(min=0.01, max=0.9999, help="New success rate to certify.")] = None,
    budget_episodes: Annotated[int | None, typer.Option(min=1, help="New budget, in all.")] = None,
    budget_minutes: Annotated[float | None, typer.Option(min=0.1, help="New budget, in all.")] = None,
    budget_ideas: Annotated[int | None, typer.Option(min=1, help="New budget, in all.")] = None,
    json: Json = False,
) -> None:
    """Continue a campaign after a stop, a crash or a kill. Nothing is lost or counted twice."""
    from enpire.cli.inspect import read_state

    config = read_state(folder).config
    assert config is not None
    install(config.task, Path(config.declaration) if config.declaration else None, quiet=json)
    changes = {
        "target": target,
        "budget_episodes": budget_episodes,
        "budget_minutes": budget_minutes,
        "budget_ideas": budget_ideas,
    }
    supervise(Folder(folder), json=json, changes=changes)


def default_folder(task: str) -> Path:
    """`runs/<task>-<time>` in the current folder."""
    name = "".join(c if c.isalnum() else "-" for c in task.rsplit("/", 1)[-1].removeprefix("gym:"))
    return Path("runs") / f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"


def supervise(folder: Folder, *, json: bool, changes: Mapping[str, float | None] | None = None) -> None:
    """Run an existing campaign with a live view, then write certificates and the report."""
    from rich.console import Console

    from enpire import loop
    from enpire.campaign import Campaign
    from enpire.cli.inspect import make_report
    from enpire.dashboard.live import view

    console = Console()
    mode: Literal["live", "plain", "json"] = "json" if json else "live" if console.is_terminal else "plain"
    interrupted = _on_interrupt()
    with view(mode, console) as screen, Campaign(folder, screen.observe, changes=changes) as campaign:
        try:
            reason = loop.run(campaign, interrupted)
        except (EnpireError, OSError) as error:
            if isinstance(error, Damaged) or "enpire resume" in str(error):
                raise
            raise EnpireError(
                f"{error}. Nothing recorded is lost: fix this, then `enpire resume {folder.root}`"
            ) from None
    report = make_report(folder)
    if not json:
        console.print(f"[bold]{reason}[/bold]" if console.is_terminal else reason)
        console.print(f"report:  {report}", soft_wrap=True)
        final = campaign.state.stopped is not None and campaign.state.stopped.final
        follow_up = f"enpire verify-claim {folder.root}" if final else f"enpire resume {folder.root}"
        console.print(f"next:    {follow_up}", soft_wrap=True)
    if campaign.dead:
        raise EnpireError(f"{reason}. Nothing was lost: `enpire resume {folder.root}`")


def _on_interrupt() -> Callable[[], bool]:
    """The first Ctrl-C (or SIGTERM) asks for a clean stop; the second one ends the process at once."""
    asked: list[int] = []

    def handle(number: int, frame: object) -> None:
        if asked:
            os._exit(130)
        asked.append(number)
        print("enpire: stopping after the running episodes; again to stop at once", file=sys.stderr)

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return lambda: bool(asked)
