"""The small path: a whole campaign in one process, short enough to be cut at each of its storage calls.

Everything that touches the disk is the real thing: founding, ledger, hub, door, records, decisions, notes. Only what
does not is replaced: the fleet by a desk that plays a trial on the spot, and time by a virtual clock. `play` goes on
from whatever it finds, so the same function is the run, the resume and the proof that a resume works.
"""

import ctypes
import random

import numpy as np

from enpire.campaign import Campaign, create
from enpire.core.clock import VirtualClock
from enpire.core.config import CampaignConfig
from enpire.core.files import sha256
from enpire.core.records import Episode, Proposal
from enpire.evolution import selection
from enpire.evolution.workspace import template
from enpire.ledger.folder import Folder
from enpire.rollout.broker import Broker
from enpire.rollout.fleet import StationReport
from enpire.rollout.messages import Finished
from enpire.rollout.recorder import ARRAYS, pack, write_episode
from enpire.rollout.trial import run_trial
from enpire.statistics.race import RaceRule
from tests.rollout.toy import SPEC, PointTask

CONFIG = CampaignConfig(
    task="tests.rollout.toy:PointTask", agents=1, stations=0, seed=7, video="none", isolation="none", target=0.99
)
RULES = selection.Rules(race=RaceRule(minimum=1, opening=1, cap=2, keep=0.6))
EPISODES = 5
"""Where the path ends."""


def mark(text):
    """Tell the recording shim, if it is there, that something is promised from here on."""
    try:
        say = ctypes.CDLL(None).storage_mark
    except AttributeError:
        return
    say(text.encode())


class _Player:
    """A policy in this process: the baseline does nothing, all others drive home."""

    def __init__(self, gain):
        self.gain = gain

    def wait_loaded(self, timeout_s):
        pass

    def reset(self, observation, timeout_s):
        pass

    def request(self, step, observation):
        self.answer = np.clip(-self.gain * observation["observation.state"], -1.0, 1.0)

    def receive(self, timeout_s):
        return self.answer


class _Desk:
    """A fleet of one that runs an order at once, as a station does, and reports to the inbox."""

    alive = busy = 1

    def __init__(self, root, inbox, baseline):
        self.root, self.inbox, self.baseline = root, inbox, baseline
        self.pending = False

    def free(self):
        return [] if self.pending else ["station-1"]

    def order(self, station, order):
        self.pending = True
        ticket = order.ticket
        player = _Player(0.0 if ticket.candidate == self.baseline else 3.0)
        outcome, trace = run_trial(PointTask(), player, ticket.seed, VirtualClock(), ticket.tries)
        arrays = pack(trace.arrays())
        episode = Episode(
            ticket=ticket.id,
            candidate=ticket.candidate,
            seed=ticket.seed,
            purpose=ticket.purpose,
            study=ticket.study,
            station=station,
            result=outcome.result,
            reason=outcome.reason,
            progress=round(outcome.verdict.progress, 6),
            steps=trace.steps,
            missed=0,
            duration_s=2.0,
            policy_cpu_s=0.0,
            latency_ms=(0.0, 0.0, 0.0),
            confinement="none",
            manifest=SPEC.manifest,
            artefacts={ARRAYS: sha256(arrays)},
            folder=f"episodes/{ticket.id:07d}",
            evidence=outcome.verdict.evidence,
        )
        write_episode(self.root / episode.folder, episode, arrays)
        self.inbox.put(StationReport(station, Finished(episode)))

    def hear(self, message):
        self.pending = False
        return []


def furnish(workspace):
    """The workspace that the only idea hands in."""
    for path, content in template(SPEC).items():
        target = workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (workspace / "policy.py").write_bytes((workspace / "policy.py").read_bytes() + b"# another one\n")


def play(root, workspace, episodes=EPISODES):
    """Found the campaign if there is none, else resume it; go on until one idea is in and `episodes` are counted."""
    folder, clock = Folder(root), VirtualClock()
    if not folder.ledger.exists():
        create(folder, CONFIG, SPEC, clock)
        mark("founded")
    campaign = Campaign(folder, lambda state, event: mark(f"row {event.seq}"), clock)
    campaign._rules = RULES
    with campaign:
        campaign._fleet = _Desk(root, campaign._inbox, campaign.state.ideas["0000"].best)
        rng = random.Random(len(campaign.state.episodes))
        campaign._broker = Broker(campaign.state, folder.key(), RULES.race, CONFIG.objective, rng)
        if "0001" not in campaign.state.ideas:
            campaign._door.hand_in("builtin-1", "", workspace, Proposal(hypothesis="A comment helps."))
        while len(campaign.state.episodes) < episodes:
            campaign.roll_out(searching=True)
            campaign.decide(0.0)
    return campaign.state
