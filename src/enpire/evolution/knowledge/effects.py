"""What each idea of a campaign changed, and what that did."""

import textwrap
from dataclasses import dataclass, field

from enpire.core.records import BASELINE
from enpire.evolution.digest import Composition, compositions
from enpire.evolution.hub import Hub
from enpire.evolution.knowledge.masking import masked
from enpire.evolution.wording import difference, word
from enpire.ledger.state import IdeaNode, State
from enpire.statistics.intervals import wilson


@dataclass(frozen=True)
class Changes:
    """A campaign's ideas and what their candidates are made of.

    Attributes:
        state: The campaign.
        made_of: Recipe and parameters by commit: the champion's, and the best candidate's of each idea.
        tried: Values that were tried, by parameter.
    """

    state: State
    made_of: dict[str, Composition]
    tried: dict[str, set[float]] = field(default_factory=dict)

    @property
    def champion(self) -> Composition:
        """What the champion is made of."""
        return self.made_of[self.state.champion.commit]

    def of(self, node: IdeaNode) -> Composition:
        """What an idea's best candidate is made of."""
        return self.made_of[node.best or node.idea.commit]

    def parent(self, node: IdeaNode) -> IdeaNode | None:
        """The idea it builds on; None for the baseline."""
        if node.idea.id == BASELINE:
            return None
        return self.state.ideas.get(node.idea.parent or BASELINE, self.state.ideas[BASELINE])

    def lineage(self) -> list[IdeaNode]:
        """From the champion back to the baseline."""
        path: list[IdeaNode] = []
        at: IdeaNode | None = self.state.ideas[self.state.champion.idea]
        while at is not None and len(path) <= len(self.state.ideas):
            path.append(at)
            at = self.parent(at)
        return path

    def swaps(self, node: IdeaNode) -> dict[str, str]:
        """Slots that an idea filled otherwise than its parent."""
        if (parent := self.parent(node)) is None:
            return {}
        before = self.of(parent).recipe
        return {slot: block for slot, block in self.of(node).recipe.items() if before.get(slot) != block}

    def name(self, node: IdeaNode) -> str:
        """What sets an idea apart from its parent: slots that were swapped, else parameters, else its kind."""
        if swapped := self.swaps(node):
            shown = ", ".join(f"{slot}={block}" for slot, block in sorted(swapped.items()))
            return textwrap.shorten(shown, 140, placeholder=" ...")
        parent = self.parent(node)
        before = self.of(parent).parameters if parent is not None else {}
        moved = sorted(name for name, value in self.of(node).parameters.items() if before.get(name) != value)
        shown = ", ".join(moved[:3]) + (f" and {len(moved) - 3} more" if len(moved) > 3 else "")
        return f"{word(masked(node.idea.kind[:100]))} of {shown or 'code'}"[:140]


def changes(state: State, hub: Hub) -> Changes:
    """Changes of a campaign, read from its hub."""
    commits = [node.best or node.idea.commit for node in state.ideas.values()]
    made_of = compositions(hub, [*commits, state.champion.commit])
    tried: dict[str, set[float]] = {}
    points = [variant.point for node in state.ideas.values() for variant in node.idea.variants]
    for values in [*points, *(made.parameters for made in made_of.values())]:
        for name, value in values.items():
            tried.setdefault(name, set()).add(value)
    return Changes(state, made_of, tried)


def effect(node: IdeaNode) -> str:
    """What the best variant did to success and utility against its incumbent, with interval and episodes."""
    best, incumbent = node.evidence.get(node.best), node.evidence.get("incumbent")
    if best is None or incumbent is None:
        return "no race"
    (n, k, utility), (other_n, other_k, other_utility) = best, incumbent
    counts = f"{k}/{n} against {other_k}/{other_n}" + ("" if telling(node) else " (nothing worked yet: says little)")
    return f"success {difference(k, n, other_k, other_n)}, utility {utility - other_utility:+.2f}, {counts}"


def telling(node: IdeaNode) -> bool:
    """Whether its race can tell good from bad: somebody succeeded in it."""
    return any(node.evidence.get(arm, (0, 0, 0.0))[1] for arm in (node.best, "incumbent"))


def gain(node: IdeaNode) -> float:
    """Mean utility of the best variant minus the incumbent's; -1 without a race."""
    best, incumbent = node.evidence.get(node.best), node.evidence.get("incumbent")
    return -1.0 if best is None or incumbent is None else best[2] - incumbent[2]


def rate(successes: int, episodes: int) -> str:
    """Counts with the 95 % Wilson interval in brackets."""
    if episodes == 0:
        return "no episode"
    low, high = wilson(successes, episodes)
    return f"{successes}/{episodes} [{low:.2f}, {high:.2f}]"
