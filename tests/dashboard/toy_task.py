"""The made-up task, researchers and ideas of the scenario."""

from enpire.core.records import ActionSpec, ArraySpec, TaskSpec

AGENTS = ("ada", "berk", "chen", "dita")
MANIFEST = "5d9f1c7a" * 8
IDEAS = (
    ("structure", "Approach the block from behind its centre of mass instead of from the nearest side.", 0.16),
    ("tune", "A lower approach speed loses fewer contacts in the last ten pixels.", 0.05),
    ("identify", "Estimate the push gain from the first three pushes and scale the later ones by it.", 0.11),
    ("cross", "Use the contact chooser of the sibling branch with our own speed profile.", 0.07),
    ("structure", "Rotate first, translate second: separate the two errors.", -0.08),
    ("tune", "Widen the dead band around the goal yaw to stop the limit cycle.", 0.02),
    ("search", "CMA-ES over the six geometry parameters with the blocks as they are.", 0.09),
    ("structure", "Back off and re-plan when progress has not risen for 40 steps.", 0.12),
    ("tune", "Aim at the far edge rather than the centre of the T.", -0.03),
    ("structure", "Plan two pushes ahead and take the first one.", 0.0),
)
SPEC = TaskSpec(
    name="gym:gym_pusht/PushT-v0",
    instruction="Push the T onto its goal pose.",
    observation={"observation.state": ArraySpec(shape=(5,), dtype="float32")},
    action=ActionSpec(size=2, low=(0.0, 0.0), high=(512.0, 512.0)),
    period_s=0.1,
    max_steps=300,
    manifest=MANIFEST,
)
