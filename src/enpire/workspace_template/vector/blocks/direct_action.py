"""The controller's action, at once."""

from interface import Array


class Output:
    """Passes the action on."""

    def __init__(self, parameters: dict[str, float]) -> None:
        del parameters  # Unused.

    def update(self, wanted: Array) -> Array:
        """The action itself, shape (actions,)."""
        return wanted
