"""`status`: where the campaign stands."""

from enpire.core.errors import BadInput
from enpire.core.records import Json
from enpire.evolution.verbs._evidence import champion_line
from enpire.evolution.verbs.budget import campaign_lines
from enpire.evolution.verbs.desk import Desk, Reply
from enpire.evolution.wording import quote, word

DESCRIPTION = "Where the campaign stands: champion with interval, target, ideas by verdict, ideas in flight, budgets."
ARGUMENTS: Json = {"type": "object", "additionalProperties": False, "properties": {}}
SHOWN_IN_FLIGHT = 6


def answer(desk: Desk, arguments: Json) -> Reply:
    """About 15 lines."""
    state = desk.state
    if state.config is None or state.spec is None:
        raise BadInput("the campaign is not open yet; ask again")
    tally = state.idea_counts()
    flying = [node for node in state.ideas.values() if node.verdict is None]
    lines = [
        f"task: {word(state.spec.name)}; target: a success rate of at least {state.config.target:g}",
        champion_line(state),
        f"ideas: {tally['tried']} tried, {tally['kept']} kept, {tally['dropped']} dropped, {tally['parked']} parked, "
        f"{len(flying)} in flight, {tally['refused']} refused; {state.ideas_since_kept} since one was kept",
    ]
    for node in flying[-SHOWN_IN_FLIGHT:]:
        lines.append(f"- in flight {node.idea.id} by {word(node.idea.agent)}: {quote(node.idea.hypothesis, 100)}")
    if len(flying) > SHOWN_IN_FLIGHT:
        lines.append(f"- ({len(flying) - SHOWN_IN_FLIGHT} more)")
    return Reply(text="\n".join([*lines, *campaign_lines(desk)]))
