"""Claims behind an imperfect judge: from the rate that it reports to the true one.

With p the true success rate, FN the share of successes and FP the share of failures that the judge gets wrong, it
reports successes at the rate q = p (1 - FN) + (1 - p) FP. Whatever FN is, q <= p + (1 - p) FP. So p >= p0 follows from
q >= p0 + (1 - p0) FP, and a bound for FP, counted once and for all by a verifier card, takes the place of FP.

Source: Rogan and Gladen, American Journal of Epidemiology 107 (1978), solved for p and with the least favourable ends.
The error budget: the card's bound is wrong with probability `card_alpha`, once for all claims of a campaign; their
tests share the rest. By the union bound a false claim has probability alpha at most.
"""

from math import ceil, log

from enpire.core.records import VerifierErrors
from enpire.statistics import one_sample
from enpire.statistics.intervals import clopper_pearson

CARD_SHARE = 0.1
"""Share of a campaign's error probability that its verifier card takes: 0.005 of 0.05, so a bound at 99.5 %.

Splitting costs little either way: with 0 of 250 a tenth instead of a half moves the bound for FP from 1.5 % to 2.1 %,
and the claims' tests keep nine tenths of their level.
"""


def split(alpha: float, errors: VerifierErrors | None) -> tuple[float, float]:
    """Error probability left for a campaign's claims, and `card_alpha`; without a card it has no share.

    Args:
        alpha: Error probability of the whole campaign, in (0, 1).
        errors: From the task's verifier card; None without one.
    """
    card_alpha = 0.0 if errors is None else CARD_SHARE * alpha
    return alpha - card_alpha, card_alpha


def fp_upper(errors: VerifierErrors | None, card_alpha: float) -> float:
    """Upper bound for P(the judge says success | failure); 0 without a card, 1 for a card without negatives.

    The largest of the Clopper-Pearson bounds of all sorts of failures. It holds with probability 1 - card_alpha for a
    policy whose failures are no worse than the worst sort that was counted: the largest of the bounds is below the
    largest of the rates only if the bound of that sort is.

    Args:
        errors: Counts of the card.
        card_alpha: Error probability, in (0, 1); ignored without a card.
    """
    if errors is None:
        return 0.0
    counts = list(errors.false_positives.values()) or [(0, 0)]
    return max(clopper_pearson(wrong, n, 1 - 2 * card_alpha).high for wrong, n in counts)


def required_rate(p0: float, fp_upper: float) -> float:
    """Rate q0 that the judge must report so that the true rate is at least p0: p0 + (1 - p0) FP.

    Args:
        p0: The rate to claim, in [0, 1].
        fp_upper: Upper bound for the rate at which failures are reported as successes.
    """
    _check_rates(p0=p0, fp_upper=fp_upper)
    return p0 + (1 - p0) * fp_upper


def true_rate(q_lower: float, fp_upper: float, fn_lower: float = 0.0) -> float:
    """Lower bound for the true success rate behind an imperfect judge; the inverse of `required_rate`.

    p >= (q_lower - fp_upper) / (1 - fp_upper - fn_lower), clipped to [0, 1]. The error probabilities of the bounds
    that go in add up. A judge with fp_upper + fn_lower >= 1 certifies nothing: the result is 0.

    Args:
        q_lower: Lower bound for the reported success rate.
        fp_upper: Upper bound for the rate at which failures are reported as successes.
        fn_lower: Lower bound for the rate at which successes are reported as failures. Claims leave it at 0: what
            successes of an unknown policy look like is not known beforehand.
    """
    _check_rates(q_lower=q_lower, fp_upper=fp_upper, fn_lower=fn_lower)
    if fp_upper >= 1 - fn_lower:
        return 0.0
    return min(1.0, max(0.0, (q_lower - fp_upper) / (1 - fp_upper - fn_lower)))


def true_lower_bound(successes: int, failures: int, alpha: float, fp_upper: float) -> float:
    """Time-uniform lower bound of the true success rate: `one_sample.lower_bound` of the reported one, corrected.

    It holds with probability 1 - alpha - card_alpha.

    Args:
        successes, failures: As the judge saw them.
        alpha: Error probability of the sequential bound, in (0, 1).
        fp_upper: See `fp_upper`.
    """
    return true_rate(one_sample.lower_bound(successes, failures, alpha), fp_upper)


def out_of_reach(p0: float, alpha: float, card_alpha: float, errors: VerifierErrors | None, most: int) -> str:
    """Why the judge's errors keep a true rate of p0 from being proven within `most` episodes, as one line.

    Args:
        p0: The rate to claim, in (0, 1).
        alpha: Level of the claim's test.
        card_alpha: Share of the card.
        errors: Counts of the card.
        most: Episodes after which a claim is given up.

    Returns:
        Empty if it can be proven, and if not even a perfect judge could do it.
    """
    if errors is None or not _provable(p0, alpha, 0.0, most):
        return ""
    sorts = errors.false_positives or {"laid": (0, 0)}
    bounds = {sort: clopper_pearson(wrong, n, 1 - 2 * card_alpha).high for sort, (wrong, n) in sorts.items()}
    worst = max(bounds, key=lambda sort: bounds[sort])
    if _provable(p0, alpha, bounds[worst], most):
        return ""
    wrong, n = sorts[worst]
    enough = negatives_needed(p0, alpha, card_alpha, wrong, most)
    return (
        f"the verifier card counts {wrong} of {n} true failures ({worst}) that the judge called successes, so it may "
        f"do so with {percent_up(bounds[worst])} of all failures, and {most} successes in a row would not prove a rate "
        f"of {p0:g}; a card with {enough} of them ({enough - n} more) and no further wrong call would do"
    )


def negatives_needed(p0: float, alpha: float, card_alpha: float, wrong: int, most: int) -> int:
    """Fewest true failures on a card, `wrong` of them called successes, with which `most` successes prove p0.

    Arguments as `out_of_reach`; a perfect judge must be able to do it.
    """

    def enough(n: int) -> bool:
        return _provable(p0, alpha, clopper_pearson(wrong, n, 1 - 2 * card_alpha).high, most)

    few, many = wrong, wrong + 1
    while not enough(many):
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


def percent_up(rate: float) -> str:
    """A bound from above in per cent, always rounded up: a judge never gets better in print."""
    return f"{ceil(1000 * rate) / 10:g} %"


def _provable(p0: float, alpha: float, fp_upper: float, most: int) -> bool:
    """Whether `most` successes in a row prove a true rate of p0."""
    q0 = required_rate(p0, fp_upper)
    return q0 < 1 and one_sample.log_e_value(most, 0, q0) >= -log(alpha)


def _check_rates(**rates: float) -> None:
    for name, value in rates.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; a rate is in [0, 1]")
