"""The rule that turns what is known about an ended session into an outcome."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.agents.adapter import Failed, Trouble
from enpire.agents.outcome import BUDGET_WORDS, DETAIL_CAP, Evidence, ModelAnswer, Outcome, judge, one_line

TEXTS = st.text(max_size=60)
EVIDENCE = st.builds(
    Evidence,
    stopped=st.sampled_from(["", "stopped"]),
    overdue=st.sampled_from(["", "past its deadline of 3 s"]),
    answer=st.none()
    | st.builds(ModelAnswer, st.sampled_from([200, 400, 401, 403, 429, 500]), st.sampled_from(["", BUDGET_WORDS])),
    failed=st.none() | st.builds(Failed, st.sampled_from(get_args(Trouble)), TEXTS),
    status=st.integers(0, 255),
    last_words=TEXTS,
)


@given(EVIDENCE)
def test_the_first_line_of_the_table_that_applies_decides(evidence: Evidence) -> None:
    outcome, detail = judge(evidence)
    table: list[tuple[bool, Outcome]] = [(bool(evidence.stopped), "killed"), (bool(evidence.overdue), "limit")]
    if (answer := evidence.answer) is not None:
        table += [(answer.status in (401, 403), "auth"), (answer.status == 429, "rate_limited")]
        table += [(answer.status == 400 and BUDGET_WORDS in answer.text, "budget")]
    if evidence.failed:
        table += [(True, evidence.failed.trouble)]
    table += [(evidence.status == 0, "ok"), (evidence.status == 75, "rate_limited"), (True, "error")]
    assert outcome == next(named for applies, named in table if applies)
    assert len(detail) <= DETAIL_CAP and detail.isprintable()


@pytest.mark.parametrize(
    ("evidence", "detail"),
    [
        (Evidence(status=3, last_words="no such file"), "exit status 3: no such file"),
        (Evidence(status=139), "exit status 139 (SIGSEGV)"),
        (Evidence(answer=ModelAnswer(401, "bad key"), status=1), "HTTP 401: bad key"),
        (Evidence(answer=ModelAnswer(401), failed=Failed("error", "log in"), status=1), "HTTP 401: log in"),
        (Evidence(answer=ModelAnswer(500), status=1, last_words="gone"), "exit status 1: gone"),
        (Evidence(failed=Failed("context", "too long"), last_words="x"), "too long"),
        (Evidence(overdue="idle for 3 s", last_words="x", status=130), "idle for 3 s"),
    ],
)
def test_detail_says_more(evidence: Evidence, detail: str) -> None:
    assert judge(evidence)[1] == detail


@given(st.text())
def test_one_line_is_safe_to_print(text: str) -> None:
    line = one_line(text, 40)
    assert line.isprintable() and len(line) <= 40 and line == line.strip()


def test_one_line_removes_what_terminals_obey() -> None:
    assert one_line("\x1b[31mred\x1b[0m\n\x1b]0;title\x07and\u202e more\x00") == "red and more"
