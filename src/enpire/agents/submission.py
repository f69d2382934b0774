"""What passes between harness and agent as files: `brief.json` goes in, `submission.json` comes out."""

import os
import stat
from dataclasses import fields
from pathlib import Path

import msgspec

from enpire.core.errors import BadInput
from enpire.core.records import Proposal, from_builtins

BRIEF = "brief.json"
SUBMISSION = "submission.json"
SUBMISSION_CAP_BYTES = 64 << 10


def read_submission(folder: Path) -> Proposal | None:
    """What an agent handed in, in a session folder; None if it handed in nothing.

    A folder used for a second session still holds what the first one handed in.

    Raises:
        BadInput: The submission is not a valid proposal; the message is one line for the agent.
    """
    path = folder / SUBMISSION
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"{SUBMISSION} cannot be read: {error.strerror}; write a plain file") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInput(f"{SUBMISSION} is not a plain file; write your proposal as JSON into one")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(SUBMISSION_CAP_BYTES + 1)
    return read_proposal(data)


def read_proposal(data: bytes) -> Proposal:
    """Proposal from the bytes of `submission.json`. What it says is judged later, at the door for ideas.

    Raises:
        BadInput: Too long, not JSON, unknown or missing fields, or values of a wrong type.
    """
    if len(data) > SUBMISSION_CAP_BYTES:
        raise BadInput(f"{SUBMISSION} is larger than {SUBMISSION_CAP_BYTES} bytes; hand in code as files")
    try:
        plain = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput(f"{SUBMISSION} is not JSON: {error}") from None
    known = [field.name for field in fields(Proposal)]
    if isinstance(plain, dict) and (unknown := sorted(set(plain) - set(known))):
        raise BadInput(f"{SUBMISSION} has unknown fields {', '.join(unknown)[:200]}; known: {', '.join(known)}")
    return from_builtins(plain, Proposal)
