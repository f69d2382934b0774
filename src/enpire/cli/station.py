"""`enpire station`: look at a simulated station in a web browser; list the tasks that have one."""

import json as json_module
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from enpire.cli import app
from enpire.cli.run import Isolation, Options, parse_options

station_app = typer.Typer(help="Simulated stations: look at one in a web browser, list them.", no_args_is_help=True)
app.add_typer(station_app, name="station")


@station_app.command()
def view(
    task: Annotated[str, typer.Argument(help="A station task, e.g. pin_insertion; see `enpire station list`.")],
    policy: Annotated[
        Path | None, typer.Option(help="policy.py, or its folder. Without it the arms hold still.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="First start state.")] = 0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any free one.")] = 0,
    option: Options = None,
    isolation: Annotated[Isolation, typer.Option(help="Isolation level demanded of the policy.")] = "auto",
) -> None:
    """Show TASK's station in 3D on a page of this machine, until Ctrl-C. It shows the truth, for people only."""
    from enpire.cli.trial import copy_policy
    from enpire.dashboard.station_view.board import Board
    from enpire.dashboard.station_view.opening import open_station
    from enpire.dashboard.station_view.players import Mover, Played, Still
    from enpire.dashboard.station_view.server import PageServer
    from enpire.dashboard.station_view.show import Show
    from enpire.rollout.worker.pool import WorkerPool
    from enpire.simulation.rendering import gl_missing

    board = Board()
    with ExitStack() as opened:
        server = PageServer(board, port)
        station = open_station(task, parse_options(option))
        opened.callback(station.close)
        if missing := gl_missing():
            print(f"no pictures: {missing}\nnote: {station.spec.note}", file=sys.stderr)
        mover: Mover = Still(station)
        if policy is not None:
            scratch = opened.enter_context(tempfile.TemporaryDirectory(prefix="enpire-view-"))
            candidate = copy_policy(policy, Path(scratch) / "candidates" / "policy")
            pool = opened.enter_context(WorkerPool(candidate.parent, level=isolation))
            mover = Played(pool, candidate, station.spec, station)
        opened.enter_context(server)
        print(f"{server.address}\nOpen this page in a browser of this machine. Ctrl-C ends it.", flush=True)
        # An exception would be lost if it came in the middle of a callback from C; the show looks at this instead.
        signal.signal(signal.SIGINT, lambda *_: board.closed.set())
        Show(station, mover, board, seed).run()
        print("ended")


@station_app.command(name="list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the tasks that are played on a simulated station."""
    from enpire.dashboard.station_view.opening import station_tasks

    found = station_tasks()
    if json:
        print(json_module.dumps([{"name": name, "about": about} for name, about in found.items()], indent=2))
        return
    for name, about in found.items():
        print(f"{name:<{max(map(len, found))}}  {about}")
