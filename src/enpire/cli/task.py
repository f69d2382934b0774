"""`enpire task freeze|check|diff|card`: what judges a task, as a list of hashes, and how often it is wrong."""

import json as json_module
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enpire.cli import app
from enpire.cli.run import Declaration, Options, TaskName, install, parse_options

if TYPE_CHECKING:
    from enpire.core.records import Json
    from enpire.environment.freeze import Manifest
    from enpire.environment.verifier_card import Rate, VerifierCard

task_app = typer.Typer(
    help="What judges a task: freeze it, check it, compare it; how often it is wrong.", no_args_is_help=True
)
app.add_typer(task_app, name="task")

Alpha = Annotated[float, typer.Option(help="Error probability of a campaign, for what a claim needs.")]
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
    if doubt := _doubt(task, parse_options(option)):
        print(f"note {doubt}")


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


@task_app.command()
def card(task: TaskName, option: Options = None, alpha: Alpha = 0.05, json: AsJson = False) -> None:
    """How often the judge of TASK was wrong, and what that costs a claim; exit code 1 if nobody measured it."""
    from enpire.environment.verifier_card import read
    from enpire.statistics import verifier
    from enpire.tasks import PREFIX, card_file, prepare

    if task.startswith(PREFIX):
        print(f"{task} needs no verifier card: it is judged by the environment's own state, not by sensors")
        return
    prepare(task)
    path = card_file(task)
    if path is None:
        print(f"{task} has no verifier card: claims are about the rate that its judge reports", file=sys.stderr)
        sys.exit(1)
    found = read(path)
    errors = found.errors(parse_options(option))
    _, card_alpha = verifier.split(alpha, errors)
    bound = verifier.fp_upper(errors, card_alpha)
    required = {f"{p0:g}": verifier.required_rate(p0, bound) for p0 in (0.5, 0.8, 0.9, 0.95, 0.99)}
    if json:
        claims = {"alpha": alpha, "card_alpha": card_alpha, "fp_upper": bound, "required": required}
        print(json_module.dumps(_as_json(found, errors.doubt) | {"claims": claims}, indent=2))
        return
    for line in card_lines(found, errors.doubt):
        print(line)
    needs = ", ".join(f"{q0:.4f} for {p0}" for p0, q0 in required.items())
    print(
        f"claims     at most {verifier.percent_up(bound)} of failures are called successes, {1 - card_alpha:.1%} sure;"
    )
    print(f"           the judge must report {needs}")


def card_lines(found: "VerifierCard", doubt: str) -> Iterator[str]:
    """A verifier card as text; `doubt` says why it may not hold, empty if it does."""
    options = ", ".join(f"{name} = {value:g}" for name, value in sorted(found.options.items()))
    yield f"{found.task}: {doubt or 'the card fits the judge as it is'}"
    yield f"measured   {found.total('positives', 'negatives')} cases, {found.stations} stations, {options}"
    yield f"           {found.command}"
    yield f"{'kind':40} {'TP':>5} {'FN':>5} {'TN':>5} {'FP':>5} {'?':>4}"
    for kind in found.kinds:
        name = f"{kind.name} ({kind.source}{', hard' if kind.hard else ''})"
        unsure = kind.unsure_positive + kind.unsure_negative
        counts = (kind.true_positive, kind.false_negative, kind.true_negative, kind.false_positive)
        yield f"{name:40} " + " ".join(f"{count:5}" for count in counts) + f" {unsure:4}"
    yield f"precision  {_shown(found.precision)}"
    yield f"recall     {_shown(found.recall)}"
    yield f"missed     {_shown(found.missed)} of the successes"
    for source, rate in found.false_positives().items():
        yield f"wrong      {_shown(rate)} of the hard failures, {source}"
    yield f"one look   {found.look_ms[0]:.0f} ms of CPU in the median, {found.look_ms[1]:.0f} ms in 95 %"


def _shown(rate: "Rate") -> str:
    share = f" = {rate.hits / rate.of:.3f} [{rate.interval.low:.3f}, {rate.interval.high:.3f}]" if rate.of else ""
    return f"{rate.hits}/{rate.of}{share}"


def _as_json(found: "VerifierCard", doubt: str) -> "Json":
    rates = {"precision": found.precision, "recall": found.recall, "missed": found.missed}
    rates |= {f"false_positives_{source}": rate for source, rate in found.false_positives().items()}
    shown = {n: {"hits": r.hits, "of": r.of, "low": r.interval.low, "high": r.interval.high} for n, r in rates.items()}
    return asdict(found) | {"stale": found.changed(), "doubt": doubt, "rates": shown}


def _doubt(task: str, options: dict[str, float]) -> str:
    """Why the verifier card may not hold; empty if it does or there is none."""
    from enpire.environment.verifier_card import read
    from enpire.tasks import card_file

    path = card_file(task)
    return read(path).doubt(options) if path is not None else ""


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
