"""What a failure card suggests, in general terms: symptoms point to words in slot names and block summaries."""

from typing import NamedTuple

from enpire.agents._workspace import Block
from enpire.core.brief import FailureCard

_MIN_FAILURES = 4


class Symptom(NamedTuple):
    """A pattern in the failures.

    Attributes:
        share: How pronounced it is, in [0, 1].
        words: Beginnings of words that a remedy's slot or summary would contain.
        story: The pattern in words, for a hypothesis.
    """

    share: float
    words: tuple[str, ...]
    story: str


def read_symptoms(card: FailureCard | None) -> list[Symptom]:
    """Symptoms of a card, strongest first; none without a card or with too few failures."""
    if card is None or card.episodes - card.successes < _MIN_FAILURES:
        return []
    failures = card.episodes - card.successes
    slow = card.reasons.get("deadline", 0)
    early = card.reasons.get("terminated", 0)
    median = card.failure_progress[len(card.failure_progress) // 2] if card.failure_progress else 0.0
    found = [
        Symptom(
            card.near_misses / failures,
            ("cost", "fine", "precis", "exact", "recover", "careful", "length", "weight", "small"),
            f"{card.near_misses} of {failures} failures were near misses",
        ),
        Symptom(
            card.lost_again / failures,
            ("recover", "hold", "stop", "retry", "careful", "safe", "filter", "smooth"),
            f"{card.lost_again} of {failures} failures lost what they had reached",
        ),
        Symptom(
            max(slow / failures, min(card.missed_periods / (10.0 * card.episodes), 1.0)),
            ("cheap", "simple", "quick", "fast", "few", "little"),
            f"the policy overran {card.missed_periods} control periods",
        ),
        Symptom(
            early / failures * 0.5,
            ("feedback", "smooth", "safe", "velocity", "rate", "damp", "balanc"),
            f"{early} of {failures} failures were ended early by the environment",
        ),
        Symptom(
            0.5 if median < 0.3 else 0.0,
            ("planner", "navigat", "model", "controller", "feedback", "path", "detour", "choices", "energy"),
            f"the median failure reached only {median:.2f} of the way",
        ),
    ]
    return sorted((s for s in found if s.share >= 0.2), key=lambda s: -s.share)


def remedy_for(block: Block, symptoms: list[Symptom]) -> Symptom | None:
    """Strongest symptom that a block's slot or summary answers, if any."""
    words = f"{block.slot.replace('_', ' ')} {block.summary}".lower().replace(",", " ").replace(";", " ").split()
    for symptom in symptoms:
        if any(word.startswith(symptom.words) for word in words):
            return symptom
    return None
