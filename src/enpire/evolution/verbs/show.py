"""`show`: everything about one idea."""

from enpire.core.records import Json
from enpire.evolution.digest import compositions
from enpire.evolution.verbs._evidence import IDEA, best, find, verdict_lines
from enpire.evolution.verbs.desk import Desk, Reply
from enpire.evolution.wording import quote, word

DESCRIPTION = "One idea in full: hypothesis, parent, recipe, parameters, verdict, evidence, and where its files are."
ARGUMENTS: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["idea"],
    "properties": {"idea": IDEA | {"description": "Idea id, e.g. 0012; 0000 is the start policy."}},
}
SHOWN_PARAMETERS = 60


def answer(desk: Desk, arguments: Json) -> Reply:
    """The idea, its words in quotes.

    Raises:
        BadInput: There is no such idea.
    """
    node = find(desk.state, str(arguments["idea"]))
    idea, commit = node.idea, best(node)
    made_of = compositions(desk.hub, [commit])[commit]
    recipe = ", ".join(f"{slot}={block}" for slot, block in made_of.recipe.items()) or "no slots"
    parameters = [f"{name} = {value:g}" for name, value in sorted(made_of.parameters.items())]
    hidden = [f"({len(parameters) - SHOWN_PARAMETERS} more)"] if len(parameters) > SHOWN_PARAMETERS else []
    mark = " (the champion)" if desk.state.champion.idea == idea.id else ""
    lines = [
        f"idea {idea.id}{mark} by {word(idea.agent) or 'the harness'}, {word(idea.kind)}, "
        + f"parent {idea.parent or 'none'}"
        + (f", with {', '.join(idea.inspired_by[:8])}" if idea.inspired_by else ""),
        f"hypothesis: {quote(idea.hypothesis, 500)}",
        f"predicted effect on the success rate: {idea.predicted_effect:+.2f}",
        *verdict_lines(desk.state, node),
        f"recipe: {recipe}",
        f"parameters: {', '.join([*parameters[:SHOWN_PARAMETERS], *hidden]) or 'none declared'}",
        f"files: {desk.folder.candidates / commit}",
    ]
    return Reply(text="\n".join(lines))
