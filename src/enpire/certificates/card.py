"""The frozen verifier card behind a claim: was the claim corrected by what it says?"""

from enpire.core.files import sha256
from enpire.core.records import VerifierErrors
from enpire.environment import verifier_card
from enpire.environment.freeze import Manifest
from enpire.environment.verifier_card import FILE
from enpire.ledger.folder import Folder


def stored(folder: Folder) -> bytes | None:
    """The card in a campaign folder; None if the task had none."""
    path = folder.root / verifier_card.FILE
    return path.read_bytes() if path.is_file() else None


def differing(manifest: Manifest, card: bytes | None, errors: VerifierErrors | None) -> list[str]:
    """Where a claim's correction does not follow from the frozen card, one line each.

    Args:
        manifest: What judged.
        card: The card's file; None if there is none.
        errors: What the claim was corrected by.
    """
    digest = manifest.judge.get(verifier_card.NAME)
    if (digest is None) != (errors is None):
        there = "there is no" if digest is None else "there is a"
        done = "not corrected" if errors is None else "corrected"
        return [f"{FILE}: {there} verifier card in the manifest, but the claim was {done} for the judge's errors"]
    if card is None or errors is None:
        return [f"{FILE} is missing"] if errors is not None else []
    if sha256(card) != digest:
        return [f"{FILE}: not the verifier card that was frozen"]
    if verifier_card.parse(card, FILE).errors({}).false_positives != errors.false_positives:
        return [f"{FILE}: gives other counts than the claim was corrected by"]
    return []
