"""What an agent hands in as a file: plain files with a proposal, anything else is refused in one line."""

import os
from pathlib import Path

import pytest

from enpire.agents.submission import SUBMISSION, read_proposal, read_submission
from enpire.core.errors import BadInput
from enpire.core.records import Proposal, encode


def test_no_submission_is_no_proposal(tmp_path: Path) -> None:
    assert read_submission(tmp_path) is None


@pytest.mark.parametrize("make", [lambda p: p.symlink_to("/etc/passwd"), os.mkfifo, os.mkdir])
def test_submission_that_is_not_a_plain_file_is_refused(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / SUBMISSION)
    with pytest.raises(BadInput, match="plain file"):
        read_submission(tmp_path)


def test_proposal_survives_the_round_trip(tmp_path: Path) -> None:
    proposal = Proposal(hypothesis="it helps", parent="0003", adopt=("0002",), variants=({}, {"a.b": 1.5}))
    (tmp_path / SUBMISSION).write_bytes(encode(proposal))
    assert read_submission(tmp_path) == proposal


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 50_000, "JSON"),
        (b"[]", "Proposal"),
        (b"{}", "hypothesis"),
        (b'{"hypothesis": 3}', "hypothesis"),
        (b'{"hypothesis": "x", "varients": []}', "varients"),
        (b'{"hypothesis": "x", "variants": [{"a.b": "1"}]}', "Proposal"),
        (b'{"hypothesis": "x", "variants": [{"a.b": 1e999}]}', ""),
        (b'{"hypothesis": "' + b"x" * 70_000 + b'"}', "larger"),
    ],
)
def test_bad_submissions_get_one_clear_line(data: bytes, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_proposal(data)
    assert words in str(caught.value) and "\n" not in str(caught.value)
