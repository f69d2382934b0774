"""`submit`: hand in the workspace as an idea."""

from enpire.core.records import Json, Proposal, from_builtins
from enpire.evolution.admission import MAX_HYPOTHESIS, MAX_KIND, MAX_VARIANTS
from enpire.evolution.verbs._evidence import IDEA
from enpire.evolution.verbs.desk import Desk, Reply

DESCRIPTION = (
    "Hand in the workspace as it is now, with one hypothesis about one primary change. Costs episodes. Answers with "
    "the idea's id at once; the verdict comes later."
)
_IDEAS: Json = {"type": "array", "maxItems": MAX_VARIANTS, "items": IDEA}
ARGUMENTS: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["hypothesis"],
    "properties": {
        "hypothesis": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_HYPOTHESIS,
            "description": "One or two sentences: what gets better and why, and which result would prove it wrong.",
        },
        "kind": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_KIND,
            "description": "Sort of move, e.g. structure, tune, identify, cross, simplify.",
        },
        "parent": IDEA
        | {"description": "Idea whose files the workspace descends from; what it was filled with if left out."},
        "inspired_by": _IDEAS | {"description": "Other ideas that were used."},
        "adopt": _IDEAS | {"description": "Ideas whose change the harness merges into these files."},
        "revert": _IDEAS | {"description": "Ideas whose change the harness takes out of these files."},
        "predicted_effect": {
            "type": "number",
            "minimum": -1,
            "maximum": 1,
            "description": "Expected change of the success rate.",
        },
        "variants": {
            "type": "array",
            "maxItems": MAX_VARIANTS,
            "items": {"type": "object", "additionalProperties": {"type": "number"}},
            "description": 'Points of declared parameters, {"block.parameter": value}; {} is the files as they are.',
        },
    },
}


def answer(desk: Desk, arguments: Json) -> Reply:
    """Hand in; the id of the idea and what to do next."""
    known = {"parent": desk.parent or desk.state.champion.idea} | arguments
    idea = desk.submit(from_builtins(known, Proposal))
    return Reply(
        text=f"Idea {idea} is in and will be raced against the champion.\n"
        "In a short session, end now: the verdict is in your next digest. In a long one, work on the next idea and "
        f'ask `result` with {{"idea": "{idea}"}} from time to time; pause between questions.'
    )
