"""A small campaign with one certified claim, made by really playing the toy task; and zip files to tamper with."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from enpire import certificates
from enpire.core import seeds
from enpire.core.clock import SystemClock
from enpire.core.config import CampaignConfig
from enpire.core.errors import StationFault
from enpire.core.files import sha256
from enpire.core.records import Episode, Idea, Ticket
from enpire.environment import freeze, verifier_card
from enpire.evolution.hub import Hub
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.log import Ledger
from enpire.ledger.state import State, fold
from enpire.rollout.recorder import ARRAYS, pack, write_episode
from enpire.rollout.trial import run_trial
from enpire.statistics import verifier
from enpire.tasks import card_file, freeze_task, open_task
from tests.rollout.toy import GOOD_POLICY

TOY = "tests.rollout.toy:PointTask"
NOW_S = 1_700_000_000.0
"""Date of all commits, so that the same seed makes the same candidate."""
P0, ALPHA = 0.5, 0.05
FAILURE, INVALID, EPISODES = 4, 6, 12
"""The tickets that fail and break, and how many there are; the start state of the broken one is played again."""


class Player:
    """Drives to the origin, stands still, or sees its station break."""

    def __init__(self, way="good"):
        self.way = way

    def wait_loaded(self, timeout_s):
        pass

    def reset(self, observation, timeout_s):
        pass

    def request(self, step, observation):
        if self.way == "broken":
            raise StationFault("the toy station broke")
        self.action = (0.0 if self.way == "idle" else -5.0) * observation["observation.state"]

    def receive(self, timeout_s):
        return np.asarray(self.action)


@dataclass
class Made:
    folder: Folder
    hub: Hub
    commit: str

    @property
    def state(self) -> State:
        ledger = Ledger(self.folder.ledger, key=None, clock=SystemClock())
        try:
            return fold(ledger.read())
        finally:
            ledger.close()

    @property
    def key(self):
        return certificates.public_key(self.folder.key())

    def study(self):
        return certificates.closed_claims(self.state)[0]

    def verify(self, task=None):
        return certificates.verify(self.folder, self.state, self.hub, task)

    def at(self, root):
        """The same campaign after its folder was copied to another place."""
        return Made(Folder(root), Hub(Path(root) / "hub.git"), self.commit)


def make(root, seed=None, task=TOY):
    """A campaign folder with a race of two episodes and a closed, certified claim."""
    folder = Folder(root)
    folder.create(seed)
    freeze.write(folder.root / freeze.FILE, freeze_task(task))
    if (card := card_file(task)) is not None:
        (folder.root / verifier_card.FILE).write_bytes(card.read_bytes())
    hub = Hub.create(folder.hub, now=lambda: NOW_S)
    files = {"policy.py": GOOD_POLICY.encode(), "blocks/note.md": b"plain\n"}
    commit = hub.commit(files, parents=(), message="Baseline\n\nIdea: 0000\n", branch="baseline")
    opened, key = open_task(task), folder.key()
    baseline = Idea.baseline(commit)
    config = CampaignConfig(task=task, seed=seed)
    ledger = Ledger(folder.ledger, key=key, clock=SystemClock())
    ledger.append(e.CampaignOpened(config=config, spec=opened.spec, baseline=baseline))
    for number in (1, 2):
        ticket = Ticket(
            id=number, candidate=commit, seed=seeds.seed(key, "search", number), purpose="filler", study="filler"
        )
        play(folder, ledger, opened, ticket, Player())
    alpha, card_alpha = verifier.split(ALPHA, opened.spec.verifier)
    q0 = verifier.required_rate(P0, verifier.fp_upper(opened.spec.verifier, card_alpha))
    level = {"p0": P0, "alpha": alpha, "q0": q0, "card_alpha": card_alpha}
    ledger.append(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=(commit,), **level))
    for index in range(EPISODES):
        place = INVALID if index == EPISODES - 1 else index
        ticket = Ticket(
            id=3 + index,
            candidate=commit,
            seed=seeds.seed(key, "claim", place),
            purpose="claim",
            study="claim-1",
            tries=int(place != index),
        )
        way = {FAILURE: "idle", INVALID: "broken"}.get(index, "good")
        play(folder, ledger, opened, ticket, Player(way))
    ledger.append(e.StudyClosed(study="claim-1", accepted=True, reason="proven", log_e=5.0, lower_bound=0.5))
    ledger.append(e.SupervisorStopped(reason="done", final=True))
    ledger.close()
    opened.close()
    made = Made(folder, hub, commit)
    certificates.write_all(folder, made.state, hub)
    return made


def play(folder, ledger, task, ticket, player):
    """One episode, really played and recorded."""
    outcome, trace = run_trial(task, player, ticket.seed, SystemClock())
    arrays = pack(trace.arrays())
    episode = Episode(
        ticket=ticket.id,
        candidate=ticket.candidate,
        seed=ticket.seed,
        purpose=ticket.purpose,
        study=ticket.study,
        station=f"station-{1 + ticket.id % 2}",
        result=outcome.result,
        reason=outcome.reason,
        progress=round(outcome.verdict.progress, 6),
        steps=trace.steps,
        missed=trace.missed,
        duration_s=0.1,
        policy_cpu_s=0.1,
        latency_ms=(0.1, 0.2, 0.3),
        confinement="none",
        manifest=task.spec.manifest,
        artefacts={ARRAYS: sha256(arrays)},
        folder=f"episodes/{ticket.id:07d}",
        evidence=outcome.verdict.evidence,
    )
    write_episode(folder.root / episode.folder, episode, arrays)
    ledger.append(e.TicketsPlanned(tickets=(ticket,)), e.EpisodeStarted(ticket=ticket.id, station=episode.station))
    ledger.append(e.EpisodeRecorded(episode=episode))


def unzip(path):
    """Members of a zip file."""
    with zipfile.ZipFile(path if isinstance(path, Path) else io.BytesIO(path)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def rezip(members):
    """Zip file with these members, in order; a list of pairs may repeat names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
