"""The success curve: how good each champion was, judged by episodes that did not select it."""

from dataclasses import dataclass
from statistics import median

from enpire.ledger.state import State
from enpire.metrics.studies import tally, time_uniform_bound
from enpire.statistics import intervals, verifier


@dataclass(frozen=True)
class CurvePoint:
    """One reign of a champion: a flat piece of the success curve, from `at_s` to `until_s`.

    The rate is estimated from all fresh episodes known now, also those recorded after the reign, since they tell how
    good the policy was. The episodes that selected it are kept apart: they look too good.

    Attributes:
        at_s, until_s: Elapsed seconds; the last reign lasts until now.
        played: Episodes recorded before the reign, of whatever candidate and purpose.
        robot_s: Time on the robots' clocks that they took, resets included; 0 where nothing physical moves.
        successes, episodes: Fresh episodes.
        low, high: 95 % Wilson interval; (0, 1) without episodes.
        selected_successes, selected_episodes: The evidence that crowned it.
    """

    at_s: float
    until_s: float
    idea: str
    commit: str
    successes: int
    episodes: int
    low: float
    high: float
    selected_successes: int
    selected_episodes: int
    played: int = 0
    robot_s: float = 0.0

    @property
    def rate(self) -> float | None:
        """Fresh success rate; None without episodes."""
        return self.successes / self.episodes if self.episodes else None

    @property
    def selected_rate(self) -> float | None:
        """Success rate in the evidence that crowned it; None for the baseline."""
        return self.selected_successes / self.selected_episodes if self.selected_episodes else None


@dataclass(frozen=True, kw_only=True)
class ChampionReport:
    """How good the champion is.

    Attributes:
        successes, episodes: Fresh episodes.
        wilson: 95 % Wilson interval.
        lower_bound: Time-uniform lower bound of the rate the judge reports, at level `alpha`.
        true_lower_bound: Of the true success rate at level `alpha`, the verifier card's share included; the same
            without a card.
        lower_bound_episodes: Episodes that both bounds rest on: those of its claims if any, else all fresh ones.
        median_steps: Median steps to success; None without success.
    """

    idea: str
    commit: str
    successes: int
    episodes: int
    wilson: tuple[float, float]
    alpha: float
    lower_bound: float
    true_lower_bound: float
    lower_bound_episodes: int
    median_steps: float | None


def success_curve(state: State) -> list[CurvePoint]:
    """The champion's success rate over research wall-clock time, one point per reign, in order."""
    ends = [crown.at_s for crown in state.crowns[1:]] + [state.elapsed_s]
    points = []
    for crown, until_s in zip(state.crowns, ends, strict=True):
        successes, n = tally(state.fresh(crown.commit))
        seen, won, _ = state.ideas[crown.idea].evidence.get(crown.commit, (0, 0, 0.0))
        low, high = intervals.wilson(successes, n)
        before = [state.episodes[t] for t, at_s in state.recorded_s.items() if at_s <= crown.at_s]
        points.append(
            CurvePoint(
                crown.at_s,
                until_s,
                crown.idea,
                crown.commit,
                successes,
                n,
                low,
                high,
                won,
                seen,
                played=len(before),
                robot_s=sum(x.robot_s for x in before),
            )
        )
    return points


def champion(state: State) -> ChampionReport:
    """Estimate of the champion from episodes that did not select it."""
    crown, alpha = state.champion, state.config.alpha if state.config is not None else 0.05
    fresh = state.fresh(crown.commit)
    successes, n = tally(fresh)
    claimed = [episode for episode in fresh if episode.purpose == "claim"] or fresh
    won, of = tally(claimed)
    errors = state.spec.verifier if state.spec is not None else None
    left, card_alpha = verifier.split(alpha, errors)
    judged = time_uniform_bound(won, of - won, left)
    return ChampionReport(
        idea=crown.idea,
        commit=crown.commit,
        successes=successes,
        episodes=n,
        wilson=intervals.wilson(successes, n),
        alpha=alpha,
        lower_bound=time_uniform_bound(won, of - won, alpha),
        true_lower_bound=verifier.true_rate(judged, verifier.fp_upper(errors, card_alpha)),
        lower_bound_episodes=of,
        median_steps=median([x.steps for x in fresh if x.success]) if successes else None,
    )
