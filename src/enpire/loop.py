"""The campaign on one page: choose → refine → roll out → decide, until a stop rule says so."""

from collections.abc import Callable

from enpire.campaign import Campaign
from enpire.evolution import selection
from enpire.ledger.state import State

TICK_S = 0.1
"""Longest wait for a message before the loop looks around again."""
CLOSING_SHARE = 0.15
"""Share of the episode and time budgets kept back for the final claim and confirmation."""


def run(campaign: Campaign, interrupted: Callable[[], bool] = lambda: False) -> str:
    """Improve the policy until it is certified, a budget is used up, or progress has stopped.

    Args:
        campaign: An opened campaign, new or resumed.
        interrupted: Asked in every round; True stops in good order, to be resumed later.

    Returns:
        Why the campaign stopped.
    """
    reason, searching = "", True
    while not interrupted():
        searching = searching and not (reason := stop_reason(campaign.state))
        if searching:
            campaign.choose()  # researchers without an open idea begin to think
            campaign.refine()  # what they hand in becomes ideas, candidates and races
        elif campaign.finish():  # the final claim and confirmation are in, or the budget is gone
            campaign.film()
            campaign.stop(reason, final=True)
            return reason
        campaign.roll_out(searching)  # every free station gets a ticket
        campaign.decide(TICK_S)  # results come in; races, confirmations and claims are settled
        if campaign.dead:
            reason = f"no station is left: {campaign.dead}"
            break
        if searching and campaign.hopeless:
            reason = f"no researcher can work: {campaign.hopeless}"
            break
    else:
        reason = "interrupted"
    campaign.stop(reason, final=False)
    return reason


def stop_reason(state: State) -> str:
    """Why the search is over; empty while it goes on."""
    config = state.config
    assert config is not None
    if selection.certified(state) is not None:
        return f"target reached: success >= {config.target:g} is certified"
    if over(state, 1.0 - CLOSING_SHARE):
        return "budget used up"
    if config.budget_ideas is not None and state.idea_counts()["tried"] >= config.budget_ideas:
        return "budget of ideas used up"
    if config.budget_tokens is not None and state.tokens >= config.budget_tokens:
        return "budget of tokens used up"
    if config.budget_usd is not None and state.cost_usd >= config.budget_usd:
        return "budget of money used up"
    if state.ideas_since_kept >= config.plateau_ideas and not state.open_studies("claim"):
        return f"plateau: {state.ideas_since_kept} ideas in a row were not kept"
    return ""


def over(state: State, share: float) -> bool:
    """Whether `share` of the episode or time budget is used."""
    config = state.config
    assert config is not None
    episodes, minutes = config.budget_episodes, config.budget_minutes
    return (episodes is not None and len(state.started) >= share * episodes) or (
        minutes is not None and state.elapsed_s >= share * minutes * 60.0
    )
