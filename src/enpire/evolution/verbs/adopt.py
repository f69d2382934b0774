"""`adopt`: another idea's change, to take over."""

from enpire.core.errors import BadInput
from enpire.core.records import Json
from enpire.evolution.verbs._evidence import IDEA, best, find
from enpire.evolution.verbs._patches import patch_text
from enpire.evolution.verbs.desk import Desk, Reply

DESCRIPTION = "The change of an idea as a patch, to apply by hand or to let the harness merge at submission."
ARGUMENTS: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["idea"],
    "properties": {"idea": IDEA | {"description": "Idea id, e.g. 0012."}},
}


def answer(desk: Desk, arguments: Json) -> Reply:
    """The patch and how to take it over. The workspace is not touched.

    Raises:
        BadInput: There is no such idea, or it is the start policy.
    """
    node = find(desk.state, str(arguments["idea"]))
    before = desk.hub.parent(node.idea.commit)
    if before is None:
        raise BadInput(f"idea {node.idea.id} is the start policy and has no change to adopt")
    id = node.idea.id
    head = (
        f'Either `submit` with {{"adopt": ["{id}"]}}, and the harness merges this change into your files; it refuses '
        "where they changed the same lines. Or apply the change by hand and `submit` with "
        f'{{"inspired_by": ["{id}"]}}.\n'
        f"All its files: {desk.folder.candidates / best(node)}"
    )
    return Reply(text=f"{head}\n{patch_text(desk.hub, before, best(node))}")
