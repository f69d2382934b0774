"""`enpire task freeze|check|diff`: what judges a task, as a list of hashes."""

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enpire.cli import app
from enpire.cli.run import Declaration, Options, TaskName, install, parse_options

if TYPE_CHECKING:
    from enpire.environment.freeze import Manifest

task_app = typer.Typer(help="What judges a task: freeze it, check it, compare it.", no_args_is_help=True)
app.add_typer(task_app, name="task")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@task_app.command()
def freeze(
    task: TaskName,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the manifest to this file.")] = None,
    option: Options = None,
    declare: Declaration = None,
    json: AsJson = False,
) -> None:
    """List everything that judges TASK on this machine: files, versions, options, and the root of them all."""
    from enpire.core.records import to_builtins
    from enpire.environment.freeze import write

    found = _now(task, option, declare, quiet=json)
    if out is not None:
        write(out, found)
    if json:
        print(json_module.dumps(to_builtins(found), indent=2))
        return
    if out is None:
        for name, value in sorted(found.judge.items()):
            print(f"{value[:64]}  {name}")
    print(f"root {found.root} over {len(found.judge)} lines" + (f", written to {out}" if out else ""))


@task_app.command()
def check(
    task: TaskName,
    manifest: Annotated[Path, typer.Option(metavar="FILE", help="Manifest file, or a campaign folder.")],
    option: Options = None,
    declare: Declaration = None,
    json: AsJson = False,
) -> None:
    """Compare what judges TASK now with a manifest; exit code 1 if anything differs."""
    from enpire.environment.freeze import read

    stored = read(manifest)
    _compare(stored, _now(task, option, declare, quiet=json), json=json)


@task_app.command()
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="Manifest file, or a campaign folder.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Manifest file, or a campaign folder.")],
    json: AsJson = False,
) -> None:
    """What changed from manifest A to manifest B; exit code 1 if anything did."""
    from enpire.environment.freeze import read

    _compare(read(a), read(b), json=json)


def _now(task: str, option: list[str] | None, declare: Path | None, *, quiet: bool) -> "Manifest":
    from enpire.tasks import freeze_task

    install(task, declare, quiet=quiet)
    return freeze_task(task, options=parse_options(option), declaration=declare)


def _compare(old: "Manifest", new: "Manifest", *, json: bool) -> None:
    from enpire.environment.freeze import differences

    changed = differences(old.judge, new.judge)
    if old.task != new.task:
        changed = [f"changed  task: {old.task} -> {new.task}", *changed]
    if json:
        print(json_module.dumps({"same": not changed, "old": old.root, "new": new.root, "changed": changed}, indent=2))
    else:
        for line in changed:
            print(line)
        print(f"{len(changed)} differences: scores are not comparable" if changed else f"same judge: root {new.root}")
    if changed:
        sys.exit(1)
