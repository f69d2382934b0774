"""Knowledge that goes from one campaign to the next: `distill` writes it down, `read` takes it in."""

from enpire.evolution.knowledge.distilling import ROOM, distill
from enpire.evolution.knowledge.taking_in import READ_ROOM, read

__all__ = ["READ_ROOM", "ROOM", "distill", "read"]
