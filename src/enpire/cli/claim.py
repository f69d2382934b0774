"""`enpire verify-claim` and `enpire export-claim`: certificates, here and on somebody else's machine."""

import json as json_module
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enpire.cli import app
from enpire.cli.inspect import read_checked, read_state
from enpire.cli.run import Declaration, install
from enpire.core.errors import BadInput
from enpire.ledger.folder import Folder

if TYPE_CHECKING:
    from enpire.certificates import Certificate
    from enpire.core.records import TaskSpec
    from enpire.environment.contract import Task
    from enpire.environment.freeze import Manifest

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
REPLAYED = "the environment gave the same observations and the same verdicts for every recorded action"
TRUST = "The signature says who vouches for these numbers, not that they are true: "


@dataclass
class _Answer:
    """What a check found: the claims that hold, what is wrong, and what a reader should know."""

    claims: "list[Certificate]" = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    events: int | None = None


@app.command(name="verify-claim")
def verify_claim(
    target: Annotated[
        Path | None, typer.Argument(metavar="[DIR|FILE.zip]", help="Campaign folder, or a claim from `export-claim`.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="Check one certificate file alone.")] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Also replay every claim episode in the environment.")
    ] = False,
    key: Annotated[
        str | None, typer.Option(metavar="PUBLIC", help="Public key that must have signed: 64 hexadecimal digits.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="Replay of a zip file: the task you trust to run here.")
    ] = None,
    declare: Declaration = None,
    json: AsJson = False,
) -> None:
    """Check certificates against raw episodes; exit code 1 if anything is wrong."""
    from enpire.certificates import parse_public_key

    expected = parse_public_key(key) if key is not None else None
    if (target is None) == (certificate is None):
        raise BadInput("give a campaign folder, a zip file from `enpire export-claim`, or --certificate FILE")
    if certificate is not None:
        if replay:
            raise BadInput("--replay needs episodes, which a certificate alone does not hold; give the folder or zip")
        answer = _check_file(certificate, expected)
    else:
        assert target is not None
        if target.is_file():
            answer = _check_zip(target, expected, task, declare, replay=replay)
        else:
            answer = _check_folder(target, expected, replay=replay)
    _show(answer, json=json)
    if answer.problems:
        sys.exit(1)


@app.command(name="export-claim")
def export_claim(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Campaign folder.")],
    out: Annotated[Path, typer.Option(metavar="FILE.zip", help="File to write.")],
    claim: Annotated[str | None, typer.Option(help="Which claim. [default: the last certified one]")] = None,
    json: AsJson = False,
) -> None:
    """Write a closed claim into one file that others can check: no secret, no start state of anything else."""
    from enpire import certificates
    from enpire.evolution.hub import Hub
    from enpire.ledger.events import StudyClosed

    state, campaign = read_state(folder), Folder(folder)
    closed = {study.name: study for study in certificates.closed_claims(state)}
    proven = [name for name, s in closed.items() if isinstance(s.closed, StudyClosed) and s.closed.accepted]
    name = claim or (proven or list(closed) or [""])[-1]
    if name not in closed:
        raise BadInput(f"no closed claim {name!r} in {folder}; closed: {', '.join(closed) or 'none'}")
    issued = certificates.export(campaign, state, Hub(campaign.hub), closed[name], out)
    if json:
        print(json_module.dumps({"file": str(out), "claim": issued.claim, "public_key": issued.public_key}))
        return
    print(f"{out}: {_sentence(issued)}")
    print(f"public key: {issued.public_key}")
    print(f"others check it with: enpire verify-claim {out.name} --replay --key {issued.public_key}")


# ---------------------------------------------------------------------------- the three kinds of target


def _check_folder(folder: Path, key: str | None, *, replay: bool) -> _Answer:
    from enpire import certificates
    from enpire.certificates.issuing import facts
    from enpire.evolution.hub import Hub
    from enpire.tasks import freeze_task, open_task

    campaign, answer = Folder(folder), _Answer()
    state, answer.events = read_checked(folder)
    secret = answer.events is not None
    if not secret:
        answer.notes.append(
            "there is no secret.key in this folder: the ledger's chain, receipts, and that the start states were drawn "
            "from the campaign's key cannot be checked; signatures, hashes, counts and evidence were"
        )
    for accepted in state.accepted:
        before = "there was no anchor" if accepted.anchored is None else f"the anchor was at event {accepted.anchored}"
        answer.notes.append(f"after event {accepted.events} the ledger was anchored by hand; {before}")
    assert state.config is not None and state.spec is not None
    hub, config, task = Hub(campaign.hub), state.config, None
    declaration = Path(config.declaration) if config.declaration else None
    if replay:
        task = open_task(config.task, options=config.options, declaration=declaration)
    try:
        answer.problems = certificates.verify(campaign, state, hub, task)
        if task is not None and task.spec.manifest != state.spec.manifest:
            now = freeze_task(config.task, options=config.options, declaration=declaration)
            answer.notes.append(_other_judge(campaign.root, now, state.spec.manifest))
    finally:
        if task is not None:
            task.close()
    if key is not None:
        answer.problems += _signed_by_others(campaign, key)
    if not answer.problems:
        make = certificates.issue if secret else facts
        answer.claims = [make(campaign, state, hub, study) for study in certificates.closed_claims(state)]
        if replay and answer.claims:
            answer.notes.append(f"replayed: {REPLAYED}")
    return answer


def _check_zip(path: Path, key: str | None, name: str | None, declare: Path | None, *, replay: bool) -> _Answer:
    from enpire.certificates import check_bundle
    from enpire.tasks import freeze_task, known_tasks, open_task

    notes = []

    def opened(spec: "TaskSpec") -> "Task":
        known = {t.name for t in known_tasks() if t.source == "shipped"}
        if spec.name != name and (spec.name not in known or declare is not None):
            raise BadInput(
                f"replaying would install and run {_plain(spec.name)!r} on this machine, because the file says so. If "
                f"you trust that task, add --task NAME (and --declare FILE for a declaration of your own)"
            )
        install(spec.name, declare, quiet=True)
        found = open_task(spec.name, options=spec.options, declaration=declare)
        if found.spec.manifest != spec.manifest:
            notes.append((freeze_task(spec.name, options=spec.options, declaration=declare), spec.manifest))
        return found

    checked = check_bundle(path, key=key, open_task=opened if replay else None)
    answer = _Answer(problems=checked.problems)
    if checked.certificate is not None and not checked.problems:
        answer.claims = [checked.certificate]
        for now, root in notes:
            answer.notes.append(_other_judge(checked.manifest, now, root))
        answer.notes.append(f"replayed: {REPLAYED}" if replay else f"not replayed: add --replay to see that {REPLAYED}")
        answer.notes.append(
            f"{TRUST}that the candidate chose these actions, that the start states were drawn blindly and that no "
            "episode was left out rests on the owner of the key"
        )
        answer.notes += _whose_key(checked.certificate, key)
    return answer


def _check_file(path: Path, key: str | None) -> _Answer:
    from enpire.certificates import check_certificate, read_file

    found = read_file(path)
    answer = _Answer(problems=[f"{path}: {problem}" for problem in check_certificate(found, key)])
    if not answer.problems:
        answer.claims = [found]
        answer.notes = [
            f"checked: signature and arithmetic. {TRUST}no episode was seen. Ask for the `enpire export-claim` file",
            *_whose_key(found, key),
        ]
    return answer


def _signed_by_others(campaign: Folder, key: str) -> list[str]:
    from enpire.certificates import read_file

    files = sorted((campaign.root / "certificates").glob("*.json"))
    return [f"{path} is not signed with the expected key" for path in files if read_file(path).public_key != key]


# ---------------------------------------------------------------------------- sentences


def _whose_key(found: "Certificate", key: str | None) -> list[str]:
    notes = [] if key else ["nobody said whose key this is: ask its owner for the public key and pass it with --key"]
    if found.repeatable:
        notes.append("this campaign ran with --seed: anybody who knows that number can make this signature")
    return notes


def _other_judge(stored: "Path | Manifest | None", now: "Manifest", root: str) -> str:
    from enpire.environment.freeze import FILE, differences, explain

    if stored is None:
        changed = "which files differ is not known: the manifest was not stored"
    elif isinstance(stored, Path):
        changed = explain(stored / FILE, now)
    else:
        changed = "; ".join(" ".join(line.split()) for line in differences(stored.judge, now.judge))
    return f"judged under manifest {root[:12]}; this machine replays under {now.root[:12]}: {changed}"


def _sentence(found: "Certificate") -> str:
    mark = "certified" if found.certified else "not certified"
    bound = f"lower bound {_down(found.true_lower_bound)}"
    if found.verifier is not None:
        bound += f" (the judge reports {_down(found.lower_bound)} or more and had to report {found.q0:.4f})"
    counts = f"{found.successes}/{found.episodes}, {bound}"
    return f"{found.claim}: {mark}: {_plain(found.statement)}; {counts}"


def _down(bound: float) -> str:
    return f"{int(10_000 * bound) / 10_000:.4f}"


def _plain(text: str) -> str:
    from enpire.evolution.ideas import plain

    return plain(text)[:300]


def _show(answer: _Answer, *, json: bool) -> None:
    if json:
        rows = [
            {
                "claim": c.claim,
                "task": c.task,
                "statement": c.statement,
                "certified": c.certified,
                "successes": c.successes,
                "episodes": c.episodes,
                "lower_bound": c.lower_bound,
                "true_lower_bound": c.true_lower_bound,
                "q0": c.q0,
                "fp_upper": c.fp_upper,
                "candidate": c.candidate,
                "manifest": c.manifest,
                "public_key": c.public_key,
            }
            for c in answer.claims
        ]
        plain = {"events": answer.events, "claims": rows, "problems": answer.problems, "notes": answer.notes}
        print(json_module.dumps(plain, indent=2))
        return
    for claim in answer.claims:
        print(_sentence(claim))
        if claim.public_key:
            print(f"         signed by {claim.public_key}")
    for problem in answer.problems:
        print(f"DIFFERS  {_plain(problem)}")
    for note in answer.notes:
        print(f"note     {_plain(note)}")
    if not answer.claims and not answer.problems:
        print("this campaign has no closed claim")
