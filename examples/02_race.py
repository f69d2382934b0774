"""A race between four variants and an incumbent, with made-up success rates. Run: python examples/02_race.py"""

import random

from enpire.statistics.race import RaceRule, Sample, decide, next_arm, probability_better

RATES = {"a": 0.3, "b": 0.5, "c": 0.55, "d": 0.8}
INCUMBENT = 0.5

rng, rule = random.Random(4), RaceRule()
arms, incumbent = {name: Sample() for name in RATES}, Sample()
while (decision := decide(arms, incumbent, rule)).verdict is None:
    name = next_arm(arms, incumbent, rule, rng)
    if name is None:  # the incumbent is measured again while the race runs
        incumbent = incumbent.add(float(rng.random() < INCUMBENT))
    else:
        arms[name] = arms[name].add(float(rng.random() < RATES[name]))

for name, sample in arms.items():
    chance = probability_better(sample, incumbent)
    print(f"{name}: true {RATES[name]:.2f}  seen {sample.total:.0f}/{sample.n}  P(better) {chance:.2f}")
print(f"incumbent: true {INCUMBENT:.2f}  seen {incumbent.total:.0f}/{incumbent.n}")
print(f"{decision.verdict}: {decision.best}")
