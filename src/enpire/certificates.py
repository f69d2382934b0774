"""Certificates: what a closed claim states, and everything needed to recompute it from raw episodes."""

import hashlib
import hmac
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from enpire.core import seeds
from enpire.core.errors import Damaged, EnpireError
from enpire.core.files import sha256_file, write_durably
from enpire.core.records import Episode, encode
from enpire.environment.contract import Task
from enpire.evolution.hub import Hub
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.state import State, Study
from enpire.rollout.recorder import RECORD, read_arrays, read_record
from enpire.rollout.replay import replay
from enpire.statistics import one_sample
from enpire.statistics.intervals import clopper_pearson, wilson


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A claim in numbers.

    Attributes:
        statement: The claim as a sentence.
        candidate: Commit of the workspace, and the hash of its content in `tree`.
        p0, alpha: Success rate claimed and error probability spent on this claim.
        certified: Whether the evidence reaches 1 / alpha.
        episodes, successes: Fresh episodes run for this claim only.
        log_e: Natural logarithm of the e-value against "success rate <= p0".
        lower_bound: Time-uniform lower bound of the success rate at level alpha.
        wilson, clopper_pearson: 95 % intervals, for comparison; not valid under optional stopping.
        stations: Successes and episodes per station.
        invalid: Episodes voided by the station's fault; each start state was replayed.
        candidates_looked_at: How many candidates the campaign raced before.
        confinement: Isolation levels under which the episodes ran.
        manifest: Hash of everything that judged.
        records: SHA-256 of each `episode.json`, by ticket.
        receipt: MAC of all the above by the campaign key.
    """

    claim: str
    task: str
    statement: str
    candidate: str
    tree: str
    p0: float
    alpha: float
    certified: bool
    episodes: int
    successes: int
    log_e: float
    lower_bound: float
    wilson: tuple[float, float]
    clopper_pearson: tuple[float, float]
    stations: dict[str, tuple[int, int]]
    invalid: int
    candidates_looked_at: int
    confinement: tuple[str, ...]
    manifest: str
    records: dict[str, str]
    receipt: str = ""


def issue(folder: Folder, state: State, hub: Hub, study: Study) -> Certificate:
    """Certificate of a closed claim, recomputed from the episode records on disk.

    Raises:
        Damaged: A record differs from the ledger, or a claim episode is missing.
    """
    assert state.spec is not None and study.opened.kind == "claim"
    episodes = [_checked(folder, state, x) for x in study.episodes]
    valid = [x for x in episodes if x.result != "invalid"]
    n, k = len(valid), sum(x.success for x in valid)
    commit, p0, alpha = study.opened.arms[0], study.opened.p0, study.opened.alpha
    log_e = one_sample.log_e_value(k, n - k, p0)
    stations = sorted({x.station for x in valid})
    draft = Certificate(
        claim=study.name,
        task=state.spec.name,
        statement=f"success >= {p0:g} at alpha = {alpha:.4g}, n = {n} fresh episodes, {len(stations)} stations",
        candidate=commit,
        tree=hub.tree(commit),
        p0=p0,
        alpha=alpha,
        certified=log_e >= -math.log(alpha),
        episodes=n,
        successes=k,
        log_e=log_e,
        lower_bound=one_sample.lower_bound(k, n - k, alpha),
        wilson=wilson(k, n),
        clopper_pearson=clopper_pearson(k, n),
        stations={
            s: (sum(x.success for x in valid if x.station == s), sum(x.station == s for x in valid)) for s in stations
        },
        invalid=len(episodes) - n,
        candidates_looked_at=sum(len(i.idea.variants) for i in state.ideas.values()),
        confinement=tuple(sorted({x.confinement for x in valid})),
        manifest=state.spec.manifest,
        records={str(x.ticket): sha256_file(folder.root / x.folder / RECORD) for x in episodes},
    )
    receipt = hmac.new(folder.key(), encode(draft), hashlib.sha256).hexdigest()
    return Certificate(**{**asdict(draft), "receipt": receipt})


def closed_claims(state: State) -> list[Study]:
    """Claims that have an answer."""
    claims = [s for s in state.studies.values() if s.opened.kind == "claim"]
    return [s for s in claims if isinstance(s.closed, e.StudyClosed)]


def write_all(folder: Folder, state: State, hub: Hub) -> list[Certificate]:
    """Issue the certificates of all closed claims into `certificates/`."""
    issued = []
    for study in closed_claims(state):
        certificate = issue(folder, state, hub, study)
        path = folder.root / "certificates" / f"{study.name}.json"
        path.parent.mkdir(exist_ok=True)
        write_durably(path, msgspec.json.format(encode(certificate), indent=2))
        issued.append(certificate)
    return issued


def verify(folder: Folder, state: State, hub: Hub, task: Task | None = None) -> list[str]:
    """Recompute every certificate from raw episodes and compare it with the file and with the ledger.

    Args:
        task: If given, every claim episode is also replayed in the environment from its seed and actions.

    Returns:
        Everything that differs, one line each; empty if all is well.
    """
    problems: list[str] = []
    for study in closed_claims(state):
        try:
            fresh = issue(folder, state, hub, study)
            problems += _compare(folder.root / "certificates" / f"{study.name}.json", fresh, study)
            problems += _check_seeds(folder.key(), state, study)
            if task is not None:
                problems += _replay(task, folder.root, study)
        except EnpireError as error:
            problems.append(f"{study.name}: {error}")
    return problems


def _checked(folder: Folder, state: State, episode: Episode) -> Episode:
    """The episode from its folder, if record, arrays and ledger agree."""
    record = read_record(folder.root, episode)
    if record != episode:
        raise Damaged(f"episode {episode.ticket}: {RECORD} differs from the ledger")
    success = read_arrays(folder.root, episode)["success"]
    if record.success != bool(len(success) and success[-1]):
        raise Damaged(f"episode {episode.ticket}: recorded as {record.result}, but its arrays say otherwise")
    if state.spec is not None and record.manifest != state.spec.manifest:
        raise Damaged(f"episode {episode.ticket}: judged under another manifest")
    return record


def _compare(path: Path, fresh: Certificate, study: Study) -> list[str]:
    closed = study.closed
    assert isinstance(closed, e.StudyClosed)
    problems = []
    if closed.accepted and not fresh.certified:
        problems.append(
            f"{study.name}: the ledger says certified, the raw episodes give only e = {math.exp(fresh.log_e):.1f}"
        )
    if study.in_flight:
        problems.append(f"{study.name}: {len(study.in_flight)} started episodes have no record")
    try:
        stored = path.read_bytes()
    except OSError:
        return [*problems, f"{study.name}: {path} is missing; `enpire report` writes it again"]
    if stored != msgspec.json.format(encode(fresh), indent=2):
        problems.append(f"{study.name}: {path} differs from what the raw episodes say")
    return problems


def _check_seeds(key: bytes, state: State, study: Study) -> list[str]:
    """Claim seeds are of the claim class, come from the campaign key, and served one claim only."""
    legitimate = {seeds.seed(key, "claim", i) for i in range(len(state.seeds_met.get("claim", ())))}
    elsewhere = {t.seed for t in state.tickets.values() if t.study != study.name}
    problems = []
    for ticket in study.tickets:
        if ticket.seed not in legitimate:
            problems.append(f"{study.name}: the seed of ticket {ticket.id} was not drawn from the campaign key")
        if ticket.seed in elsewhere:
            problems.append(f"{study.name}: the seed of ticket {ticket.id} was used outside this claim")
    return problems


def _replay(task: Task, root: Path, study: Study) -> list[str]:
    problems = []
    for episode in study.episodes:
        try:
            *_, verdict = replay(task, root, episode)
            if bool(verdict and verdict.success) != episode.success:
                problems.append(f"{study.name}: replaying episode {episode.ticket} does not give {episode.result}")
        except EnpireError as error:
            problems.append(f"{study.name}: {error}")
    return problems
