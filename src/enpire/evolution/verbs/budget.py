"""`budget`: what has been spent and what is left."""

from enpire.core.records import Json
from enpire.evolution.verbs.desk import Desk, Reply

DESCRIPTION = "Model tokens of this session and its limit, and what is left of the campaign's budgets."
ARGUMENTS: Json = {"type": "object", "additionalProperties": False, "properties": {}}


def answer(desk: Desk, arguments: Json) -> Reply:
    """A line per budget."""
    spent = desk.spent
    reasoning = "unknown" if spent.reasoning is None else f"{spent.reasoning}"
    lines = [
        f"this session: {_left(spent.total, desk.session_tokens, 'model tokens')}",
        f"- input {spent.input} ({spent.cached} from the cache), output {spent.output} (reasoning {reasoning})",
    ]
    return Reply(text="\n".join([*lines, *campaign_lines(desk)]))


def campaign_lines(desk: Desk) -> list[str]:
    """A line per budget of the campaign."""
    state, config = desk.state, desk.state.config
    if config is None:
        return []
    return [
        f"campaign: {_left(len(state.started), config.budget_episodes, 'episodes')}",
        f"- {_left(round(state.elapsed_s / 60, 1), config.budget_minutes, 'minutes')}",
        f"- {_left(len(state.ideas) - 1, config.budget_ideas, 'ideas')}",
        f"- {_left(state.tokens, config.budget_tokens, 'model tokens')}",
        f"- {_left(round(state.cost_usd, 2), config.budget_usd, 'US dollars')}",
    ]


def _left(used: float, limit: float | None, what: str) -> str:
    if limit is None:
        return f"{used:,} {what} used, no limit"
    return f"{used:,} of {limit:,} {what} used, {round(max(limit - used, 0), 2):,} left"
