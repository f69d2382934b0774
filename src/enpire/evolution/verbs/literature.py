"""`literature`: what is known about a problem."""

from enpire.core.records import Json
from enpire.evolution.verbs.desk import TEXT_CAP, Desk, Reply

DESCRIPTION = "Method cards that fit a query: the idea, when it works, settings, pitfalls, citation."
MOST = 5
ARGUMENTS: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["query"],
    "properties": {
        "query": {"type": "string", "minLength": 1, "maxLength": 300, "description": "Words for problem or method."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "description": "Cards to show; 3."},
    },
}


def answer(desk: Desk, arguments: Json) -> Reply:
    """As many whole cards as there is room for. On the network this may take seconds."""
    from enpire.evolution import literature  # an index of some size, for those who ask

    limit = int(arguments.get("limit", 3))
    return Reply(text=literature.answer(str(arguments["query"]), limit=limit, online=desk.online, room=TEXT_CAP))
