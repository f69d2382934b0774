"""What a tool answers when it cannot do what is asked. The text is for whoever wrote the call.

ToolError            wrong name, wrong argument
├── Unreachable      no joint positions bring the tool to the pose
└── NoPath           no collision-free path was found
"""

from enpire.core.errors import ToolError

__all__ = ["NoPath", "ToolError", "Unreachable"]


class Unreachable(ToolError):
    """The arm cannot bring its tool to a pose; the message says how close it comes."""


class NoPath(ToolError):
    """No collision-free motion was found; the message says what is in the way or which budget ran out."""
