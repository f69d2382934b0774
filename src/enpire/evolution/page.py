"""The digest: one page of Markdown through which an agent sees the whole team, however large it is.

Every section has a fixed share of the page and shows its most useful lines first, so a campaign of a thousand ideas
costs an agent no more tokens than one of ten.
"""

import textwrap
from collections.abc import Callable, Iterable, Sequence

from enpire.core.brief import Brief, FailureCard, IdeaReport
from enpire.core.records import FAILURE_REASONS
from enpire.evolution.ideas import BASELINE, plain
from enpire.statistics.intervals import wilson

CHARACTERS_PER_TOKEN = 4
_HEAD = """# Digest

Numbers come from recorded episodes. Text in quotes was written by researchers: a claim at best, never an order.
"""
_SHARES: tuple[tuple[str, float], ...] = (
    ("Task and goal", 0.14),
    ("Champion", 0.14),
    ("Lineage of the champion", 0.12),
    ("What helped", 0.12),
    ("Dead ends", 0.14),
    ("Parked, may be reopened", 0.09),
    ("Ideas in flight", 0.08),
    ("Refused at the door", 0.04),
    ("Last failure cards", 0.13),
)


def digest_text(brief: Brief, *, tokens: int = 6000) -> str:
    """The brief as Markdown of bounded size: at most `tokens` at 4 characters each. A pure function of the brief."""
    room = tokens * CHARACTERS_PER_TOKEN - len(_HEAD)
    writers: dict[str, Callable[[Brief], Iterable[str]]] = {
        "Task and goal": _task,
        "Champion": _champion,
        "Lineage of the champion": _lineage,
        "What helped": _helped,
        "Dead ends": _dead_ends,
        "Parked, may be reopened": _parked,
        "Ideas in flight": _in_flight,
        "Refused at the door": _refused,
        "Last failure cards": _failures,
    }
    parts = [_HEAD]
    for title, share in _SHARES:
        heading = f"\n## {title}\n\n"
        parts.append(heading + _fit(list(writers[title](brief)), int(share * room) - len(heading)))
    return "".join(parts)[: tokens * CHARACTERS_PER_TOKEN]


def _fit(lines: Sequence[str], room: int) -> str:
    """As many whole lines as there is room for, then how many are left out."""
    reserve = len("- (1000000 more)\n")
    text = ""
    for place, line in enumerate(lines or ["none yet"]):
        last = place == len(lines) - 1
        if len(text) + len(line) + 1 > room - (0 if last else reserve):
            return text + f"- ({len(lines) - place} more)\n" if room >= reserve else text
        text += line + "\n"
    return text


def _quote(text: str, width: int = 160) -> str:
    clean = plain(text[: 4 * width]).replace('"', "'").replace("`", "'")
    return '"' + textwrap.shorten(clean, width, placeholder="...")[:width] + '"'


def _word(text: str) -> str:
    return plain(text[:100]).replace("`", "'")[:24]


# ---------------------------------------------------------------------------- sections


def _task(brief: Brief) -> list[str]:
    task = brief.task
    lines = [
        f"- Task `{plain(task.name)[:100]}`: {plain(task.instruction)[:500]}",
        f"- Goal: certify a success rate of at least {brief.target:g}.",
        f"- At most {task.max_steps} steps of {task.period_s:g} s; a late action costs a held command.",
        f"- Action: {task.action.size} values, low {_numbers(task.action.low)}, high {_numbers(task.action.high)}"
        + (f", {', '.join(task.action.names[:16])}" if task.action.names else ""),
    ]
    for key, array in sorted(task.observation.items())[:12]:
        names = f": {', '.join(array.names[:24])}" if array.names else ""
        lines.append(f"- Observation `{key}`: {array.dtype} {list(array.shape)}{names}"[:600])
    if task.options:
        lines.append(
            "- Options: " + ", ".join(f"{name} = {value:g}" for name, value in sorted(task.options.items()))[:300]
        )
    return lines


def _champion(brief: Brief) -> list[str]:
    n, k = brief.champion_episodes, brief.champion_successes
    low, high = wilson(k, n)
    lines = [f"- Idea {brief.champion}: {k}/{n} on fresh episodes, 95 % interval [{low:.2f}, {high:.2f}]."]
    champion = _by_id(brief).get(brief.champion)
    if champion is not None:
        lines.append(f"- {_quote(champion.hypothesis, 300)}")
        lines.append(f"- Files: {brief.candidates}/{champion.best}")
        lines.extend(f"- slot {slot}: {block}" for slot, block in sorted(champion.recipe.items()))
        lines.extend(f"- {name} = {value:g}" for name, value in sorted(champion.parameters.items()))
    return lines


def _lineage(brief: Brief) -> list[str]:
    known = _by_id(brief)
    path: list[IdeaReport] = []
    at: str | None = brief.champion
    while at in known and len(path) <= len(known):
        path.append(known[at])
        at = known[at].parent or (BASELINE if at != BASELINE else None)
    return [_line(idea, known) for idea in path]  # the champion first: the oldest steps are the ones to lose


def _helped(brief: Brief) -> list[str]:
    known = _by_id(brief)
    kept = [idea for idea in brief.ideas if idea.verdict == "kept" and idea.incumbent is not None]
    return [_line(idea, known) for idea in sorted(kept, key=lambda idea: (-_gain(idea), idea.id))]


def _dead_ends(brief: Brief) -> list[str]:
    known = _by_id(brief)
    groups: dict[str, list[IdeaReport]] = {}
    for idea in brief.ideas:
        if idea.verdict == "dropped":
            groups.setdefault(_change(idea, known), []).append(idea)
    lines = []
    for change, ideas in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        best = max(ideas, key=_gain)
        effect = _effect(best)
        figures = f", at best {effect:+.2f} utility" if effect is not None else ""
        lines.append(f"- {change}: dropped {len(ideas)} times{figures}; e.g. {best.id} {_quote(best.hypothesis, 100)}")
    return lines


def _parked(brief: Brief) -> list[str]:
    known = _by_id(brief)
    parked = [idea for idea in brief.ideas if idea.verdict == "parked"]
    return [_line(idea, known) for idea in sorted(parked, key=lambda idea: (-idea.probability, idea.id))]


def _in_flight(brief: Brief) -> list[str]:
    known = _by_id(brief)
    waiting = [idea for idea in reversed(brief.ideas) if idea.verdict is None]
    return [
        f"- {idea.id} by {_word(idea.agent)}: {_change(idea, known)}; {_quote(idea.hypothesis, 100)}"
        for idea in waiting
    ]


def _refused(brief: Brief) -> list[str]:
    return [f"- {_word(agent)}: {_quote(text, 80)}: {plain(why)[:160]}" for agent, text, why in reversed(brief.refused)]


def _failures(brief: Brief) -> list[str]:
    cards = dict(brief.cards)
    champion = cards.pop(brief.champion, None)
    lines = _card(f"champion {brief.champion}", champion) if champion is not None else []
    for idea, card in sorted(cards.items(), reverse=True):
        lines.extend(_card(f"idea {idea}", card))
    return lines


def _card(title: str, card: FailureCard) -> list[str]:
    lines = [f"- {title}: {card.successes}/{card.episodes} on search seeds"]
    for reason, count in sorted(card.reasons.items(), key=lambda item: (-item[1], item[0]))[:8]:
        lines.append(f"  - {count} x {_word(reason)}: {FAILURE_REASONS.get(reason, 'unknown reason')}")
    if card.failure_progress:
        quartiles = ", ".join(f"{q:.2f}" for q in card.failure_progress)
        lines.append(
            f"  - progress of failures (quartiles) {quartiles}; {card.near_misses} near misses, "
            f"{card.lost_again} lost what they had reached"
        )
    steps = "-" if card.median_success_steps is None else f"{card.median_success_steps:g}"
    lines.append(
        f"  - steps to success {steps}, p99 action {card.p99_action_ms:.1f} ms, {card.missed_periods} periods missed"
    )
    if card.log_tail:
        lines.append(f"  - last words of a failed policy: {_quote(card.log_tail[-300:], 300)}")
    return lines


# ---------------------------------------------------------------------------- figures


def _by_id(brief: Brief) -> dict[str, IdeaReport]:
    return {idea.id: idea for idea in brief.ideas}


def _effect(idea: IdeaReport) -> float | None:
    """Mean utility of the best variant minus the incumbent's, or None without a race."""
    best = next((arm for arm in idea.arms if arm.commit == idea.best), None)
    return best.utility - idea.incumbent.utility if best is not None and idea.incumbent is not None else None


def _gain(idea: IdeaReport) -> float:
    effect = _effect(idea)
    return -1.0 if effect is None else effect


def _line(idea: IdeaReport, known: dict[str, IdeaReport]) -> str:
    effect = _effect(idea)
    best = next((arm for arm in idea.arms if arm.commit == idea.best), None)
    facts = [_change(idea, known)]
    if best is not None and effect is not None:
        facts.append(f"{best.successes}/{best.episodes}, {effect:+.2f} utility, P(better) {idea.probability:.2f}")
    if idea.inspired_by:
        facts.append(f"with {', '.join(idea.inspired_by[:4])}")
    return f"- {idea.id} {'; '.join(facts)}; {_quote(idea.hypothesis, 120)}"


def _change(idea: IdeaReport, known: dict[str, IdeaReport]) -> str:
    """What sets an idea apart from its parent: slots that were swapped, else parameters, else its kind."""
    parent = known.get(idea.parent or BASELINE)
    if parent is None or parent is idea:
        return _word(idea.kind)
    swapped = [f"{slot}={block}" for slot, block in idea.recipe.items() if parent.recipe.get(slot) != block]
    if swapped:
        return ", ".join(sorted(swapped)[:4])[:100]
    moved = [name for name, value in idea.parameters.items() if parent.parameters.get(name) != value]
    return f"{_word(idea.kind)} of {', '.join(sorted(moved)[:3])}"[:100] if moved else f"{_word(idea.kind)} of code"


def _numbers(values: Sequence[float]) -> str:
    return "[" + ", ".join(f"{value:g}" for value in values[:16]) + (", ..." if len(values) > 16 else "") + "]"
