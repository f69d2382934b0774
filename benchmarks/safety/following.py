"""How well a joint of the gate follows goals that the limits allow, and how far it shoots over goals that jump.

    python benchmarks/safety/following.py

No geometry. Prints Markdown; RESULTS.md holds the last table.
"""

import numpy as np

from enpire.environment.safety.joint import Joint, Rates

TICK_S = 0.01
SIZES_RAD = np.geomspace(0.001, 1.0, 40)
PEAK_RAD_S = 1.0
RATES = {
    "2 rad/s, 10 rad/s², 200 rad/s³": Rates(2.0, 10.0, 200.0),
    "3 rad/s, 15 rad/s², 300 rad/s³ (push_t)": Rates(3.0, 15.0, 300.0),
    "1.5 rad/s, 20 rad/s², 2000 rad/s³ (pin)": Rates(1.5, 20.0, 2000.0),
}


def commands(goals: np.ndarray, rates: Rates) -> np.ndarray:
    """What the joint is told, tick by tick, shape (T,)."""
    joint, told = Joint((-9.0, 9.0), rates, TICK_S), []
    joint.begin(float(goals[0]))
    for goal in goals.tolist():
        joint.accept(joint.follow(goal))
        told.append(joint.position)
    return np.array(told)


def overshoot(rates: Rates) -> tuple[float, float]:
    """Largest, over steps of many sizes: share of the step, and rad."""
    beyond = [float(commands(np.r_[0.0, np.full(400, size)], rates).max()) - size for size in SIZES_RAD]
    return max(b / s for b, s in zip(beyond, SIZES_RAD, strict=True)), max(beyond)


def policy(period_s: float) -> np.ndarray:
    """A sine of `PEAK_RAD_S`, as a policy gives it 30 times a second, in equal parts per tick; it begins at rest."""
    begins = np.round(np.arange(200) / 0.3).astype(int)  # 3, 3, 4 ticks
    radius = PEAK_RAD_S * period_s / (2 * np.pi)
    said = radius * (1 - np.cos(2 * np.pi * begins * TICK_S / period_s))
    goals: np.ndarray = np.interp(np.arange(begins[-1]), begins, said)
    return goals


def main() -> None:
    """The table."""
    print(
        "| limits | overshoot of steps of 1 mrad to 1 rad: share, rad | behind a 30 Hz policy, period 4 s | 2 s | 1 s |"
    )
    print("|---|---|---|---|---|")
    for name, rates in RATES.items():
        share, rad = overshoot(rates)
        behind = [float(np.abs(commands(policy(p), rates) - policy(p)).max()) for p in (4.0, 2.0, 1.0)]
        told = " | ".join(f"{1000 * b:.1f} mrad" for b in behind)
        print(f"| {name} | {100 * share:.1f} %, {rad:.4f} | {told} |")


if __name__ == "__main__":
    main()
