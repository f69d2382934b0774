"""`enpire run` and `enpire resume`: a campaign from start to report."""

import datetime
import os
import signal
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from enpire.agents.gateway.messages import Price
from enpire.cli import app
from enpire.core.config import CampaignConfig
from enpire.core.errors import BadInput, Damaged, EnpireError
from enpire.ledger.folder import Folder

if TYPE_CHECKING:
    from enpire.ledger.state import State

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
SessionKind = Literal["short", "long"]
Vision = Literal["native", "function", "none"]


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


def parse_models(pairs: list[str] | None) -> dict[str, str]:
    """`AGENT=MODEL` pairs as a dict.

    Raises:
        BadInput: A pair is malformed.
    """
    found = {}
    for pair in pairs or []:
        agent, _, model = (part.strip() for part in pair.partition("="))
        if not agent or not model:
            raise BadInput(f"--model {pair!r} is not AGENT=MODEL, e.g. --model codex=gpt-5.5")
        found[agent] = model
    return found


def read_prices(path: Path | None) -> dict[str, dict[str, float]]:
    """Prices by model, from a TOML file with one table per model.

    Raises:
        BadInput: It cannot be read, or a price is missing, unknown or not a number.
    """
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text())
        found = msgspec.convert(tables, dict[str, Price])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadInput(
            f"--prices {path}: {error}; write a table per model, in US dollars per million tokens, e.g. "
            '["gpt-5.5"] input = 1.25, output = 10, cached = 0.125'
        ) from None
    return {
        name: {k: v for k, v in msgspec.to_builtins(price).items() if v is not None} for name, price in found.items()
    }


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
    agent: Annotated[
        str,
        typer.Option(help="Researchers: builtin (needs no model), codex, claude, kimi, or a mix: codex:2,claude:2."),
    ] = "builtin",
    agents: Annotated[int, typer.Option(min=1, max=64, help="Researchers in parallel, each on its own branch.")] = 4,
    stations: Annotated[int | None, typer.Option(min=1, max=64, help="Local stations. [default: CPU count]")] = None,
    target: Annotated[float, typer.Option(min=0.01, max=0.9999, help="Success rate to certify.")] = 0.95,
    alpha: Annotated[float, typer.Option(min=1e-6, max=0.5, help="Probability of a false claim.")] = 0.05,
    budget_episodes: Annotated[int | None, typer.Option(min=1, help="Stop after this many episodes.")] = None,
    budget_minutes: Annotated[float, typer.Option(min=0.1, help="Stop after this much wall time.")] = 60.0,
    budget_ideas: Annotated[int | None, typer.Option(min=1, help="Stop after this many ideas.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(min=1, help="Stop after this many model tokens.")] = None,
    budget_usd: Annotated[
        float | None, typer.Option(min=0.01, help="Stop after this much money; needs --prices.")
    ] = None,
    session_tokens: Annotated[int | None, typer.Option(min=1, help="Model tokens of one session.")] = None,
    idea_tokens: Annotated[int | None, typer.Option(min=1, help="Model tokens of one idea.")] = None,
    session_minutes: Annotated[float, typer.Option(min=0.1, help="Thinking time of one session.")] = 30.0,
    session: Annotated[SessionKind, typer.Option(help="A session per idea, or one that goes on and on.")] = "short",
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="AGENT=MODEL", help="Model to ask for. Repeatable.")
    ] = None,
    vision: Annotated[Vision, typer.Option(help="What agents see: images, images through a tool, none.")] = "native",
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prices of models (TOML), see docs/gateway.md.")
    ] = None,
    knowledge: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What another campaign learned, from `enpire distill`.")
    ] = None,
    online: Annotated[bool, typer.Option("--online", help="Let agents search the literature on the network.")] = False,
    login: Annotated[bool, typer.Option("--login", help="Agents use your subscription instead of a key.")] = False,
    model_script: Annotated[
        str, typer.Option(metavar="SCRIPT", help="A scripted model instead of a real one: a file, or `researcher`.")
    ] = "",
    seed: Annotated[int | None, typer.Option(help="Repeatable start states and researcher; else secret.")] = None,
    option: Options = None,
    declare: Declaration = None,
    video: Annotated[Video, typer.Option(help="Which episodes get a video.")] = "sample",
    isolation: Annotated[Isolation, typer.Option(help="Walls demanded of policies and agents.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Campaign folder. [default: runs/TASK-TIME]")] = None,
    json: Json = False,
) -> None:
    """Improve a policy on TASK until its success rate is certified or a budget is used up."""
    from enpire.campaign import create
    from enpire.evolution.knowledge import read as read_knowledge
    from enpire.researchers.preflight import check_team
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
        budget_usd=budget_usd,
        session_tokens=session_tokens,
        idea_tokens=idea_tokens,
        session_minutes=session_minutes,
        session=session,
        models=parse_models(model),
        vision=vision,
        prices=read_prices(prices),
        knowledge=read_knowledge(knowledge) if knowledge else "",
        online=online,
        login=login,
        script=model_script if model_script in ("", "researcher") else str(Path(model_script).absolute()),
        seed=seed,
        video=video,
        isolation=isolation,
    )
    if budget_usd is not None and not config.prices:
        raise BadInput("--budget-usd needs --prices FILE: without prices no call costs anything")
    check_team(config)
    folder = Folder(out or default_folder(task))
    if folder.ledger.exists():
        raise BadInput(f"{folder.root} already holds a campaign; continue it with `enpire resume {folder.root}`")
    install(task, declare, quiet=json)
    probe = open_task(task, options=config.options, declaration=declare)
    spec = probe.spec
    probe.close()
    if spec.note:
        print(f"note: {spec.note}", file=sys.stderr)
    if spec.verifier is not None and spec.verifier.doubt:
        print(f"note: claims will be corrected by a card that is in doubt: {spec.verifier.doubt}", file=sys.stderr)
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
        for line in claims_lines(campaign.state):
            console.print(f"claims:  {line}", soft_wrap=True)
        final = campaign.state.stopped is not None and campaign.state.stopped.final
        follow_up = f"enpire verify-claim {folder.root}" if final else f"enpire resume {folder.root}"
        console.print(f"next:    {follow_up}", soft_wrap=True)
    if campaign.dead:
        raise EnpireError(f"{reason}. Nothing was lost: `enpire resume {folder.root}`")


def claims_lines(state: "State") -> list[str]:
    """What a user should know about the claims of a campaign: none possible, or corrected for the judge's errors."""
    from enpire.evolution.selection import not_claimable
    from enpire.metrics.studies import claims
    from enpire.statistics.verifier import percent_up

    assert state.config is not None and state.spec is not None
    found, errors = claims(state), state.spec.verifier
    if not found and (why := not_claimable(state, state.config.target)):
        return [f"none were tried: {why}"]
    lines = [
        f"{claim.study}: success >= {claim.p0:g} {claim.state}; the judge saw {claim.successes}/{claim.episodes} and "
        f"had to prove {claim.q0:.4f}, as it may call {percent_up(claim.fp_upper)} of failures successes; true rate "
        f">= {int(1000 * claim.true_lower_bound) / 1000:.3f}"
        for claim in found
        if errors is not None
    ]
    return lines + ([f"in doubt: {errors.doubt}"] if lines and errors is not None and errors.doubt else [])


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
