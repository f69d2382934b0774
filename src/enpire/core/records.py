"""The nouns of the system as frozen records. They carry data; they do nothing else.

All records are JSON-able with `encode` / `decode`; unknown or missing fields are errors.
"""

import sys
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput

Observation = dict[str, NDArray[Any]]
"""Named arrays, LeRobot keys: `observation.state`, `observation.images.<camera>`."""

Result = Literal["success", "failure", "invalid"]
Purpose = Literal["race", "control", "confirm", "claim", "filler"]
IdeaVerdict = Literal["kept", "dropped", "parked", "refused"]
Json = dict[str, Any]

FAILURE_REASONS = {
    "timeout": "the step limit was reached without success",
    "terminated": "the environment ended the episode without success",
    "load": "policy.py did not load: syntax error, import error or an exception in Policy(task)",
    "raised": "the policy raised an exception",
    "exited": "the policy process ended",
    "deadline": "the policy did not answer for several control periods in a row",
    "nonfinite": "the action held NaN or infinity",
    "shape": "the action had the wrong number of values",
    "protocol": "the policy process sent something that is not an action",
    "safety": "the safety supervisor stopped the robot",
    "stale": "a camera gave no new picture for more than three of its periods",
    "robot": "the robot did not answer or did not move",
    "unplayable": "the environment or station broke each time that the policy acted from this start state",
}
"""Why an episode counts as a failure of the candidate."""

INVALID_REASONS = {
    "reset_failed": "the scene could not be reset",
    "environment": "the environment raised or died",
    "station": "the station broke or was stopped",
}
"""Why an episode does not count: the station's fault, proven by the harness's own log."""


@dataclass(frozen=True, kw_only=True)
class ArraySpec:
    """Shape and type of one observation array.

    Attributes:
        shape: Array shape; images are (H, W, 3) uint8 RGB.
        dtype: NumPy dtype name.
        names: One name with unit per entry of a vector, e.g. `block_x_px`; empty if unknown.
        low, high: Declared bounds per entry, flattened; empty if unbounded.
        on_demand: Made when the policy reads it, so it costs nothing unread. It is neither in what `reset` and `step`
            return nor in the record.
    """

    shape: tuple[int, ...]
    dtype: str
    names: tuple[str, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    on_demand: bool = False


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """The action a policy must return: a float32 vector, clipped by the harness to [low, high].

    Attributes:
        size: Number of values.
        low, high: Bounds per value, finite. A discrete action is one value, an index, rounded.
        discrete: For each value, the number of choices, or 0 if it is continuous.
        names: One name with unit per value; empty if unknown.
    """

    size: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    discrete: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def clip(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Action inside the declared box; discrete entries are rounded to an index. Shape (size,)."""
        clipped = np.clip(values, self.low, self.high)
        if any(self.discrete):
            return np.where(np.asarray(self.discrete) > 0, np.rint(clipped), clipped)
        return clipped


@dataclass(frozen=True, kw_only=True)
class VerifierErrors:
    """What a task's verifier card says about failures that the judge calls successes.

    Attributes:
        false_positives: By sort of true failure (`laid` by hand to be hard, or met in a `campaign`): how many of them
            the judge called successes, of how many.
        doubt: Why these counts may not hold for the task as it is now; empty if they do.
    """

    false_positives: dict[str, tuple[int, int]]
    doubt: str = ""


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """All that a policy, an agent or a station may know about a task. No seed, no judge.

    Attributes:
        name: Name on the command line, e.g. `gym:gym_pusht/PushT-v0`.
        instruction: The task in one sentence, also given to `Policy.reset`.
        observation: Specification per observation key.
        action: What `select_action` must return.
        period_s: Control period; each action has one period of wall time.
        max_steps: Steps after which the episode is stopped.
        baseline: Which weak start policy of `workspace_template/` fits this task.
        scene: Facts a person would read in the task's manual (shapes, goal pose, units).
        options: Task options in force, e.g. observation noise.
        tools: Tools that a policy may call by name. If there are any, the policy is made as `Policy(task, tools)`.
        not_for_claims: Why nothing may be claimed about this task as it is set up; empty if claims are fine.
        note: What a user should know before it starts; empty for nothing.
        verifier: How wrong the judge may be, from the task's verifier card; None where it judges by the simulator's
            own state or nobody has measured it.
        manifest: SHA-256 over everything that judges: environment, versions, verdict rules, options.
    """

    name: str
    instruction: str
    observation: dict[str, ArraySpec]
    action: ActionSpec
    period_s: float
    max_steps: int
    baseline: str = "vector"
    scene: dict[str, Any] = field(default_factory=dict)
    options: dict[str, float] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    not_for_claims: str = ""
    note: str = ""
    verifier: VerifierErrors | None = None
    manifest: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the judge measured.

    Attributes:
        success: True or False; None if it could not tell (the episode is then a failure).
        progress: Partial credit in [0, 1].
        evidence: The measured numbers behind it.
    """

    success: bool | None
    progress: float
    evidence: dict[str, float] = field(default_factory=dict)


def _share(record: object, *names: str) -> None:
    """Keep one copy of strings that thousands of records repeat: a supervisor holds every record in memory."""
    for name in names:
        object.__setattr__(record, name, sys.intern(getattr(record, name)))


MOST_TRIES = 3
"""Times a candidate plays a start state on which episodes turn out invalid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """An order for exactly one episode. The seed is bound when the ticket is planned.

    Attributes:
        id: Unique in the campaign, counted from 1.
        candidate: Commit of the workspace.
        seed: Initial-state seed; known to the station, never to the policy.
        purpose: What the result will be used for.
        study: The race, claim or confirmation it belongs to.
        tries: Invalid episodes of this candidate from this start state before, in this study.
    """

    id: int
    candidate: str
    seed: int
    purpose: Purpose
    study: str
    tries: int = 0

    def __post_init__(self) -> None:
        _share(self, "candidate", "purpose", "study")


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One finished trial as it stands in the ledger and in `episode.json`.

    Attributes:
        result: success, failure (the policy's) or invalid (the station's fault).
        reason: Key of FAILURE_REASONS or INVALID_REASONS; empty on success.
        progress: In [0, 1].
        steps: Environment steps taken, held commands included.
        missed: Control periods the policy overran; each was charged one held command.
        duration_s: Wall time of the trial, reset included.
        robot_s: Time on the robot's clock, reset included; 0 where a reset moves nothing.
        reset_s: Of it, the reset.
        assists: Times that the reset needed a person.
        policy_cpu_s: CPU time of the policy process, loading included.
        latency_ms: p50, p99 and maximum wall time of one action.
        confinement: Isolation level reached: `namespaces`, `lsm` or `none`.
        manifest: `TaskSpec.manifest` it was judged under.
        artefacts: File name to SHA-256, relative to `folder`.
        folder: Episode folder relative to the campaign folder.
        evidence: Numbers of the final verdict.
        log_tail: Last lines the policy printed. Untrusted text.
    """

    ticket: int
    candidate: str
    seed: int
    purpose: Purpose
    study: str
    station: str
    result: Result
    reason: str
    progress: float
    steps: int
    missed: int
    duration_s: float
    policy_cpu_s: float
    latency_ms: tuple[float, float, float]
    confinement: str
    manifest: str
    artefacts: dict[str, str]
    folder: str
    evidence: dict[str, float] = field(default_factory=dict)
    log_tail: str = ""
    robot_s: float = 0.0
    reset_s: float = 0.0
    assists: int = 0

    def __post_init__(self) -> None:
        _share(self, "candidate", "purpose", "study", "station", "result", "reason", "confinement", "manifest")

    @property
    def success(self) -> bool:
        """Whether the judge saw success."""
        return self.result == "success"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One candidate of an idea: a commit, and the parameter point that sets it apart."""

    commit: str
    point: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What an agent hands in at the end of a session, beside the files of its workspace.

    Attributes:
        hypothesis: One sentence that an episode could prove wrong.
        kind: Sort of move, free text, e.g. `structure`, `tune`, `identify`, `cross`.
        parent: Idea whose code this builds on; None builds on the baseline.
        inspired_by: Other ideas whose recipes were used.
        adopt: Ideas whose change the harness cherry-picks onto the handed-in files.
        revert: Ideas whose change the harness reverts in the handed-in files.
        predicted_effect: Expected change of the success rate, in [-1, 1].
        variants: Up to 8 points of the declared parameters, `{"block.parameter": value}`; the first may be empty
            (the files as they are).
    """

    hypothesis: str
    kind: str = "code"
    parent: str | None = None
    inspired_by: tuple[str, ...] = ()
    adopt: tuple[str, ...] = ()
    revert: tuple[str, ...] = ()
    predicted_effect: float = 0.0
    variants: tuple[dict[str, float], ...] = ({},)


BASELINE = "0000"
"""Id of the idea that a campaign starts from."""


@dataclass(frozen=True, kw_only=True)
class Idea:
    """A hypothesis with its candidates: a node of the idea tree.

    Attributes:
        id: `0001`, `0002`, ... in order of submission; `0000` is the baseline.
        commit: The idea's commit; each variant is a child commit that changes declared values only.
    """

    id: str
    agent: str
    hypothesis: str
    kind: str
    parent: str | None
    inspired_by: tuple[str, ...]
    predicted_effect: float
    commit: str
    variants: tuple[Variant, ...]

    @classmethod
    def baseline(cls, commit: str) -> "Idea":
        """The root of the tree: the start policy."""
        return cls(
            id=BASELINE,
            agent="",
            hypothesis="Baseline",
            kind="baseline",
            parent=None,
            inspired_by=(),
            predicted_effect=0.0,
            commit=commit,
            variants=(Variant(commit=commit),),
        )


T = TypeVar("T")


def encode(record: object) -> bytes:
    """Canonical JSON of a record: sorted keys, UTF-8."""
    return msgspec.json.encode(record, order="sorted")


def decode(data: bytes | str, kind: type[T]) -> T:
    """Record of type `kind` from JSON.

    Raises:
        BadInput: The JSON does not fit the record.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"not a valid {kind.__name__}: {error}") from None


def to_builtins(record: object) -> Json:
    """Record as plain dicts, lists and numbers."""
    plain: Json = msgspec.to_builtins(record)
    return plain


def from_builtins(data: object, kind: type[T]) -> T:
    """Record of type `kind` from plain dicts and lists.

    Raises:
        BadInput: The data does not fit the record.
    """
    try:
        return msgspec.convert(data, type=kind)
    except msgspec.ValidationError as error:
        raise BadInput(f"not a valid {kind.__name__}: {error}") from None
