"""e-BH and the levels of repeated claims."""

from itertools import islice, pairwise
from math import inf, log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ville.evalues import ebh

from enpire.statistics.spending import claim_level, claim_levels, e_bh

logs = st.lists(st.floats(-20, 20), max_size=30)
alphas = st.floats(0.01, 0.5)


@given(values=logs, alpha=alphas)
def test_e_bh_agrees_with_ville(values: list[float], alpha: float) -> None:
    theirs = np.flatnonzero(ebh(np.exp(values), alpha)) if values else []
    assert e_bh(values, alpha) == tuple(theirs)


@given(values=logs, alpha=alphas, order=st.randoms())
def test_e_bh_does_not_depend_on_order(values: list[float], alpha: float, order) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(values)
    order.shuffle(shuffled)
    rejected = sorted(values[index] for index in e_bh(values, alpha))
    assert rejected == sorted(shuffled[index] for index in e_bh(shuffled, alpha))


@given(values=logs.filter(bool), alpha=alphas)
def test_more_evidence_never_rejects_less(values: list[float], alpha: float) -> None:
    stronger = [values[0] + 1, *values[1:]]
    assert set(e_bh(values, alpha)) <= set(e_bh(stronger, alpha))


def test_e_bh_by_hand() -> None:
    assert e_bh([], 0.05) == ()
    assert e_bh([log(20)], 0.05) == (0,)
    assert e_bh([log(19.9)], 0.05) == ()
    assert e_bh([log(39.9), log(1), log(20.1)], 0.05) == ()
    assert e_bh([log(30.1), log(1), log(30.1)], 0.05) == (0, 2)
    assert e_bh([-inf, inf], 0.05) == (1,)
    assert e_bh([-inf, -inf], 0.05) == ()


@given(alpha=alphas)
def test_claim_levels_spend_alpha_and_no_more(alpha: float) -> None:
    first = list(islice(claim_levels(alpha), 40))
    assert first == [claim_level(alpha, attempt) for attempt in range(40)]
    assert all(earlier > later > 0 for earlier, later in pairwise(first))
    assert sum(first) == pytest.approx(alpha)
    assert sum(first) <= alpha * (1 + 1e-12)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="2"):
        e_bh([0.0], 2)
    with pytest.raises(ValueError, match="NaN"):
        e_bh([nan], 0.05)
    with pytest.raises(ValueError, match="-1"):
        claim_level(0.05, -1)
    with pytest.raises(ValueError, match="7"):
        claim_levels(7)
