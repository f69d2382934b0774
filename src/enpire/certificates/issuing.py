"""Issuing certificates from a campaign folder, and checking them there against ledger, hub and raw episodes."""

import math
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from enpire.certificates import card, record, signing
from enpire.certificates.record import Certificate, content_hash, seeds_hash
from enpire.core import seeds
from enpire.core.clock import SystemClock
from enpire.core.errors import BadInput, Damaged, EnpireError
from enpire.core.files import sha256, sha256_file, write_durably
from enpire.core.records import MOST_TRIES, Episode, encode
from enpire.environment import freeze
from enpire.environment.contract import Task
from enpire.environment.freeze import Manifest
from enpire.evolution.hub import Hub
from enpire.evolution.selection import MOST_LEFT_OUT
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.log import Ledger
from enpire.ledger.state import State, Study
from enpire.rollout.recorder import RECORD, read_arrays, read_record
from enpire.rollout.replay import replay
from enpire.statistics import one_sample, verifier
from enpire.statistics.intervals import clopper_pearson, wilson

_MADE_BY_ISSUER = frozenset({"code", "public_key", "signature"})
"""Fields that do not follow from the campaign's records."""


def issue(folder: Folder, state: State, hub: Hub, study: Study) -> Certificate:
    """Signed certificate of a closed claim, computed from the episode records on disk.

    Raises:
        Damaged: A record differs from the ledger, or a claim episode is missing.
        BadInput: The campaign's secret key is not there.
    """
    return signing.sign(facts(folder, state, hub, study), folder.key())


def facts(folder: Folder, state: State, hub: Hub, study: Study) -> Certificate:
    """The certificate without a signature; needs no key. Errors as `issue`."""
    assert state.spec is not None and state.config is not None and study.opened.kind == "claim"
    episodes = [_checked(folder, state, x) for x in study.episodes]
    valid = [x for x in episodes if x.result != "invalid"]
    n, k = len(valid), sum(x.success for x in valid)
    commit, p0, alpha, card_alpha = (study.opened.arms[0], study.opened.p0, study.opened.alpha, study.opened.card_alpha)
    if (state.spec.verifier is None) != (card_alpha == 0):
        raise Damaged(f"{study.name} was opened with an error share of {card_alpha:g} for the verifier card")
    bound = verifier.fp_upper(state.spec.verifier, card_alpha)
    q0 = verifier.required_rate(p0, bound)
    if q0 >= 1:
        raise Damaged(f"{study.name} was opened although the verifier card excludes nothing")
    log_e = one_sample.log_e_value(k, n - k, q0)
    stations = sorted({x.station for x in valid})
    length, head = _ledger_position(folder.ledger, study.name)
    raced = [idea for idea in state.ideas.values() if study.closed_s is None or idea.submitted_s <= study.closed_s]
    found = Certificate(
        claim=study.name,
        task=state.spec.name,
        statement="",
        candidate=commit,
        tree=hub.tree(commit),
        content=content_hash(hub.files(commit)),
        p0=p0,
        alpha=alpha,
        verifier=state.spec.verifier,
        card_alpha=card_alpha,
        fp_upper=bound,
        q0=q0,
        certified=log_e >= -math.log(alpha),
        episodes=n,
        successes=k,
        log_e=log_e,
        lower_bound=one_sample.lower_bound(k, n - k, alpha),
        true_lower_bound=verifier.true_lower_bound(k, n - k, alpha, bound),
        wilson=wilson(k, n),
        clopper_pearson=clopper_pearson(k, n),
        stations={
            s: (sum(x.success for x in valid if x.station == s), sum(x.station == s for x in valid)) for s in stations
        },
        invalid=len(episodes) - n,
        candidates_looked_at=sum(len(idea.idea.variants) for idea in raced),
        confinement=tuple(sorted({x.confinement for x in valid})),
        manifest=state.spec.manifest,
        spec=sha256(encode(state.spec)),
        records={str(x.ticket): sha256_file(folder.root / x.folder / RECORD) for x in episodes},
        seeds=seeds_hash([state.tickets[x.ticket] for x in episodes]),
        ledger_events=length,
        ledger_head=head,
        repeatable=state.config.seed is not None,
        code=metadata.version("enpire"),
    )
    return replace(found, statement=record.statement(found))


def closed_claims(state: State) -> list[Study]:
    """Claims that have an answer."""
    claims = [s for s in state.studies.values() if s.opened.kind == "claim"]
    return [s for s in claims if isinstance(s.closed, e.StudyClosed)]


def certificate_file(folder: Folder, claim: str) -> Path:
    """Where the certificate of a claim lies."""
    return folder.root / "certificates" / f"{claim}.json"


def write_all(folder: Folder, state: State, hub: Hub) -> list[Certificate]:
    """Issue the certificates of all closed claims into `certificates/`. One that still holds is left as it is."""
    issued = []
    for study in closed_claims(state):
        fresh = issue(folder, state, hub, study)
        path = certificate_file(folder, study.name)
        path.parent.mkdir(exist_ok=True)
        if not _holds(path, fresh, folder.key()):
            write_durably(path, record.to_file(fresh))
        issued.append(fresh)
    return issued


def verify(folder: Folder, state: State, hub: Hub, task: Task | None = None) -> list[str]:
    """Recompute every certificate from raw episodes and compare it with the file and with the ledger.

    Without the campaign's secret key everything is checked but that the start states were drawn from that key.

    Args:
        task: If given, every claim episode is also replayed in the environment from its seed and actions.

    Returns:
        Everything that differs, one line each; empty if all is well.
    """
    key = folder.key() if has_key(folder) else None
    problems: list[str] = []
    for study in closed_claims(state):
        try:
            fresh = facts(folder, state, hub, study)
            found = too_many_left_out(study.episodes) if fresh.certified else []
            found += _check_answer(fresh, study) + _compare(certificate_file(folder, study.name), fresh, key)
            found += _check_seeds(key, state, study) + _check_card(folder, fresh)
            if task is not None:
                found += replayed(task, folder.root, study.episodes)
            problems += [f"{study.name}: {problem}" for problem in found]
        except EnpireError as error:
            problems.append(f"{study.name}: {error}")
    return problems


def manifest(folder: Folder, root: str) -> Manifest | None:
    """What judged, if the campaign stored it; a campaign of an older version did not."""
    try:
        found = freeze.read(folder.root)
    except BadInput:
        return None
    return found if found.root == root else None


def _check_card(folder: Folder, fresh: Certificate) -> list[str]:
    frozen = manifest(folder, fresh.manifest)
    return [] if frozen is None else card.differing(frozen, card.stored(folder), fresh.verifier)


def has_key(folder: Folder) -> bool:
    """Whether the campaign's secret key lies in its folder."""
    try:
        return bool(folder.key())
    except BadInput:
        return False


def replayed(
    task: Task, root: Path, episodes: list[Episode], told: Callable[[int], None] = lambda ticket: None
) -> list[str]:
    """Play recorded episodes again in the environment, from seed and actions; what does not repeat, one line each."""
    problems = []
    for episode in episodes:
        told(episode.ticket)
        if episode.result == "invalid":
            continue  # the station broke: there is nothing that would repeat
        try:
            last = deque(replay(task, root, episode), maxlen=1).pop()
            if bool(last and last.success) != episode.success:
                problems.append(f"replaying episode {episode.ticket} does not give {episode.result}")
        except EnpireError as error:
            problems.append(str(error))
    return problems


def too_many_left_out(episodes: Sequence[Episode]) -> list[str]:
    """The rule by which a claim is given up, applied to one that was not: at most one line.

    A start state is left out when it was played as often as the rules say and every episode was invalid: it may be one
    of the hard ones. One may be, or 2 % of all.
    """
    counted = {x.seed for x in episodes if x.result != "invalid"}
    broken = Counter(x.seed for x in episodes if x.result == "invalid" and x.seed not in counted)
    left_out = sum(tries >= MOST_TRIES for tries in broken.values())
    played = sum(x.result != "invalid" for x in episodes)
    if left_out <= 1 or left_out <= MOST_LEFT_OUT * (left_out + played):
        return []
    return [
        f"{left_out} start states were left out, {played} episodes were counted: no claim may leave out more than "
        f"{MOST_LEFT_OUT:.0%} of its start states"
    ]


def _checked(folder: Folder, state: State, episode: Episode) -> Episode:
    """The episode from its folder, if record, arrays and ledger agree."""
    found = read_record(folder.root, episode)
    if found != episode:
        raise Damaged(f"episode {episode.ticket}: {RECORD} differs from the ledger")
    success = read_arrays(folder.root, episode)["success"]
    if found.success != bool(len(success) and success[-1]):
        raise Damaged(f"episode {episode.ticket}: recorded as {found.result}, but its arrays say otherwise")
    if state.spec is not None and found.manifest != state.spec.manifest:
        raise Damaged(f"episode {episode.ticket}: judged under another manifest")
    return found


def _holds(path: Path, fresh: Certificate, key: bytes) -> bool:
    try:
        return not _compare(path, fresh, key)
    except BadInput:
        return False


def _compare(path: Path, fresh: Certificate, key: bytes | None) -> list[str]:
    """What is wrong with a certificate file, given what the raw episodes say."""
    if not path.is_file():
        return [f"{path} is missing; `enpire report` writes it again"]
    stored = record.read_file(path)
    problems = [
        f"{path}: {name} is not what the raw episodes and the ledger say"
        for name in record.differing(stored, fresh, _MADE_BY_ISSUER)
    ]
    if not signing.signature_holds(stored):
        problems.append(f"{path}: the signature does not fit its content")
    elif key is not None and stored.public_key != signing.public_key(key):
        problems.append(f"{path}: signed with the key of another campaign")
    return problems


def _check_answer(fresh: Certificate, study: Study) -> list[str]:
    closed = study.closed
    assert isinstance(closed, e.StudyClosed)
    problems = []
    if closed.accepted and not fresh.certified:
        problems.append(f"the ledger says certified, the raw episodes give only e = {math.exp(fresh.log_e):.1f}")
    if not math.isclose(study.opened.judged_p0, fresh.q0, abs_tol=1e-9):
        problems.append(
            f"the ledger tests a reported rate of {study.opened.judged_p0:.6g}; by the verifier card it must be "
            f"{fresh.q0:.6g}"
        )
    if study.in_flight:
        problems.append(f"{len(study.in_flight)} started episodes have no record")
    return problems


def _check_seeds(key: bytes | None, state: State, study: Study) -> list[str]:
    """Claim seeds are of the claim class, come from the campaign key, and served one claim only."""
    count = len(state.seeds_met.get("claim", ()))
    legitimate = None if key is None else {seeds.seed(key, "claim", i) for i in range(count)}
    elsewhere = {t.seed for t in state.tickets.values() if t.study != study.name}
    problems = []
    for ticket in study.tickets:
        if legitimate is not None and ticket.seed not in legitimate:
            problems.append(f"the seed of ticket {ticket.id} was not drawn from the campaign key")
        if ticket.seed in elsewhere:
            problems.append(f"the seed of ticket {ticket.id} was used outside this claim")
    return problems


def _ledger_position(path: Path, claim: str) -> tuple[int, str]:
    """Number and chain hash of the event that completed a claim: its answer or its last record."""
    ledger, position = Ledger(path, key=None, clock=SystemClock()), 0
    try:
        for event in ledger.read():
            match event.body:
                case e.StudyClosed(study=study) if study == claim:
                    position = event.seq
                case e.EpisodeRecorded(episode=episode) if episode.study == claim:
                    position = event.seq
    finally:
        ledger.close()
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        row = database.execute("SELECT chain FROM events WHERE seq = ?", (position,)).fetchone()
    finally:
        database.close()
    return position, str(row[0]) if row else ""
