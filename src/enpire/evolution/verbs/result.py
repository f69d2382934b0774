"""`result`: the verdict on an idea, or the state of a job. Answers at once, whether there is one or not."""

from enpire.core.errors import BadInput
from enpire.core.records import Json
from enpire.evolution.verbs._evidence import IDEA, best, card, find, searched, verdict_lines
from enpire.evolution.verbs.desk import Desk, Reply
from enpire.evolution.wording import card_lines, quote

DESCRIPTION = (
    "Verdict on an idea with evidence per variant and a failure card, or how far its race is; or the state of a job "
    "that `train` started. Answers at once."
)
ARGUMENTS: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "idea": IDEA | {"description": "Idea id, e.g. 0012."},
        "job": {"type": "string", "maxLength": 80, "description": "Job id of `train`."},
    },
}
LOG_LINES = 30


def answer(desk: Desk, arguments: Json) -> Reply:
    """Never waits.

    Raises:
        BadInput: Neither or both of `idea` and `job`, or there is no such thing.
    """
    if len(arguments) != 1:
        raise BadInput("result needs either `idea` or `job`")
    if "job" in arguments:
        state, *printed = desk.job(str(arguments["job"])).splitlines() or ["no such job"]
        tail = [f"> {quote(line, 200)}" for line in printed[-LOG_LINES:]]
        return Reply(text="\n".join([state[:300], *tail]))
    node = find(desk.state, str(arguments["idea"]))
    lines = [f"idea {node.idea.id}: {quote(node.idea.hypothesis, 200)}", *verdict_lines(desk.state, node)]
    if node.verdict is None:
        return Reply(text="\n".join([*lines, "No verdict yet: go on with something else, or end the session."]))
    if episodes := searched(desk.state.episodes.values(), [best(node)]):
        lines.extend(card_lines("failure card of the best variant", card(desk, episodes)))
    return Reply(text="\n".join(lines))
