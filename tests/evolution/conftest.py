"""A small workspace with two slots, a hub in a temporary folder, and campaigns built by applying events."""

from collections.abc import Callable
from pathlib import Path

import pytest

from enpire.core.config import CampaignConfig
from enpire.core.records import ActionSpec, ArraySpec, Episode, Idea, TaskSpec, Variant
from enpire.evolution.hub import Hub
from enpire.evolution.workspace import Files
from enpire.ledger import events as e
from enpire.ledger.state import State

POLICY = b'''"""Two slots."""

from blocks.raw import Estimator  # slot: estimator
from blocks.ring_detour import Navigator  # slot: navigator


class Policy:
    def __init__(self, task):
        self.parts = Estimator(), Navigator()
'''


def block(name: str, slot: str, value: str = "0.5") -> Files:
    declaration = f"""# {name}: keep this comment
[block]
slot = "{slot}"
summary = "value = 9"
scene = "planar_push"

[parameters.gain]  # how much
value = {value}  # tuned by hand
low = 0.0
high = 2.0
unit = "px"
scale = "linear"
source = "search"

[parameters.steps]
value = 3
low = 1
high = 10
scale = "log"
source = "identified"
"""
    return {
        f"blocks/{name}.py": f"class {slot.title()}:\n    name = {name!r}\n".encode(),
        f"blocks/{name}.toml": declaration.encode(),
    }


@pytest.fixture
def small() -> Files:
    files = {"policy.py": POLICY, "program.md": b"# Program\n"}
    return files | block("raw", "estimator") | block("ring_detour", "navigator") | block("dormant", "navigator")


@pytest.fixture
def swap() -> Callable[[Files, str, str], Files]:
    """Puts another block into a slot, with its files."""

    def swap_slot(files: Files, slot: str, name: str) -> Files:
        lines = files["policy.py"].decode().split("\n")
        for index, line in enumerate(lines):
            if line.endswith(f"# slot: {slot}"):
                lines[index] = f"from blocks.{name} import {slot.title()}  # slot: {slot}"
        return files | block(name, slot) | {"policy.py": "\n".join(lines).encode()}

    return swap_slot


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub.create(tmp_path / "hub.git")


@pytest.fixture
def spec() -> TaskSpec:
    return TaskSpec(
        name="gym:gym_pusht/PushT-v0",
        instruction="Push the T into its outline.",
        observation={"observation.state": ArraySpec(shape=(5,), dtype="float32", names=("x_px", "y_px"))},
        action=ActionSpec(size=2, low=(0.0, 0.0), high=(512.0, 512.0)),
        period_s=0.1,
        max_steps=300,
        baseline="planar_push",
        manifest="f" * 64,
    )


def episode(ticket: int, candidate: str, **changes: object) -> Episode:
    facts: dict[str, object] = {
        "ticket": ticket,
        "candidate": candidate,
        "seed": ticket,
        "purpose": "race",
        "study": "",
        "station": "s1",
        "result": "failure",
        "reason": "timeout",
        "progress": 0.4,
        "steps": 300,
        "missed": 1,
        "duration_s": 2.0,
        "policy_cpu_s": 0.1,
        "latency_ms": (1.0, 2.0, 3.0),
        "confinement": "none",
        "manifest": "f" * 64,
        "artefacts": {},
        "folder": f"episodes/{ticket:07d}",
    }
    return Episode(**(facts | changes))  # type: ignore[arg-type]


@pytest.fixture
def make_episode() -> Callable[..., Episode]:
    return episode


@pytest.fixture
def campaign(spec: TaskSpec) -> Callable[..., State]:
    """A state with many ideas by many agents; every fourth is kept, dropped, parked or open."""

    def build(ideas: int, agents: int, *, commits: tuple[str, ...] = ("a" * 40,), text: str = "") -> State:
        state = State()
        bodies: list[e.EventBody] = []
        base = Idea.baseline(commits[0])
        bodies.append(e.CampaignOpened(config=CampaignConfig(task=spec.name, agents=agents), spec=spec, baseline=base))
        parent = "0000"
        for number in range(1, ideas + 1):
            id, commit = f"{number:04d}", commits[number % len(commits)]
            idea = Idea(
                id=id, agent=f"agent-{number % agents}", kind=f"kind {number % 7}", parent=parent,
                hypothesis=text or f"hypothesis number {number} " + "that says a lot " * 8, commit=commit,
                inspired_by=("0000",) if number % 3 == 0 else (), predicted_effect=0.1,
                variants=(Variant(commit=commit),),
            )  # fmt: skip
            bodies.append(e.IdeaSubmitted(idea=idea))
            bodies.append(e.StudyOpened(study=f"race-{id}", kind="race", idea=id, arms=(commit,), incumbent=commits[0]))
            verdict = (None, "kept", "dropped", "parked")[number % 4]
            if verdict is not None:
                bodies.append(
                    e.IdeaDecided(
                        idea=id, verdict=verdict, best=commit, probability=0.9, reason="test",  # type: ignore[arg-type]
                        evidence={commit: (20, 12, 0.6), "incumbent": (20, 10, 0.5)},
                    )
                )  # fmt: skip
            if verdict == "kept":
                parent = id
                bodies.append(e.ChampionCrowned(idea=id, commit=commit))
            bodies.append(e.IdeaRefused(agent="agent-0", hypothesis=text or "copy", kind="tune", reason="a copy"))
        for number in range(1, 41):
            result = {"result": "success", "reason": ""} if number % 2 else {"log_tail": "Traceback: boom\n" * 50}
            done = episode(number, commits[0], purpose="filler", **result)
            bodies.append(e.EpisodeRecorded(episode=done))
        for seq, body in enumerate(bodies, start=1):
            state.apply(e.Event(seq, float(seq), "", body))
        return state

    return build
