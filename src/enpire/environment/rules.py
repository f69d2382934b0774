"""The sentences by which a declaration says what success and progress are.

    success   SOURCE | SOURCE >= NUMBER (also >, <=, <), then optionally `for N steps` or `at end`
    progress  SOURCE | SOURCE / NUMBER | SOURCE from NUMBER to NUMBER
    SOURCE    info.KEY | observation.NAME | reward | return | steps | terminated | truncated

They are parsed, never executed. Examples: `info.is_success`, `terminated`, `return >= 475`,
`reward > -0.1 for 20 steps`, `return >= -300 at end`; `info.coverage`, `return / 500`, `info.gap_m from 0.2 to 0`.
"""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from enpire.core.errors import BadInput

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SOURCE = r"(?P<source>info\.[^\s<>=]+|observation\.\w+|reward|return|steps|terminated|truncated)"
_SUCCESS = re.compile(
    rf"{_SOURCE}(?:\s*(?P<sign>>=|<=|>|<)\s*(?P<bound>{_NUMBER}))?"
    r"(?:\s+(?:for\s+(?P<dwell>\d+)\s+steps?|(?P<end>at end)))?"
)
_PROGRESS = re.compile(
    rf"{_SOURCE}(?:\s+/\s*(?P<divisor>{_NUMBER})|\s+from\s+(?P<low>{_NUMBER})\s+to\s+(?P<high>{_NUMBER}))?"
)
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_FLAGS = ("terminated", "truncated")
SUCCESS_FORMS = (
    "`info.KEY`, `terminated`, `truncated`, or a threshold such as `return >= 475`, `info.KEY > 0.5`, `steps >= 500`, "
    "`observation.NAME < 0.1`; then optionally `for N steps` or `at end`"
)
PROGRESS_FORMS = (
    "`info.KEY`, `observation.NAME`, `reward`, `return`, `steps`, "
    "or scaled: `return / 500`, `info.KEY from LOW to HIGH`"
)


@dataclass(frozen=True, kw_only=True)
class SuccessRule:
    """When a step counts as success.

    Attributes:
        source: Which number is looked at.
        sign, bound: Threshold; a bare source counts when it is not zero.
        dwell: Consecutive steps for which the condition must hold; 1 is the step itself.
        when: Whether any step may succeed or only the last one of an episode.
    """

    source: str
    sign: str = "!="
    bound: float = 0.0
    dwell: int = 1
    when: Literal["any step", "at end"] = "any step"

    def holds(self, value: float) -> bool | None:
        """Whether one step's value of `source` meets the condition; None if it is NaN."""
        if math.isnan(value):
            return None
        if self.sign == "!=":
            return value != self.bound
        return _SIGNS[self.sign](value, self.bound)


@dataclass(frozen=True, kw_only=True)
class ProgressRule:
    """Partial credit: a number mapped linearly from [low, high] to [0, 1]. `low` may be the larger one."""

    source: str
    low: float = 0.0
    high: float = 1.0

    def share(self, value: float) -> float:
        """Progress in [0, 1] for a value of `source`; NaN counts as 0."""
        share = (value - self.low) / (self.high - self.low)
        return 0.0 if math.isnan(share) else min(max(share, 0.0), 1.0)


def parse_success(text: str) -> SuccessRule:
    """Success rule from its sentence.

    Raises:
        BadInput: The sentence is not one of `SUCCESS_FORMS`.
    """
    found = _SUCCESS.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"success = {text!r} is not understood; valid forms: {SUCCESS_FORMS}")
    source, sign = found["source"], found["sign"]
    if sign is None and not source.startswith("info.") and source not in _FLAGS:
        raise BadInput(f"success = {text!r} needs a threshold, e.g. `{source} >= 1`; valid forms: {SUCCESS_FORMS}")
    dwell = int(found["dwell"] or 1)
    if dwell < 1:
        raise BadInput(f"success = {text!r}: the number of steps must be at least 1")
    return SuccessRule(
        source=source,
        sign=sign or "!=",
        bound=float(found["bound"] or 0.0),
        dwell=dwell,
        when="at end" if found["end"] else "any step",
    )


def parse_progress(text: str) -> ProgressRule:
    """Progress rule from its sentence.

    Raises:
        BadInput: The sentence is not one of `PROGRESS_FORMS`.
    """
    found = _PROGRESS.fullmatch(text.strip())
    if found is None or found["source"] in _FLAGS:
        raise BadInput(f"progress = {text!r} is not understood; valid forms: {PROGRESS_FORMS}")
    low = float(found["low"] or 0.0)
    high = float(found["high"] or found["divisor"] or 1.0)
    if low == high or not math.isfinite(high - low):
        raise BadInput(f"progress = {text!r}: the range from {low:g} to {high:g} has no width; valid: {PROGRESS_FORMS}")
    return ProgressRule(source=found["source"], low=low, high=high)
