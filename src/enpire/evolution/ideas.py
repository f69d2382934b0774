"""Ideas as Git shows them: the commit message, the verdict note with its receipt, and the idea tree as text."""

import hashlib
import hmac
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from enpire.core.errors import BadInput
from enpire.core.records import BASELINE, Json, encode
from enpire.evolution.hub import Hub
from enpire.ledger.state import IdeaNode, State

MARKS = {"kept": "+", "dropped": "-", "parked": "=", "refused": "!", None: "?"}
"""Verdict to the mark that the text tree shows."""

_TRAILERS = {
    "Idea": "id",
    "Kind": "kind",
    "Parent-Idea": "parent",
    "Inspired-By": "inspired_by",
    "Hypothesis": "hypothesis",
    "Predicted-Effect": "predicted_effect",
    "Agent": "agent",
}


def plain(text: str) -> str:
    """One line without control characters, safe to print in a terminal, a commit subject or a table."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


# ---------------------------------------------------------------------------- commit messages


def message(
    *,
    id: str,
    agent: str,
    kind: str,
    hypothesis: str,
    parent: str | None = None,
    inspired_by: Sequence[str] = (),
    predicted_effect: float = 0.0,
) -> str:
    """Commit message of an idea: the hypothesis in lines of up to 72 characters, then trailers.

    Text that could be taken for something else (line breaks, control characters) stands in its trailer as JSON, so
    nothing an agent writes can forge a trailer.

    Raises:
        BadInput: An idea id has other characters than letters, digits, `-` and `_`.
    """
    for reference in (id, *inspired_by, *([] if parent is None else [parent])):
        if not re.fullmatch(r"[A-Za-z0-9_-]+", reference):
            raise BadInput(f"{reference!r} is not an idea id; expected something like 0007")
    values = {
        "Idea": id,
        "Kind": _quoted(kind),
        "Parent-Idea": parent,
        "Inspired-By": ", ".join(inspired_by) or None,
        "Hypothesis": _quoted(hypothesis),
        "Predicted-Effect": repr(float(predicted_effect)),
        "Agent": _quoted(agent),
    }
    prose = textwrap.wrap(plain(hypothesis), 72) or ["(no hypothesis)"]
    body = [prose[0], "", *prose[1:], *([""] if len(prose) > 1 else [])]
    return "\n".join([*body, *(f"{key}: {value}" for key, value in values.items() if value is not None)]) + "\n"


def parse(text: str) -> Json:
    """Arguments of `message` from a commit message. Only its last paragraph counts.

    Raises:
        BadInput: It is not the message of an idea.
    """
    found: Json = {"parent": None, "inspired_by": ()}
    for line in text.rstrip("\n").rpartition("\n\n")[2].split("\n"):
        key, separator, value = line.partition(": ")
        if not separator or key not in _TRAILERS or found.get(_TRAILERS[key]):
            raise BadInput(f"not the message of an idea: unexpected trailer {line[:80]!r}")
        found[_TRAILERS[key]] = _parsed(key, value)
    if missing := [key for key, name in _TRAILERS.items() if name not in found]:
        raise BadInput(f"not the message of an idea: no {', '.join(missing)}")
    return found


def _quoted(text: str) -> str:
    simple = text and text.isprintable() and text == text.strip() and not text.startswith('"')
    return text if simple else json.dumps(text)


def _parsed(key: str, value: str) -> object:
    try:
        if value.startswith('"'):
            return str(json.loads(value))
        if key == "Predicted-Effect":
            return float(value)
    except ValueError:
        raise BadInput(f"not the message of an idea: {key} is {value[:80]!r}") from None
    return tuple(value.split(", ")) if key == "Inspired-By" else value


# ---------------------------------------------------------------------------- verdict notes


def write_verdict(hub: Hub, commit: str, payload: Mapping[str, Any], key: bytes) -> None:
    """Attach a verdict to a commit as a Git note, with a receipt that only the campaign key can make.

    Args:
        hub: The campaign's hub.
        commit: The candidate the verdict is about.
        payload: JSON-able facts: idea, verdict, evidence, episode ids.
        key: Secret key of the campaign.
    """
    body = encode({name: value for name, value in payload.items() if name != "receipt"})
    note = json.loads(body) | {"receipt": _receipt(commit, body, key)}
    hub.add_note(commit, encode(note).decode() + "\n")


def read_verdict(hub: Hub, commit: str, key: bytes) -> tuple[Json, bool] | None:
    """Verdict attached to a commit, and whether its receipt is ours for this very commit; None without a note.

    A note that is forged, copied from another commit or not JSON is unverified; show it as such or not at all.
    """
    text = hub.note(commit)
    if text is None:
        return None
    try:
        note = json.loads(text)
    except (ValueError, RecursionError):
        return {}, False
    if not isinstance(note, dict):
        return {}, False
    receipt = note.pop("receipt", None)
    try:
        expected = _receipt(commit, encode(note), key)
    except (TypeError, ValueError, RecursionError):
        return note, False
    return note, isinstance(receipt, str) and hmac.compare_digest(receipt.encode(errors="replace"), expected.encode())


def unverified(state: State, hub: Hub, key: bytes) -> list[str]:
    """Ideas whose note in the hub is not what this campaign's harness decided and signed; a missing note is no harm."""
    found = []
    for name, node in state.ideas.items():
        read = read_verdict(hub, node.idea.commit, key) if name != BASELINE else None
        if read is None:
            continue
        note, ours = read
        if not ours or (note.get("idea"), note.get("verdict")) != (name, node.verdict):
            found.append(name)
    return found


def _receipt(commit: str, body: bytes, key: bytes) -> str:
    return hmac.new(key, commit.encode() + body, hashlib.sha256).hexdigest()


# ---------------------------------------------------------------------------- the tree


def tree_text(state: State, recipe_of: Callable[[str], Mapping[str, str]] | None = None) -> str:
    """The idea tree, one line per idea: id, mark, kind, hypothesis, evidence; `*` marks the champion.

    Args:
        state: A campaign.
        recipe_of: Slot to block name of a commit; shown as what an idea changed against its parent.
    """
    if not state.ideas:
        return "no ideas yet\n"
    crowned = {crown.idea for crown in state.crowns}
    champion = state.crowns[-1].idea if state.crowns else ""
    lines = ["+ kept  - dropped  = parked  ? open   ^ was champion  * champion"]
    for indent, id in _walk(state):
        node = state.ideas[id]
        mark = "*" if id == champion else "^" if id in crowned and id != BASELINE else " "
        swaps = _swaps(state, node, recipe_of) if recipe_of is not None else ""
        hypothesis = textwrap.shorten(plain(node.idea.hypothesis), 72, placeholder="...")
        facts = "  ".join(filter(None, (_figures(node), swaps, _crosses(node))))
        lines.append(
            f"{mark}{indent}{id} {MARKS[node.verdict]} {plain(node.idea.kind)[:16]}: {hypothesis}  {facts}".rstrip()
        )
    return "\n".join(lines) + "\n"


def tree_json(state: State) -> Json:
    """The idea tree as plain data: champion, and per idea its place, verdict and evidence."""
    children: dict[str, list[str]] = {id: [] for id in state.ideas}
    for id, node in state.ideas.items():
        if (parent := _parent(state, node)) is not None:
            children[parent].append(id)
    return {
        "champion": state.crowns[-1].idea if state.crowns else None,
        "crowned": list(dict.fromkeys(crown.idea for crown in state.crowns)),
        "ideas": [_plain_idea(node, _parent(state, node), children[id]) for id, node in state.ideas.items()],
    }


def _plain_idea(node: IdeaNode, parent: str | None, children: list[str]) -> Json:
    return {
        "id": node.idea.id,
        "agent": node.idea.agent,
        "kind": node.idea.kind,
        "hypothesis": node.idea.hypothesis,
        "parent": parent,
        "children": children,
        "inspired_by": list(node.idea.inspired_by),
        "predicted_effect": node.idea.predicted_effect,
        "verdict": node.verdict,
        "reason": node.reason,
        "probability": node.probability,
        "best": node.best or node.idea.commit,
        "variants": [{"commit": variant.commit, "point": variant.point} for variant in node.idea.variants],
        "evidence": {
            arm: {"episodes": n, "successes": k, "utility": utility} for arm, (n, k, utility) in node.evidence.items()
        },
        "submitted_s": node.submitted_s,
        "decided_s": node.decided_s,
    }


def _parent(state: State, node: IdeaNode) -> str | None:
    """Parent in the tree; an idea without a known parent builds on the baseline."""
    if node.idea.id == BASELINE:
        return None
    known = node.idea.parent in state.ideas and node.idea.parent != node.idea.id
    return node.idea.parent if known else BASELINE if BASELINE in state.ideas else None


def _walk(state: State) -> Iterator[tuple[str, str]]:
    """Branch drawing and id, depth first, children in order of submission. Iterative: lineages may be long."""
    children: dict[str | None, list[str]] = {}
    for id, node in state.ideas.items():
        children.setdefault(_parent(state, node), []).append(id)
    stack = [("", "", id) for id in reversed(children.get(None, []))]
    while stack:
        before, branch, id = stack.pop()
        yield before + branch, id
        below = before + {"": "", "|- ": "|  ", "`- ": "   "}[branch]
        last = len(children.get(id, [])) - 1
        stack.extend(
            (below, "`- " if place == last else "|- ", child)
            for place, child in reversed(list(enumerate(children.get(id, []))))
        )


def _figures(node: IdeaNode) -> str:
    if (best := node.evidence.get(node.best)) is None:
        return ""
    text = f"{best[1]}/{best[0]} u {best[2]:.2f}"
    if (incumbent := node.evidence.get("incumbent")) is not None:
        text += f" vs {incumbent[1]}/{incumbent[0]} u {incumbent[2]:.2f}, P(better) {node.probability:.2f}"
    return f"[{text}]"


def _swaps(state: State, node: IdeaNode, recipe_of: Callable[[str], Mapping[str, str]]) -> str:
    if (parent := _parent(state, node)) is None:
        return ""
    old = recipe_of(state.ideas[parent].best or state.ideas[parent].idea.commit)
    new = recipe_of(node.best or node.idea.commit)
    return " ".join(f"{slot}={new.get(slot, 'none')}" for slot in [*new, *old] if new.get(slot) != old.get(slot))


def _crosses(node: IdeaNode) -> str:
    return f"(with {', '.join(node.idea.inspired_by)})" if node.idea.inspired_by else ""
