"""What a self-test found: does a confinement level hold on this machine?"""

from collections.abc import Collection
from dataclasses import dataclass

from enpire.core.errors import MissingProgram


@dataclass(frozen=True)
class Table:
    """What worked inside.

    Attributes:
        controls: Things that honest code needs, by name: whether they worked.
        attempts: Ways out, by name: whether they worked.
    """

    controls: dict[str, bool]
    attempts: dict[str, bool]

    def require(self, level: str, *, tolerated: Collection[str], advice: str) -> None:
        """Check that all controls worked, and of the attempts none but those that are tolerated.

        Raises:
            MissingProgram: The level does not hold; the message says what was open and what to do.
        """
        faults = [f"not blocked: {name}" for name, worked in self.attempts.items() if worked and name not in tolerated]
        faults += [f"does not work: {name}" for name, worked in self.controls.items() if not worked]
        if faults:
            raise MissingProgram(f"confinement level {level!r} does not hold here ({'; '.join(faults)}); {advice}")
