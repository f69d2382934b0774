"""Decisions: keep, drop, park, crown, claim. Made from the ledger alone, by the rules of `enpire.statistics`.

Each function looks at the state and returns the events that follow from it; none of them acts.
"""

import math
from dataclasses import dataclass, field

from scipy.special import betainc

from enpire.core.config import Objective
from enpire.core.records import BASELINE, MOST_TRIES, Episode, VerifierErrors
from enpire.ledger import events as e
from enpire.ledger.state import State, Study
from enpire.statistics import one_sample, two_sample, verifier
from enpire.statistics.race import RaceRule, Sample, decide, probability_better
from enpire.statistics.spending import claim_level

FINAL_CONFIRMATION = "confirm-final-"
"""Prefix of the confirmation that the final policy beats the baseline; the idea's id follows."""
MOST_LEFT_OUT = 0.02
"""Share of a claim's start states that may be left out because their resets failed; they might be the hard ones."""
FINAL_CLAIM = "-best"
"""Suffix of a claim about the best rate in reach, made when the target was missed."""


@dataclass(frozen=True, kw_only=True)
class ClaimRule:
    """When a claim is tried and when it is given up. These change the cost of claims, never their error."""

    worth_trying: float = 0.6
    """Open a claim when P(rate >= target | fresh episodes of the champion) exceeds this."""
    attempts: int = 6
    """Most claims of a campaign; each costs more than the one before (`spending.claim_level`)."""
    overtaken: float = 0.9
    """Abandon a claim when the champion succeeds more often than the policy claimed with more than this probability,
    and is itself worth a claim."""
    hopeless: float = 0.05
    """Abandon a claim with two or more failures when so many are less likely than this at the rate claimed."""
    cap: int = 3000
    """Episodes after which a claim is abandoned."""
    final_episodes: int = 150
    """Episodes spent at the end of a campaign on the best claim that is in reach."""


@dataclass(frozen=True, kw_only=True)
class ConfirmRule:
    """When a candidate must win again on fresh episodes before it is crowned.

    Winners must when keeps are rare. A variant that leads clearly when its race is used up gets the same chance: fresh
    episodes do not know that it is the best of many.
    """

    keep_rate: float = 0.1
    """Confirm before crowning when fewer of the recent ideas than this were kept."""
    recent: int = 20
    """How many ideas count as recent."""
    episodes: int = 30
    """Fresh episodes of a confirmation."""
    final_cap: int = 100
    """Most episodes per arm to prove that the champion beats the baseline."""
    final_patience: int = 25
    """Episodes per arm after which that proof is given up if the evidence points the other way."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All thresholds of a campaign's decisions."""

    race: RaceRule = field(default_factory=RaceRule)
    claim: ClaimRule = field(default_factory=ClaimRule)
    confirm: ConfirmRule = field(default_factory=ConfirmRule)


def settle(state: State, rules: Rules) -> list[e.EventBody]:
    """The next decision that the evidence allows; empty when there is none. Call again after applying it."""
    assert state.config is not None
    for study in state.open_studies("race"):
        if found := _decide_race(state, study, rules):
            return found
    for study in state.open_studies("confirm"):
        if found := _decide_confirmation(state, study, rules):
            return found
    for study in state.open_studies("claim"):
        cap = rules.claim.final_episodes if study.name.endswith(FINAL_CLAIM) else rules.claim.cap
        if found := _decide_claim(study, rules.claim.hopeless, cap) or _overtaken(state, study, rules.claim):
            return found
    return _open_claim(state, rules.claim)


def closing(state: State, rules: Rules) -> list[e.EventBody]:
    """What is still to be proven when the search is over: that it was not in vain, and the best claim in reach."""
    config = state.config
    assert config is not None
    commit = final_candidate(state)
    idea = _idea_of(state, commit)
    name = f"{FINAL_CONFIRMATION}{idea}"
    if name not in state.studies and commit != state.ideas[BASELINE].best:
        arms = {"study": name, "kind": "confirm", "idea": idea, "arms": (commit,)}
        return [e.StudyOpened(**arms, incumbent=state.ideas[BASELINE].best, alpha=config.alpha)]  # type: ignore[arg-type]
    if certified(state) is None and not _tried_final_claim(state):
        return _final_claim(state, rules.claim)
    return []


def certified(state: State) -> Study | None:
    """The claim that reached the campaign's target, if any."""
    assert state.config is not None
    for study in _claims(state):
        proven = isinstance(study.closed, e.StudyClosed) and study.closed.accepted
        if proven and study.opened.p0 >= state.config.target:
            return study
    return None


def final_candidate(state: State) -> str:
    """The policy the campaign hands back: what was certified, else the champion."""
    study = certified(state)
    return study.opened.arms[0] if study else state.champion.commit


def _sample(episodes: list[Episode], state: State) -> Sample:
    assert state.config is not None and state.spec is not None
    objective: Objective = state.config.objective
    return Sample.of([objective.utility(x, state.spec.max_steps) for x in episodes])


def _row(episodes: list[Episode], state: State) -> tuple[int, int, float]:
    sample = _sample(episodes, state)
    return (sample.n, sum(x.success for x in episodes), round(sample.mean, 6) if sample.n else 0.0)


# ---------------------------------------------------------------------- races


def _decide_race(state: State, study: Study, rules: Rules) -> list[e.EventBody]:
    fresh = state.fresh(state.champion.commit)
    incumbent = _sample(fresh, state)
    arms = {arm: _sample(study.of(arm), state) for arm in study.opened.arms}
    decision = decide(arms, incumbent, rules.race)
    if decision.verdict is None:
        return []
    best = decision.best or max(arms, key=lambda arm: arms[arm].mean if arms[arm].n else 0.0)
    probability = round(probability_better(arms[best], incumbent), 4)
    decided = e.IdeaDecided(
        idea=study.opened.idea,
        verdict=decision.verdict,
        best=best,
        probability=probability,
        evidence={**{a: _row(study.of(a), state) for a in arms}, "incumbent": _row(fresh, state)},
        reason=f"P(better than the champion) = {probability:.2f}",
    )
    won = decision.verdict == "kept"
    nearly = decision.verdict == "parked" and probability > rules.race.keep
    if nearly or (won and _keeps_are_rare(state, rules.confirm)):
        name = f"confirm-{study.opened.idea}"
        reason = "won its race" if won else "ahead, but perhaps only the luckiest variant"
        return [
            e.StudyClosed(study=study.name, accepted=won, reason=f"{reason}; to be confirmed", log_e=0.0),
            e.StudyOpened(study=name, kind="confirm", idea=study.opened.idea, arms=(best,)),
        ]
    if not won:
        return [decided]
    return [decided, e.ChampionCrowned(idea=study.opened.idea, commit=best)]


def _keeps_are_rare(state: State, rule: ConfirmRule) -> bool:
    decided = [n for n in state.ideas.values() if n.verdict is not None and n.idea.id != BASELINE]
    recent = sorted(decided, key=lambda n: n.decided_s or 0.0)[-rule.recent :]
    return len(recent) == rule.recent and sum(n.verdict == "kept" for n in recent) < rule.keep_rate * len(recent)


# ---------------------------------------------------------------------- confirmations


def _decide_confirmation(state: State, study: Study, rules: Rules) -> list[e.EventBody]:
    if study.name.startswith(FINAL_CONFIRMATION):
        return _decide_final_confirmation(study, rules.confirm)
    commit, idea = study.opened.arms[0], study.opened.idea
    episodes, fresh = study.of(commit), state.fresh(state.champion.commit)
    sample, incumbent = _sample(episodes, state), _sample(fresh, state)
    if sample.n < rules.race.minimum or incumbent.n < rules.race.minimum:
        return []
    probability = round(probability_better(sample, incumbent), 4)
    lost = sample.n >= 10 and probability < rules.race.discard
    if sample.n < rules.confirm.episodes and not lost:
        return []
    accepted = probability > 0.5
    race = state.studies[f"race-{idea}"]
    evidence = {arm: _row(race.of(arm), state) for arm in race.opened.arms}
    evidence |= {commit: _row(episodes, state), "incumbent": _row(fresh, state)}
    reason = f"on {sample.n} fresh episodes P(better than the champion) = {probability:.2f}"
    bodies: list[e.EventBody] = [
        e.StudyClosed(study=study.name, accepted=accepted, reason=reason, log_e=0.0),
        e.IdeaDecided(
            idea=idea,
            verdict="kept" if accepted else "parked",
            best=commit,
            probability=probability,
            evidence=evidence,
            reason=reason,
        ),
    ]
    return [*bodies, e.ChampionCrowned(idea=idea, commit=commit)] if accepted else bodies


def _decide_final_confirmation(study: Study, rule: ConfirmRule) -> list[e.EventBody]:
    start = [x.success for x in study.settled(study.opened.incumbent)]
    champion = [x.success for x in study.settled(study.opened.arms[0])]
    crossing = two_sample.first_rejection(start, champion, study.opened.alpha)
    log_e = two_sample.log_e_value(start[:crossing], champion[:crossing])
    n = min(len(start), len(champion))
    if crossing is None and n < (rule.final_cap if log_e > 0.0 else rule.final_patience):
        return []
    reason = "beats the baseline" if crossing else f"not proven within {n} episodes per arm"
    return [e.StudyClosed(study=study.name, accepted=crossing is not None, reason=reason, log_e=log_e)]


# ---------------------------------------------------------------------- claims


def _probability_at_least(p0: float, outcomes: list[bool]) -> float:
    """P(rate >= p0) under a uniform prior."""
    successes = sum(outcomes)
    return float(1.0 - betainc(1 + successes, 1 + len(outcomes) - successes, p0))


def _claims(state: State) -> list[Study]:
    return [s for s in state.studies.values() if s.opened.kind == "claim"]


def not_claimable(state: State, p0: float, rule: ClaimRule = ClaimRule()) -> str:
    """Why a success rate of p0 cannot be claimed about this task, whatever the policy; empty if it can."""
    assert state.config is not None
    if state.spec is None:
        return ""
    level, card_alpha = _levels(state)
    return state.spec.not_for_claims or verifier.out_of_reach(p0, level, card_alpha, state.spec.verifier, rule.cap)


def _levels(state: State) -> tuple[float, float]:
    """Level of the next claim, and the share of the verifier card."""
    assert state.config is not None
    left, card_alpha = verifier.split(state.config.alpha, _errors(state))
    return claim_level(left, len(_claims(state))), card_alpha


def _errors(state: State) -> VerifierErrors | None:
    return state.spec.verifier if state.spec is not None else None


def _judged(state: State, p0: float) -> float:
    """Rate that the judge must report so that the true one is at least p0."""
    return verifier.required_rate(p0, verifier.fp_upper(_errors(state), _levels(state)[1]))


def _claim(state: State, commit: str, p0: float, rule: ClaimRule, suffix: str = "") -> list[e.EventBody]:
    if not_claimable(state, p0, rule):
        return []
    level, card_alpha = _levels(state)
    return [
        e.StudyOpened(
            study=f"claim-{len(_claims(state)) + 1}{suffix}",
            kind="claim",
            idea=_idea_of(state, commit),
            arms=(commit,),
            p0=p0,
            alpha=level,
            q0=_judged(state, p0),
            card_alpha=card_alpha,
        )
    ]


def _open_claim(state: State, rule: ClaimRule) -> list[e.EventBody]:
    assert state.config is not None
    target = state.config.target
    if state.open_studies("claim") or certified(state) is not None or _tried_final_claim(state):
        return []
    if len(_claims(state)) >= rule.attempts:
        return []
    fresh = [x.success for x in state.fresh(state.champion.commit)]
    if not fresh or _probability_at_least(_judged(state, target), fresh) <= rule.worth_trying:
        return []
    return _claim(state, state.champion.commit, target, rule)


def _decide_claim(study: Study, hopeless: float, cap: int) -> list[e.EventBody]:
    outcomes = [x.success for x in study.of(study.opened.arms[0])]
    successes, failures = sum(outcomes), len(outcomes) - sum(outcomes)
    q0, alpha = study.opened.judged_p0, study.opened.alpha
    broken = study.broken(study.opened.arms[0]).values()
    left_out = sum(count >= MOST_TRIES for count in broken)
    if left_out > MOST_LEFT_OUT * (left_out + len(outcomes)) and left_out > 1:
        reason = f"given up: {left_out} start states could not be played, {len(outcomes)} could"
        return _closed_claim(study, False, reason)
    if one_sample.log_e_value(successes, failures, q0) >= -math.log(alpha):
        if study.in_flight or left_out < len(broken):
            return []  # every started episode counts: wait for those in flight, and those that broke and play again
        return _closed_claim(study, True, f"success >= {study.opened.p0:g} proven")
    many = failures >= 2 and betainc(failures, successes + 1, 1.0 - q0) < hopeless  # binomial tail at the rate q0
    if len(outcomes) >= cap or many:
        return _closed_claim(study, False, f"given up: {successes} of {len(outcomes)}")
    return []


def _overtaken(state: State, study: Study, rule: ClaimRule) -> list[e.EventBody]:
    """A claim's episodes are better spent on a champion that has come since and is better."""
    assert state.config is not None
    claimed, champion = study.opened.arms[0], state.champion.commit
    if claimed == champion or study.opened.p0 < state.config.target:
        return []
    fresh = [x.success for x in state.fresh(champion)]
    outcomes = [x.success for x in study.of(claimed)]
    log_e = one_sample.log_e_value(sum(outcomes), len(outcomes) - sum(outcomes), study.opened.judged_p0)
    if log_e >= -math.log(study.opened.alpha):
        return []  # proven, unless an episode in flight speaks against it
    if not fresh or _probability_at_least(_judged(state, study.opened.p0), fresh) <= rule.worth_trying:
        return []
    if probability_better(Sample.of(fresh), Sample.of(outcomes)) <= rule.overtaken:
        return []
    return _closed_claim(
        study, False, f"given up: {sum(outcomes)} of {len(outcomes)}; idea {state.champion.idea} is better"
    )


def _closed_claim(study: Study, accepted: bool, reason: str) -> list[e.EventBody]:
    outcomes = [x.success for x in study.of(study.opened.arms[0])]
    successes, failures = sum(outcomes), len(outcomes) - sum(outcomes)
    log_e = one_sample.log_e_value(successes, failures, study.opened.judged_p0)
    bound = one_sample.lower_bound(successes, failures, study.opened.alpha)
    return [e.StudyClosed(study=study.name, accepted=accepted, reason=reason, log_e=log_e, lower_bound=bound)]


FINAL_RATES = (0.99, 0.98, 0.97, 0.95, 0.93, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Rates that the last claim of a campaign may be about."""


def _final_claim(state: State, rule: ClaimRule) -> list[e.EventBody]:
    """Claim the highest rate that the fresh episodes make likely, below the target."""
    assert state.config is not None
    fresh = [x.success for x in state.fresh(state.champion.commit)]
    if state.champion.idea == BASELINE or not fresh:
        return []
    for p0 in FINAL_RATES:
        if p0 < state.config.target and _probability_at_least(_judged(state, p0), fresh) > 0.9:
            return _claim(state, state.champion.commit, p0, rule, FINAL_CLAIM)
    return []


def _tried_final_claim(state: State) -> bool:
    return any(s.name.endswith(FINAL_CLAIM) and s.opened_s >= state.settings_s for s in _claims(state))


def _idea_of(state: State, commit: str) -> str:
    for crown in reversed(state.crowns):
        if crown.commit == commit:
            return crown.idea
    return state.champion.idea
