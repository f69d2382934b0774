"""The settings of one campaign, fixed when it is created."""

from dataclasses import dataclass, field
from typing import Literal

from enpire.core.records import Episode


@dataclass(frozen=True, kw_only=True)
class Objective:
    """How much one episode is worth, in [0, 1]. Races compare its mean; claims look at success alone."""

    success: float = 0.7
    """Weight of success."""
    progress: float = 0.2
    """Weight of partial credit; it is what tells two failing policies apart."""
    speed: float = 0.1
    """Weight of the unused share of the step limit, counted on success only."""

    def utility(self, episode: Episode, max_steps: int) -> float:
        """Utility of one counted episode, in [0, 1]."""
        speed = (1.0 - episode.steps / max_steps) if episode.success else 0.0
        return self.success * episode.success + self.progress * episode.progress + self.speed * max(speed, 0.0)


@dataclass(frozen=True, kw_only=True)
class CampaignConfig:
    """What `enpire run` was asked to do."""

    task: str
    """Task name, e.g. `gym:gym_pusht/PushT-v0`."""
    options: dict[str, float] = field(default_factory=dict)
    """Task options, e.g. `observation_noise_px`."""
    declaration: str | None = None
    """Path of a user-written task declaration; None uses the shipped one."""
    agent: str = "builtin"
    """Which researchers propose ideas: a name, or a mix such as `codex:2,claude:2`."""
    agents: int = 4
    """How many researchers work in parallel, each on its own branch. A mix with numbers says it itself."""
    models: dict[str, str] = field(default_factory=dict)
    """Model to ask for, by agent; else the agent's own default."""
    session: Literal["short", "long"] = "short"
    """short: a fresh session per idea. long: one session per researcher, continued from idea to idea."""
    session_minutes: float = 30.0
    """Thinking time of a session; waiting for robots is not counted."""
    vision: Literal["native", "function", "none"] = "native"
    """What agents may see: images as they like, only through the `frames` tool, or none at all."""
    online: bool = False
    """Whether the literature tool may search the network."""
    knowledge: str = ""
    """What an earlier campaign learned, as text; see `enpire distill`."""
    stations: int = 2
    """How many stations run episodes."""
    target: float = 0.95
    """Success rate to certify; reaching it ends the campaign."""
    alpha: float = 0.05
    """Probability that the campaign makes a false claim."""
    budget_episodes: int | None = None
    """Stop after this many started episodes."""
    budget_minutes: float | None = None
    """Stop after this much wall time."""
    budget_ideas: int | None = None
    """Stop after this many ideas."""
    budget_tokens: int | None = None
    """Stop after this many model tokens."""
    budget_usd: float | None = None
    """Stop after this much money, by `prices`."""
    session_tokens: int | None = None
    """Model tokens of one session."""
    idea_tokens: int | None = None
    """Model tokens of one idea."""
    prices: dict[str, dict[str, float]] = field(default_factory=dict)
    """US dollars per million tokens, by model: `input`, `output` and optionally `cached`, `cache_write`."""
    login: bool = False
    """Whether agents use the user's own login, past the gateway, instead of a key."""
    script: str = ""
    """Script that plays every model, for demonstrations and tests; empty asks the providers."""
    plateau_ideas: int = 80
    """Stop when this many ideas in a row were not kept and no claim is in reach."""
    seed: int | None = None
    """Makes seeds and the built-in researcher repeatable; None draws a secret key."""
    video: Literal["none", "sample", "all"] = "sample"
    """Which episodes get a video."""
    isolation: Literal["auto", "namespaces", "lsm", "none"] = "auto"
    """Isolation level demanded of policy workers."""
    objective: Objective = field(default_factory=Objective)
    """What races compare."""
