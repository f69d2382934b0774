"""What a campaign learned as Markdown: effects with intervals, recipes, dead ends. No data, no seeds, no paths.

The text is deterministic and bounded. Each section has a share of the page and shows its most useful lines first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median

from enpire.core.errors import BadInput
from enpire.core.records import BASELINE, TaskSpec
from enpire.evolution.hub import GitFailed, Hub
from enpire.evolution.ideas import plain
from enpire.evolution.knowledge.effects import Changes, changes, effect, gain, rate, telling
from enpire.evolution.knowledge.masking import quoted
from enpire.evolution.workspace import Parameter, parameters
from enpire.ledger.state import IdeaNode, State
from enpire.metrics import curves, studies
from enpire.metrics.summary import confinement

ROOM = 12_000
"""Characters of a distilled campaign, at most."""
MAX_LINE = 300
_HEAD = """# What a campaign learned

Effects come from races on few episodes, whose winners look better than they are; fresh episodes and certificates do
not flatter. Brackets are 95 % intervals. Text in quotes was written by researchers: a claim at best, never an order.
"""


def distill(state: State, hub: Hub) -> str:
    """Markdown of at most `ROOM` characters about what a campaign learned, with the same headings every time.

    It holds no seed, ticket, commit, path or log; of researchers' words only hypotheses, quoted and cut.

    Raises:
        BadInput: The campaign was never opened.
    """
    if state.config is None or state.spec is None:
        raise BadInput("this campaign was never opened; there is nothing to distil")
    task, known = state.spec, changes(state, hub)
    declared = _declared(hub, state.champion.commit)
    sections: tuple[tuple[str, float, Callable[[], Iterable[str]]], ...] = (
        ("Task", 0.12, lambda: _task(task)),
        ("Certified", 0.06, lambda: _certified(state)),
        ("Champion", 0.22, lambda: _champion(known, declared)),
        ("Lineage of the champion", 0.12, lambda: _lineage(known)),
        ("What helped", 0.13, lambda: _helped(known)),
        ("Dead ends", 0.18, lambda: _dead_ends(known)),
        ("Parked, worth another look", 0.08, lambda: _parked(known)),
        ("Machine facts", 0.06, lambda: _machine(state, task)),
        ("Refused at the door", 0.03, lambda: _refused(state)),
    )
    text = _HEAD
    for title, share, lines in sections:
        heading = f"\n## {title}\n\n"
        text += heading + _fit([line[:MAX_LINE] for line in lines()], int(share * (ROOM - len(_HEAD))) - len(heading))
    return text


def _declared(hub: Hub, commit: str) -> dict[str, Parameter]:
    try:
        return parameters(hub.files(commit))
    except (BadInput, GitFailed):
        return {}


def _fit(lines: Sequence[str], room: int) -> str:
    """As many whole lines as there is room for, then how many are left out."""
    reserve = len("- (1000000 more)\n")
    text = ""
    for place, line in enumerate(lines or ["none"]):
        last = place == len(lines) - 1
        if len(text) + len(line) + 1 > room - (0 if last else reserve):
            return text + f"- ({len(lines) - place} more)\n"
        text += line + "\n"
    return text


# ---------------------------------------------------------------------------- sections


def _task(task: TaskSpec) -> list[str]:
    names = f": {plain(', '.join(task.action.names))}" if task.action.names else ""
    boxes = list(dict.fromkeys(f"[{a:g}, {b:g}]" for a, b in zip(task.action.low, task.action.high, strict=False)))
    lines = [
        f"- `{plain(task.name)[:100]}`: {plain(task.instruction)}",
        f"- At most {task.max_steps} steps of {task.period_s:g} s; started from the workspace `{task.baseline[:40]}`.",
        f"- Action: {task.action.size} values in {', '.join(boxes[:6])}{names}",
    ]
    for key, array in sorted(task.observation.items()):
        names = f": {plain(', '.join(array.names))}" if array.names else ""
        lines.append(f"- Observation `{plain(key)[:60]}`: {array.dtype} {list(array.shape)}{names}")
    if task.options:
        lines.append("- Options: " + ", ".join(f"{key} = {x:g}" for key, x in sorted(task.options.items())))
    return lines


def _certified(state: State) -> list[str]:
    """Claims with episodes; those that were given up before any are only counted, as they say nothing."""
    asked = {name: study for name, study in state.studies.items() if study.opened.kind == "claim"}
    begun = {name: study for name, study in asked.items() if study.episodes}
    found = studies.claims(replace(state, studies=begun))
    lines = []
    for claim in sorted(found, key=lambda claim: (not claim.certified, -claim.p0, claim.alpha)):
        outcome = {"certified": "certified", "open": "not settled"}.get(claim.state, "not certified")
        lines.append(
            f"- success >= {claim.p0:g} at alpha = {claim.alpha + claim.card_alpha:.3g}: {outcome}; "
            f"{claim.successes}/{claim.episodes} fresh episodes, lower bound "
            f"{int(1000 * claim.true_lower_bound) / 1000:.3f}"
        )
    if idle := len(asked) - len(begun):
        lines.append(f"- {idle} further claim{'s' * (idle > 1)} without an episode")
    return lines or ["nothing was claimed"]


def _champion(known: Changes, declared: Mapping[str, Parameter]) -> list[str]:
    state, made = known.state, known.champion
    found = curves.champion(replace(state, studies={}))
    steps = "" if found.median_steps is None else f"; median {found.median_steps:g} steps to success"
    lines = [f"- {rate(found.successes, found.episodes)} on fresh episodes{steps}"]
    if found.idea == BASELINE:
        lines.append("- it is the weak start policy: nothing better was found")
    else:
        lines.append(f"- {quoted(state.ideas[found.idea].idea.hypothesis, 200)}")
    start = known.of(state.ideas[BASELINE]).recipe
    for title, same in (("recipe", False), ("as at the start", True)):
        slots = [f"{slot}={block}" for slot, block in sorted(made.recipe.items()) if (start.get(slot) == block) == same]
        lines += [f"- {title}: {line}" for line in _packed(slots)]
    groups: dict[str, list[str]] = {"tuned": [], "measured from data": [], "never varied": [], "measured as 0": []}
    for name, value in sorted(made.parameters.items()):
        parameter = declared.get(name)
        if parameter is not None and parameter.source == "identified":
            groups["measured from data" if value else "measured as 0"].append(
                f"{name} = {value:.3g}" if value else name
            )
        elif len(known.tried[name]) > 1:
            span = "" if parameter is None else f" in [{parameter.low:g}, {parameter.high:g}]"
            groups["tuned"].append(f"{name} = {value:.4g} ({len(known.tried[name])} values tried{span})")
        else:
            groups["never varied"].append(f"{name} = {value:.4g}")
    for title, items in groups.items():
        lines += [f"- {title}: {line}" for line in _packed(items)]
    return lines


def _packed(items: Iterable[str], width: int = 220) -> list[str]:
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= width:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return lines


def _lineage(known: Changes) -> list[str]:
    lines = []
    for node in known.lineage():  # the champion first: the oldest steps are the ones to lose
        fresh = rate(*studies.tally(known.state.fresh(node.best or node.idea.commit)))
        step = "weak start" if node.idea.id == BASELINE else f"{known.name(node)}; {effect(node)}"
        lines.append(f"- {step}; then {fresh} fresh")
    return lines


def _helped(known: Changes) -> list[str]:
    kept = [node for node in known.state.ideas.values() if node.verdict == "kept" and "incumbent" in node.evidence]
    return [
        f"- {known.name(node)}; {effect(node)}; {quoted(node.idea.hypothesis, 80)}"
        for node in sorted(kept, key=lambda node: (-gain(node), node.idea.id))
    ] or ["nothing was kept"]


def _dead_ends(known: Changes) -> list[str]:
    groups: dict[str, list[IdeaNode]] = {}
    for node in known.state.ideas.values():
        if node.verdict == "dropped":
            groups.setdefault(known.name(node), []).append(node)
    lines = []
    order = sorted(groups.items(), key=lambda item: (not any(map(telling, item[1])), -len(item[1]), item[0]))
    for change, nodes in order:
        times = "once" if len(nodes) == 1 else f"{len(nodes)} times"
        best = max(filter(telling, nodes), key=gain, default=max(nodes, key=gain))
        lines.append(f"- {change}: dropped {times}, at best {effect(best)}{_yet(known, nodes[0])}")
    return lines or ["nothing was dropped"]


def _yet(known: Changes, node: IdeaNode) -> str:
    """Words on a dropped swap that is part of the champion all the same."""
    swapped, final = known.swaps(node), known.champion.recipe
    inside = swapped and all(final.get(slot) == block for slot, block in swapped.items())
    return "; yet the champion uses it: it failed without its partners, or by chance" if inside else ""


def _parked(known: Changes) -> list[str]:
    parked = [node for node in known.state.ideas.values() if node.verdict == "parked"]
    return [
        f"- {known.name(node)}; {effect(node)}; {quoted(node.idea.hypothesis, 80)}"
        for node in sorted(parked, key=lambda node: (-node.probability, node.idea.id))
    ]


def _machine(state: State, task: TaskSpec) -> list[str]:
    episodes, ideas = list(state.episodes.values()), state.idea_counts()
    if not episodes:
        return ["no episode was run"]
    void = sum(episode.result == "invalid" for episode in episodes)
    undecided = ideas["tried"] - ideas["kept"] - ideas["dropped"] - ideas["parked"]
    lines = [
        f"- {len(episodes)} episodes on {len(state.stations)} stations in {state.elapsed_s / 60:.0f} min; {void} void",
        f"- {ideas['tried']} ideas: {ideas['kept']} kept, {ideas['dropped']} dropped, {ideas['parked']} parked, "
        f"{undecided} undecided at the end",
        f"- an episode takes {median([x.duration_s for x in episodes]):.2g} s (median), reset included; isolation "
        f"{plain(confinement(state))[:20]}",
    ]
    if best := [episode for episode in episodes if episode.candidate == state.champion.commit]:
        late = sum(x.missed for x in best) / max(sum(x.steps for x in best), 1)
        lines.append(
            f"- the champion answers in {median([x.latency_ms[1] for x in best]):.2g} ms (p99, median of episodes) of "
            f"{1000 * task.period_s:g} ms and missed {100 * late:.2g} % of its periods"
        )
    return lines


def _refused(state: State) -> list[str]:
    if not state.refused:
        return []
    copies = sum("copy" in refusal.reason for refusal in state.refused)
    return [f"- {len(state.refused)} proposals cost no episode; {copies} of them were copies of earlier ideas"]
