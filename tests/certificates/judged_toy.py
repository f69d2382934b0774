"""The toy task as if a camera judged it, with a verifier card."""

from dataclasses import replace
from pathlib import Path

from tests.rollout.toy import PointTask


class CardTask(PointTask):
    """See `PointTask`."""

    verifier_card = Path(__file__).with_name("judged_toy.toml")

    def __init__(self, options=None):
        super().__init__(options)
        self.spec = replace(self.spec, name="tests.certificates.judged_toy:CardTask")
