"""S3, S4 and windows: power and error of the sequential tests, and what "50 in a row" is worth."""

from math import inf, log

import numpy as np
from numpy.typing import NDArray
from tables import Table, share, with_error
from ville import BernoulliCS, BernoulliTest, BettingABTest

from enpire.statistics import legacy, one_sample, two_sample

ALPHA = 0.05
BLOCKS = 200
CHUNK = 2_000
PAIRS = ((0.3, 0.6), (0.5, 0.7), (0.6, 0.9), (0.7, 0.9), (0.8, 0.95), (0.9, 0.98), (0.1, 0.1), (0.5, 0.5), (0.9, 0.9))
CLAIMS = (0.90, 0.95, 0.98, 0.99)
MANY = 10**9


def comparisons(repeats: int) -> list[Table]:
    """S3: the two-sample e-process, and ville's betting test on a few of the same pairs."""
    rows = []
    for p_a, p_b in PAIRS:
        print(f"  S3: {p_a} -> {p_b}", flush=True)
        rng = np.random.default_rng([3, round(100 * p_a), round(100 * p_b)])
        used = np.concatenate([_blocks_used(p_a, p_b, CHUNK, rng) for _ in range(max(1, repeats // CHUNK))])
        decided = int(np.sum(used <= BLOCKS))
        mean_used = with_error(*_mean(np.minimum(used, BLOCKS)), digits=1)
        theirs = _ville_comparison(p_a, p_b, 60) if (p_a, p_b) in PAIRS[:4] else "-"
        rows.append((f"{p_a} → {p_b}", share(decided, len(used)), mean_used, theirs))
    note = (
        f"{max(1, repeats // CHUNK) * CHUNK} repeats per row, alpha {ALPHA}, at most {BLOCKS} episodes per arm, one-"
        "sided. Mean over decided and undecided runs. Equal rates show the Type-I error. ville: `BettingABTest`, two-"
        "sided at 0.1 (so 0.05 per side) on alternating episodes, 60 repeats, grid 2,000."
    )
    header = ("p_A → p_B", "rejected", "mean episodes per arm", "ville: rejected, mean episodes per arm")
    return [Table(name="s3", title="S3 Is B better than A?", note=note, header=header, rows=tuple(rows))]


def _blocks_used(p_a: float, p_b: float, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    path = two_sample.log_e_path(rng.random((n, BLOCKS)) < p_a, rng.random((n, BLOCKS)) < p_b)
    crossed = path >= -log(ALPHA)
    return np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1.0, inf)


def _ville_comparison(p_a: float, p_b: float, repeats: int) -> str:
    rng = np.random.default_rng(33)
    used = []
    for _ in range(repeats):
        treated = np.tile([0, 1], BLOCKS)
        outcomes = (rng.random(2 * BLOCKS) < np.where(treated, p_b, p_a)).astype(float)
        above = np.flatnonzero(BettingABTest(alpha=2 * ALPHA, grid=2_000).fit(outcomes, treated).lower_ > 0)
        used.append((above[0] + 1) / 2 if above.size else inf)
    return f"{share(int(np.sum(np.isfinite(used))), repeats)}, {np.minimum(used, BLOCKS).mean():.0f}"


def successes_needed(p0: float, failures: int) -> list[int]:
    """Successes at which "p >= p0" is claimed, with 0, 1, ... failures so far."""
    needed, low = [], 0
    for m in range(failures):
        step = 64
        high = low + step
        while one_sample.log_e_value(high, m, p0) < -log(ALPHA):
            low, step = high, 2 * step
            high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            if one_sample.log_e_value(middle, m, p0) < -log(ALPHA):
                low = middle
            else:
                high = middle
        needed.append(high)
        low = high - 1
    return needed


def episodes_to_claim(p: float, thresholds: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Episodes until the claim for n policies of true rate p; infinite after `len(thresholds)` failures without it.

    The run of successes before each failure is geometric, so a path costs one number per failure.
    """
    runs = rng.geometric(1 - p, size=(n, len(thresholds))) - 1 if p < 1 else np.full((n, len(thresholds)), MANY)
    reached = np.cumsum(runs, axis=1) >= thresholds
    first = reached.argmax(axis=1)
    return np.where(reached.any(axis=1), thresholds[first] + first, inf)


def claims(repeats: int) -> list[Table]:
    """S4: episodes to a claim, and how often a false one is made."""
    thresholds = {p0: np.array(successes_needed(p0, 300)) for p0 in CLAIMS}
    power, errors = [], []
    for p0 in CLAIMS:
        print(f"  S4: {p0}", flush=True)
        cells = [_claim_cell(p, p0, thresholds[p0], repeats) for p in (0.99, 0.999)]
        theirs = 1 + int(np.argmax(BernoulliCS(alpha=2 * ALPHA).fit(np.ones(1_500)).lower_ >= p0))
        fixed = int(np.ceil(log(ALPHA) / log(p0)))
        power.append((f"≥ {p0}", str(fixed), str(one_sample.episodes_needed(p0, ALPHA)), str(theirs), *cells))
        used = episodes_to_claim(p0, thresholds[p0], repeats, np.random.default_rng([4, round(1_000 * p0)]))
        horizon = 200 / (1 - p0)
        errors.append((f"≥ {p0}", f"{horizon:,.0f}", share(int(np.sum(used <= horizon)), repeats)))
    note = (
        f"{repeats} repeats per cell, alpha {ALPHA}. Mean ± 1.96 standard errors (90th percentile) of the episodes to "
        "the claim. ville: `BernoulliCS`, two-sided at 0.1, first episode at which its lower end reaches the claim."
    )
    header = (
        "claim",
        "fixed n, no failure",
        "anytime, no failure",
        "ville, no failure",
        "at true 0.99",
        "at true 0.999",
    )
    error_note = f"{repeats} policies per row with a true rate exactly at the claim, a look after every episode."
    return [
        Table(name="s4", title="S4 Episodes to a claim", note=note, header=header, rows=tuple(power)),
        Table(
            name="s4_errors",
            title="S4 False claims",
            note=error_note,
            header=("claim", "episodes", "claimed, 0.05 allowed"),
            rows=tuple(errors),
        ),
        _ville_identity(),
    ]


def _claim_cell(p: float, p0: float, thresholds: NDArray[np.int64], repeats: int) -> str:
    if p <= p0:
        return "-"
    used = episodes_to_claim(p, thresholds, repeats, np.random.default_rng([44, round(1e4 * p), round(1e4 * p0)]))
    finished = used[np.isfinite(used)]
    open_share = "" if len(finished) == repeats else f"; {repeats - len(finished)} still open"
    return f"{with_error(*_mean(finished), digits=1)} ({np.quantile(used, 0.9):,.0f}){open_share}"


def _ville_identity() -> Table:
    """Our one-sided e-values, upper and mirrored, mix to ville's two-sided one: largest difference on a grid."""
    worst = 0.0
    for p0 in (0.2, 0.5, 0.9, 0.98):
        outcomes = np.random.default_rng(5).random(400) < p0
        k, n = np.cumsum(outcomes), np.arange(1, 401)
        for index, theirs in enumerate(BernoulliTest(p0).fit(outcomes.astype(float)).log_e_values_):
            wins, losses = int(k[index]), int(n[index] - k[index])
            above = log(1 - p0) + one_sample.log_e_value(wins, losses, p0)
            below = log(p0) + one_sample.log_e_value(losses, wins, 1 - p0)
            worst = max(worst, abs(float(np.logaddexp(above, below)) - float(theirs)))
    note = "The uniform prior on (0, 1) of ville's `BernoulliTest` is the mixture of our prior and its mirror image."
    rows = (("largest difference of log e, 4 paths of 400 episodes", f"{worst:.1e}"),)
    return Table(name="s4_ville", title="S4 Cross-check", note=note, header=("check", "value"), rows=rows)


def perfect_window_probability(p: float, episodes: int, window: int = 50) -> float:
    """Exact probability of a run of `window` successes within `episodes`, by a Markov chain over the streak length."""
    state = np.zeros(window + 1)
    state[0] = 1.0
    for _ in range(episodes):
        moved = np.zeros_like(state)
        moved[1:] = state[:-1] * p
        moved[0] = state[:-1].sum() * (1 - p)
        moved[-1] += state[-1]
        state = moved
    return float(state[-1])


def windows(repeats: int) -> list[Table]:
    """How often a sliding window of 50 is perfect, exactly and with our code on simulated paths."""
    rows = []
    for p in (0.80, 0.90, 0.95, 0.98):
        print(f"  windows: {p}", flush=True)
        paths = np.random.default_rng([6, round(100 * p)]).random((repeats, 2_000)) < p
        ends = [legacy.perfect_window(path.tolist()) for path in paths]
        for n in (200, 500, 2_000):
            seen = sum(end is not None and end < n for end in ends)
            rows.append((str(p), f"{n:,}", f"{perfect_window_probability(p, n):.3f}", share(seen, repeats)))
    best = np.random.default_rng(7).binomial(50, 0.7, size=(repeats, 20)).max(axis=1) / 50
    note = (
        f"{repeats} simulated paths per row. One window of 50, registered before it begins, certifies p ≥ "
        f"{legacy.certifies():.3f} at alpha 0.05; our anytime bound for 50 of 50 is "
        f"{one_sample.lower_bound(50, 0, ALPHA):.3f}. The best of 20 equal 70 % candidates over 50 episodes each "
        f"reports {with_error(*_mean(best))}."
    )
    header = ("true rate", "episodes", "P(a perfect window), exact", "with `perfect_window`")
    return [Table(name="windows", title="50 in a row", note=note, header=header, rows=tuple(rows))]


def _mean(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
