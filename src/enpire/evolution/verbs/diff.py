"""`diff`: what an idea changed."""

from enpire.core.errors import BadInput
from enpire.core.records import Json
from enpire.evolution.verbs._evidence import IDEA, best, find
from enpire.evolution.verbs._patches import patch_text
from enpire.evolution.verbs.desk import Desk, Reply

DESCRIPTION = "Unified diff of an idea's best variant against its parent, another idea or the champion."
ARGUMENTS: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["idea"],
    "properties": {
        "idea": IDEA | {"description": "Idea id, e.g. 0012."},
        "against": IDEA | {"description": "Idea id or `champion`; the files it was made from if left out."},
    },
}


def answer(desk: Desk, arguments: Json) -> Reply:
    """The diff, from `against` to the idea.

    Raises:
        BadInput: There is no such idea, or it has no parent.
    """
    node = find(desk.state, str(arguments["idea"]))
    against = str(arguments.get("against", ""))
    if against == "champion":
        before, named = desk.state.champion.commit, f"the champion (idea {desk.state.champion.idea})"
    elif against:
        other = find(desk.state, against)
        before, named = best(other), f"idea {other.idea.id}"
    elif (parent := desk.hub.parent(node.idea.commit)) is not None:
        before, named = parent, f"what it was made from (idea {node.idea.parent})"
    else:
        raise BadInput(f"idea {node.idea.id} is the start policy and has no parent; name `against`")
    head = f"From {named} to idea {node.idea.id}. All files: {desk.folder.candidates / best(node)}"
    return Reply(text=f"{head}\n{patch_text(desk.hub, before, best(node))}")
