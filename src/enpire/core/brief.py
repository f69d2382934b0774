"""What a researcher is told at the start of a session, whoever it is. Written by the harness, read by agents."""

from dataclasses import dataclass, field

from enpire.core.records import IdeaVerdict, TaskSpec


@dataclass(frozen=True, kw_only=True)
class ArmReport:
    """How one candidate did in a race.

    Attributes:
        commit: The candidate; its files are under `Brief.candidates/<commit>/`.
        point: The declared parameters that set this variant apart.
        episodes, successes: Counts on search seeds.
        utility: Mean utility in [0, 1].
    """

    commit: str
    point: dict[str, float]
    episodes: int
    successes: int
    utility: float


@dataclass(frozen=True, kw_only=True)
class FailureCard:
    """Typed evidence about one candidate instead of logs.

    Attributes:
        episodes, successes: Valid episodes on search seeds.
        reasons: Failures by reason.
        failure_progress: Quartiles of the final progress among failures; empty without failures.
        near_misses: Failures that came to progress >= 0.9 at some step.
        lost_again: Failures whose final progress fell more than 0.1 below the best they had reached.
        median_success_steps: Median steps to success; None without successes.
        p99_action_ms: Largest p99 latency of an action over the episodes.
        missed_periods: Control periods overrun, in total.
        log_tail: Last lines printed by the policy in its latest failed episode. Untrusted text.
    """

    episodes: int
    successes: int
    reasons: dict[str, int]
    failure_progress: tuple[float, ...]
    near_misses: int
    lost_again: int
    median_success_steps: float | None
    p99_action_ms: float
    missed_periods: int
    log_tail: str = ""


@dataclass(frozen=True, kw_only=True)
class IdeaReport:
    """An idea with its verdict, as every researcher may see it.

    Attributes:
        recipe: Slot to block name, read from the best candidate's `policy.py`.
        parameters: `block.parameter` to value of the best candidate.
        best: Commit of the best candidate.
        arms: Every variant that was raced.
        incumbent: The champion when it was decided, which it was compared with.
    """

    id: str
    agent: str
    kind: str
    hypothesis: str
    parent: str | None
    inspired_by: tuple[str, ...]
    verdict: IdeaVerdict | None
    reason: str
    probability: float
    recipe: dict[str, str]
    parameters: dict[str, float]
    best: str
    arms: tuple[ArmReport, ...] = ()
    incumbent: ArmReport | None = None


@dataclass(frozen=True, kw_only=True)
class Brief:
    """The machine-readable brief of a session (`brief.json`).

    Attributes:
        task: Public facts of the task.
        agent: Name of this researcher; it owns the branch `agents/<agent>`.
        session: Count of this researcher's sessions, from 0.
        seed: For the researcher's own random numbers.
        target: Success rate the campaign wants to certify.
        champion: Idea that holds the best policy.
        champion_episodes, champion_successes: Fresh episodes of the champion.
        ideas: All ideas so far, oldest first, the baseline included; undecided ones have `verdict` None.
        cards: Failure cards by idea: the champion's and those of recent ideas.
        refused: Latest refusals: (agent, hypothesis, reason).
        facts: How fast this machine is: quantity with its unit as suffix, to value. See `evolution.facts`.
        knowledge: What earlier campaigns learned, as Markdown; empty without any. Advice, not evidence.
        blocks: Names of the library blocks that fit the task, by slot.
        last_decided: This researcher's idea that was decided last; empty before the first verdict.
        candidates: Folder with a read-only checkout per commit.
        library: Folder with policy-building blocks, one `.py` and one `.toml` each.
        data: Folder with logged search episodes, one `.npz` each.
    """

    task: TaskSpec
    agent: str
    session: int
    seed: int
    target: float
    champion: str
    champion_episodes: int
    champion_successes: int
    ideas: tuple[IdeaReport, ...]
    candidates: str
    library: str
    data: str
    cards: dict[str, FailureCard] = field(default_factory=dict)
    refused: tuple[tuple[str, str, str], ...] = ()
    facts: dict[str, float] = field(default_factory=dict)
    knowledge: str = ""
    blocks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    last_decided: str = ""
