"""Small valid records for tests."""

from enpire.core.config import CampaignConfig
from enpire.core.records import ActionSpec, ArraySpec, Episode, Idea, TaskSpec, Ticket, Variant
from enpire.ledger import events as e

SPEC = TaskSpec(
    name="gym:Toy-v0",
    instruction="Do it.",
    observation={"observation.state": ArraySpec(shape=(2,), dtype="float64")},
    action=ActionSpec(size=1, low=(-1.0,), high=(1.0,)),
    period_s=0.1,
    max_steps=300,
    manifest="m" * 64,
)


def ticket(number, candidate="c0", purpose="race", study="race-0001", seed=None):
    return Ticket(id=number, candidate=candidate, seed=number if seed is None else seed, purpose=purpose, study=study)


def episode(number, candidate="c0", purpose="race", study="race-0001", **changes):
    fields = {
        "ticket": number,
        "candidate": candidate,
        "seed": number,
        "purpose": purpose,
        "study": study,
        "station": "station-1",
        "result": "failure",
        "reason": "timeout",
        "progress": 0.0,
        "steps": 300,
        "missed": 0,
        "duration_s": 1.0,
        "policy_cpu_s": 0.1,
        "latency_ms": (0.1, 0.2, 0.3),
        "confinement": "none",
        "manifest": SPEC.manifest,
        "artefacts": {},
        "folder": f"episodes/{number:07d}",
    }
    return Episode(**{**fields, **changes})


def idea(number, agent="a-1", parent="0000", commits=("c1",)):
    return Idea(
        id=f"{number:04d}",
        agent=agent,
        hypothesis=f"Idea {number} helps.",
        kind="tune",
        parent=parent,
        inspired_by=(),
        predicted_effect=0.1,
        commit=commits[0],
        variants=tuple(Variant(commit=c) for c in commits),
    )


def opened(**config):
    baseline = Idea.baseline("c0")
    return e.CampaignOpened(config=CampaignConfig(task=SPEC.name, **config), spec=SPEC, baseline=baseline)


class Tape:
    """Applies bodies to a state, one second apart."""

    def __init__(self, state, **config):
        self.state, self.seq = state, 0
        self.add(opened(**config))

    def add(self, *bodies, after_s=1.0):
        for body in bodies:
            self.seq += 1
            self.state.apply(e.Event(self.seq, self.state.elapsed_s + after_s, "", body))

    def play(self, study, candidate, purpose, successes, start=None, progress=0.0):
        """Plan, start and record one episode per entry of `successes`."""
        for success in successes:
            number = max(self.state.tickets, default=0) + 1
            planned = ticket(number, candidate, purpose, study)
            result = (
                {"result": "success", "reason": "", "progress": 1.0, "steps": 50} if success else {"progress": progress}
            )
            self.add(
                e.TicketsPlanned(tickets=(planned,)),
                e.EpisodeStarted(ticket=number, station="station-1"),
                e.EpisodeRecorded(episode=episode(number, candidate, purpose, study, **result)),
            )
