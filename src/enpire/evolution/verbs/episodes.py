"""`episodes`: how a candidate fails, as figures instead of logs."""

from enpire.core.records import Episode, Json
from enpire.evolution.verbs._evidence import IDEA, card, find, is_search, searched
from enpire.evolution.verbs.desk import Desk, Reply
from enpire.evolution.wording import card_lines, word

DESCRIPTION = "Failure card of an idea and one line per recent search episode. The numbers are what `frames` takes."
MOST = 30
ARGUMENTS: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "idea": IDEA | {"description": "Idea id; the champion if left out."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "description": "Latest episodes to list; 10."},
    },
}


def answer(desk: Desk, arguments: Json) -> Reply:
    """Episodes on search seeds only; of the rest, how many there are.

    Raises:
        BadInput: There is no such idea.
    """
    state = desk.state
    node = find(state, str(arguments.get("idea", state.champion.idea)))
    places = {variant.commit: place for place, variant in enumerate(node.idea.variants, start=1)}
    shown = searched(state.episodes.values(), places)
    hidden = sum(x.candidate in places and not is_search(x) for x in state.episodes.values())
    lines = [f"idea {node.idea.id}: {len(shown)} search episodes; {hidden} confirmation and claim episodes, not shown"]
    if shown:
        subject = node.best or next(iter(places)) if node.verdict is not None or len(places) == 1 else ""
        counted = [x for x in shown if x.candidate == subject] if subject else shown
        lines.extend(card_lines("best variant" if subject else "all variants", card(desk, counted)))
    lines.extend(
        _line(x, places, x.ticket in state.videos) for x in reversed(shown[-int(arguments.get("limit", 10)) :])
    )
    return Reply(text="\n".join(lines))


def _line(episode: Episode, places: dict[str, int], filmed: bool) -> str:
    ending = episode.result if episode.success else f"{episode.result} ({word(episode.reason)})"
    return (
        f"- episode {episode.ticket}, variant {places[episode.candidate]}: {ending}, progress {episode.progress:.2f}, "
        f"{episode.steps} steps, p99 action {episode.latency_ms[1]:.1f} ms" + (", filmed" if filmed else "")
    )
