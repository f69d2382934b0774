"""`enpire trial` and `enpire tasks`: try a policy by hand, see what there is."""

import json as json_module
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from enpire.cli import app
from enpire.cli.run import Declaration, Isolation, Options, TaskName, install, parse_options
from enpire.core.errors import BadInput


@app.command()
def trial(
    task: TaskName,
    policy: Annotated[Path, typer.Option(help="policy.py, or a folder with policy.py and what it imports.")],
    episodes: Annotated[int, typer.Option(min=1, help="How many fresh episodes.")] = 10,
    seed: Annotated[int | None, typer.Option(help="Start states to repeat; else fresh ones.")] = None,
    option: Options = None,
    declare: Declaration = None,
    isolation: Annotated[Isolation, typer.Option(help="Isolation level demanded of the policy.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines: one per episode, then the summary.")] = False,
) -> None:
    """Run a policy on fresh episodes of TASK, in its sandbox, and report its success rate with an interval."""
    from enpire.core import seeds
    from enpire.core.clock import SystemClock
    from enpire.rollout.trial import run_trial
    from enpire.rollout.worker.pool import WorkerPool
    from enpire.statistics.intervals import wilson
    from enpire.tasks import open_task

    install(task, declare, quiet=json)
    key = secrets.token_bytes(32) if seed is None else f"enpire trial {seed}".encode()
    successes = counted = 0
    with tempfile.TemporaryDirectory(prefix="enpire-trial-") as scratch:
        candidate = copy_policy(policy, Path(scratch) / "candidates" / "policy")
        opened = open_task(task, options=parse_options(option), declaration=declare)
        if opened.spec.note:
            print(f"note: {opened.spec.note}", file=sys.stderr)
        try:
            with WorkerPool(candidate.parent, level=isolation) as pool:
                for index in range(episodes):
                    worker = pool.prepare(candidate, opened.spec)
                    try:
                        outcome, trace = run_trial(opened, worker, seeds.seed(key, "search", index), SystemClock())
                    finally:
                        report = worker.finish()
                    successes += outcome.result == "success"
                    counted += outcome.result != "invalid"
                    row: dict[str, object] = {
                        "episode": index + 1,
                        "result": outcome.result,
                        "reason": outcome.reason,
                        "progress": round(outcome.verdict.progress, 4),
                        "steps": trace.steps,
                        "missed": trace.missed,
                        "policy_cpu_s": round(report.cpu_s, 3),
                    }
                    _print_row(row, report.log_tail if outcome.result != "success" else outcome.detail, json=json)
                level = pool.level
        finally:
            opened.close()
    low, high = wilson(successes, counted)
    if json:
        print(json_module.dumps({"success": successes, "episodes": counted, "wilson": [low, high], "isolation": level}))
    else:
        rate = f"{successes}/{counted} = {successes / max(counted, 1):.1%}"
        print(f"{rate}  95 % interval [{low:.1%}, {high:.1%}]  isolation {level}")


def copy_policy(source: Path, target: Path) -> Path:
    """Copy a policy file or folder to `target`, so that its sandbox sees nothing else; returns the folder.

    Raises:
        BadInput: There is no `policy.py`.
    """
    target.parent.mkdir(parents=True)
    if source.is_dir() and (source / "policy.py").is_file():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".git"))
    elif source.is_file():
        target.mkdir()
        shutil.copy(source, target / "policy.py")
    else:
        raise BadInput(f"--policy {source} is neither a Python file nor a folder that holds policy.py")
    return target


def _print_row(row: dict[str, object], log: str, *, json: bool) -> None:
    if json:
        print(json_module.dumps({**row, "log": log}), flush=True)
        return
    ending = f"{row['result']}" + (f" ({row['reason']})" if row["reason"] else "")
    print(f"{row['episode']:>4}  {ending:<22} progress {row['progress']:.2f}  {row['steps']:>4} steps", flush=True)
    if log and row["reason"] not in ("", "timeout"):
        print("      " + log.strip().replace("\n", "\n      "), file=sys.stderr)


@app.command()
def tasks(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the tasks that `run` and `trial` know. Any other Gymnasium environment needs three lines."""
    from dataclasses import asdict

    from enpire.tasks import known_tasks

    found = known_tasks()
    if json:
        print(json_module.dumps([asdict(task) for task in found], indent=2))
        return
    width = max(len(task.name) for task in found)
    for task in found:
        print(f"{task.name:<{width}}  {task.instruction}  [{task.source}]")
    print("\nAny other Gymnasium environment: write a declaration of three lines, see docs/tasks.md.")
