"""Every error a user can meet.

EnpireError
├── UnknownName        a task, agent, block ... that does not exist; lists those that do
├── BadInput           an argument, file or declaration that cannot be used
├── MissingProgram     something this machine lacks; says what to install
├── EnvironmentFault   the third-party environment or its installation failed (never the policy's fault)
├── ResetFailed        the scene could not be brought to a known start: no trial happens
├── StationFault       a station broke down in the middle of a trial
├── ToolError          a tool that a policy called refused or could not answer
├── PolicyFault        the candidate broke the policy contract; carries the failure reason
├── CampaignLocked     another supervisor owns this campaign
└── Damaged            a ledger, record or artefact does not match its hash
"""

from collections.abc import Iterable


class EnpireError(Exception):
    """Root of all errors that are shown to a user as one line."""


class UnknownName(EnpireError):
    """A name that is not registered; the message lists the valid ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        listed = ", ".join(sorted(known)) or "none"
        super().__init__(f"unknown {kind} {name!r}; known: {listed}{'. ' + hint if hint else ''}")


class BadInput(EnpireError):
    """A value the user gave that cannot be used; the message names it, the valid ones and the fix."""


class MissingProgram(EnpireError):
    """A program or library that is not on this machine; the message says what to install."""


class EnvironmentFault(EnpireError):
    """The environment raised, died or would not install. Trials in progress become invalid."""


class ResetFailed(EnpireError):
    """The scene is not in a known start state, so no trial may run on it."""


class StationFault(EnpireError):
    """The station broke in mid-trial. The episode is invalid and is replayed with the same seed."""


class ToolError(EnpireError):
    """A tool call that is refused or has no answer. The text goes back to whoever called; it lists what is valid."""


class PolicyFault(EnpireError):
    """The candidate broke the policy contract. The episode is a failure with `reason`.

    Attributes:
        reason: One of `enpire.core.records.FAILURE_REASONS`.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        super().__init__(f"{reason}: {detail}" if detail else reason)


class CampaignLocked(EnpireError):
    """Another living supervisor holds the lock of this campaign folder."""


class Damaged(EnpireError):
    """Bytes on disk do not match the hash that was recorded for them."""
