"""Claims and confirmations with their counts, intervals and evidence, as they stand in the ledger."""

from dataclasses import dataclass
from functools import lru_cache
from math import inf, log

from enpire.core.records import Episode
from enpire.ledger.events import StudyClosed
from enpire.ledger.state import State, Study
from enpire.statistics import intervals, one_sample, spending, two_sample, verifier

_ISOLATION = ("none", "lsm", "namespaces")
"""Isolation levels, weakest first."""

time_uniform_bound = lru_cache(maxsize=512)(one_sample.lower_bound)
"""`one_sample.lower_bound` with a memory: (successes, failures, alpha) to bound."""


@dataclass(frozen=True, kw_only=True)
class ClaimReport:
    """A statement "success >= p0" and how far it came.

    The counts hold every episode that was started for the claim, as its certificate does: those in flight when it was
    settled come in later and count too. Leaving them out would favour successes, which end sooner than timeouts.

    Attributes:
        state: open, certified or abandoned. Certified needs the ledger's decision and the evidence of all episodes.
        alpha, card_alpha: Level spent on its test, and the share of the task's verifier card; 0 without a card.
        fp_upper: Upper bound for the share of failures that the judge calls successes, by the card.
        q0: Rate the judge must report so that the true one is at least p0; p0 without a card.
        episodes, successes: Valid fresh episodes that it rests on.
        wilson: 95 % Wilson interval of the rate.
        lower_bound: Time-uniform lower bound of the rate the judge reports, at level `alpha`.
        true_lower_bound: The same of the true success rate, at level `alpha + card_alpha`.
        log_e: Natural logarithm of the e-value against "the judge reports success at a rate <= q0".
        needed: What `log_e` must reach.
        invalid: Episodes that did not count, the station's fault.
        confinement: Weakest isolation level among its episodes; empty without episodes.
        manifests: Hashes of what judged them; one unless the environment changed on the way.
        stations: Station to (successes, episodes).
    """

    study: str
    idea: str
    candidate: str
    p0: float
    alpha: float
    card_alpha: float
    fp_upper: float
    q0: float
    state: str
    certified: bool
    episodes: int
    successes: int
    wilson: tuple[float, float]
    lower_bound: float
    true_lower_bound: float
    log_e: float
    needed: float
    reason: str
    invalid: int
    confinement: str
    manifests: tuple[str, ...]
    stations: dict[str, tuple[int, int]]
    opened_s: float
    closed_s: float | None


@dataclass(frozen=True, kw_only=True)
class ConfirmationReport:
    """A statement "the candidate beats the incumbent".

    Attributes:
        tested: Whether it is a test at level `alpha`, against an incumbent of its own. If not, it is a second look on
            fresh episodes before a candidate is crowned: a search decision, with no error bound of its own.
        state: open, confirmed or not confirmed.
        log_e: Natural logarithm of the e-value against "the candidate is no better".
        discovery: Whether e-BH at the campaign's alpha keeps it among all closed tests.
    """

    study: str
    idea: str
    candidate: str
    incumbent: str
    tested: bool
    alpha: float
    state: str
    accepted: bool
    episodes: int
    successes: int
    wilson: tuple[float, float]
    incumbent_episodes: int
    incumbent_successes: int
    incumbent_wilson: tuple[float, float]
    log_e: float
    discovery: bool
    reason: str
    confinement: str
    opened_s: float
    closed_s: float | None


def claims(state: State) -> list[ClaimReport]:
    """All claims, oldest first."""
    return [_claim(study) for study in state.studies.values() if study.opened.kind == "claim"]


def confirmations(state: State) -> list[ConfirmationReport]:
    """All confirmations, oldest first, with what e-BH keeps among those that are closed tests."""
    studies = [study for study in state.studies.values() if study.opened.kind == "confirm"]
    closed = [study for study in studies if isinstance(study.closed, StudyClosed) and study.opened.alpha > 0]
    alpha = state.config.alpha if state.config is not None else 0.05
    values = [study.closed.log_e for study in closed if isinstance(study.closed, StudyClosed)]
    kept = {closed[index].name for index in spending.e_bh(values, alpha)} if values else set()
    return [_confirmation(state, study, study.name in kept) for study in studies]


def weakest(levels: set[str]) -> str:
    """Weakest isolation level of a set; empty for an empty set. A level that is not known is the weakest."""
    return min(levels, key=lambda level: _ISOLATION.index(level) if level in _ISOLATION else -1, default="")


def counted(state: State, study: Study, commit: str) -> list[Episode]:
    """Valid episodes of a candidate in a study, those recorded after its answer left out."""
    return [x for x in study.of(commit) if study.closed_s is None or state.recorded_s[x.ticket] <= study.closed_s]


def tally(episodes: list[Episode]) -> tuple[int, int]:
    """Successes and number of episodes."""
    return sum(episode.success for episode in episodes), len(episodes)


def _claim(study: Study) -> ClaimReport:
    opened, closed = study.opened, study.closed if isinstance(study.closed, StudyClosed) else None
    episodes = study.of(opened.arms[0])
    successes, n = tally(episodes)
    log_e = one_sample.log_e_value(successes, n - successes, opened.judged_p0)
    certified = closed is not None and closed.accepted and log_e >= needed(opened.alpha)
    reason = closed.reason if closed is not None else ""
    if closed is not None and closed.accepted and not certified:
        reason += "; undone by episodes that were in flight at that moment"
    stations = sorted({episode.station for episode in episodes})
    fp_upper = (opened.judged_p0 - opened.p0) / (1 - opened.p0)
    bound = time_uniform_bound(successes, n - successes, opened.alpha)
    return ClaimReport(
        study=study.name,
        idea=opened.idea,
        candidate=opened.arms[0],
        p0=opened.p0,
        alpha=opened.alpha,
        card_alpha=opened.card_alpha,
        fp_upper=fp_upper,
        q0=opened.judged_p0,
        state="open" if closed is None else "certified" if certified else "abandoned",
        certified=certified,
        episodes=n,
        successes=successes,
        wilson=intervals.wilson(successes, n),
        lower_bound=bound,
        true_lower_bound=verifier.true_rate(bound, fp_upper),
        log_e=log_e,
        needed=needed(opened.alpha),
        reason=reason,
        invalid=sum(episode.result == "invalid" for episode in study.episodes),
        confinement=weakest({episode.confinement for episode in episodes}),
        manifests=tuple(sorted({episode.manifest for episode in episodes})),
        stations={name: tally([x for x in episodes if x.station == name]) for name in stations},
        opened_s=study.opened_s,
        closed_s=study.closed_s,
    )


def _confirmation(state: State, study: Study, discovery: bool) -> ConfirmationReport:
    opened, closed = study.opened, study.closed if isinstance(study.closed, StudyClosed) else None
    ours, theirs = counted(state, study, opened.arms[0]), counted(state, study, opened.incumbent)
    (successes, n), (other_successes, other_n) = tally(ours), tally(theirs)
    live = two_sample.log_e_value([x.success for x in theirs], [x.success for x in ours])
    return ConfirmationReport(
        study=study.name,
        idea=opened.idea,
        candidate=opened.arms[0],
        incumbent=opened.incumbent,
        tested=opened.alpha > 0,
        alpha=opened.alpha,
        state="open" if closed is None else "confirmed" if closed.accepted else "not confirmed",
        accepted=closed is not None and closed.accepted,
        episodes=n,
        successes=successes,
        wilson=intervals.wilson(successes, n),
        incumbent_episodes=other_n,
        incumbent_successes=other_successes,
        incumbent_wilson=intervals.wilson(other_successes, other_n),
        log_e=closed.log_e if closed else live,
        discovery=discovery,
        reason=closed.reason if closed else "",
        confinement=weakest({episode.confinement for episode in [*ours, *theirs]}),
        opened_s=study.opened_s,
        closed_s=study.closed_s,
    )


def needed(alpha: float) -> float:
    """Log e-value that proves a statement at level alpha; infinite for alpha 0."""
    return -log(alpha) if alpha > 0 else inf
