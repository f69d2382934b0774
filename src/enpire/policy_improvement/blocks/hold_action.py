"""Keep an action for several periods: long, sure moves."""

from interface import Array


class Output:
    """Takes a new action only every `periods` control periods."""

    def __init__(self, parameters: dict[str, float]) -> None:
        self._periods = max(1, round(parameters["periods"]))
        self._held: Array | None = None
        self._age = 0

    def update(self, wanted: Array) -> Array:
        """The action in force, shape (actions,)."""
        if self._held is None or self._age >= self._periods:
            self._held, self._age = wanted.copy(), 0
        self._age += 1
        return self._held
