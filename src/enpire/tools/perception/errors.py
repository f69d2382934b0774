"""What a look can fail with. Callers look again, or go without; they never put in a guess."""

from enpire.tools.errors import ToolError


class NoDepth(ToolError):
    """The sensor returned no depth at that pixel."""


class NotSeen(ToolError):
    """What was asked for is not in the picture, or too little of it."""
