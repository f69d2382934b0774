"""S2: how fast different keep rules improve a policy, and what many variants do to a race."""

from collections import Counter
from random import Random

from race_campaigns import (
    CHECKPOINTS,
    EASY,
    HARD,
    Champion,
    Greedy,
    Mix,
    Race,
    Rule,
    SequentialTest,
    campaign,
    episodes,
    mean_and_error,
    run_race,
    shifted,
)
from tables import Table, share, with_error

from enpire.statistics.race import RaceRule

EASY_RULES: dict[str, Rule] = {
    "greedy against the stored best, n = 10": Greedy(10),
    "greedy, n = 20": Greedy(20),
    "greedy, n = 50": Greedy(50),
    "e-process alpha 0.2, cap 40, futility 0.2, 1:1 control": SequentialTest(),
    "race, defaults": Race(),
    "race, discard 0.2": Race(RaceRule(discard=0.2)),
    "race, discard 0.25": Race(RaceRule(discard=0.25)),
    "race, discard 0.3": Race(RaceRule(discard=0.3)),
    "race, minimum 5": Race(RaceRule(minimum=5, opening=6)),
    "race, keep 0.85": Race(RaceRule(keep=0.85)),
    "race, keep 0.95": Race(RaceRule(keep=0.95)),
    "race, keep 0.95, screening episodes reused": Race(RaceRule(keep=0.95), "reused"),
    "race, 30 fresh episodes before promotion": Race(RaceRule(), "confirmed"),
}
HARD_RULES: dict[str, Rule] = {
    name: EASY_RULES[name]
    for name in (
        "greedy against the stored best, n = 10",
        "greedy, n = 20",
        "greedy, n = 50",
        "race, defaults",
        "race, discard 0.2",
        "race, discard 0.25",
        "race, discard 0.3",
        "race, keep 0.95",
        "race, 30 fresh episodes before promotion",
    )
}


def campaigns(repeats: int) -> list[Table]:
    """Both campaign tables."""
    return [
        _campaign_table("s2_easy", "S2 Campaigns, 20 % of the proposals better", EASY, EASY_RULES, repeats),
        _campaign_table("s2_hard", "S2 Campaigns, 8 % of the proposals better", HARD, HARD_RULES, repeats),
    ]


def _campaign_table(name: str, title: str, mix: Mix, rules: dict[str, Rule], repeats: int) -> Table:
    rows = []
    for label, rule in rules.items():
        print(f"  {title}: {label}", flush=True)
        runs = [campaign(rule, mix, Random(seed)) for seed in range(repeats)]
        rates = [with_error(*mean_and_error([run[at].rate for run in runs])) for at in range(len(CHECKPOINTS))]
        middle = [run[1] for run in runs]
        optimism = with_error(*mean_and_error([snapshot.optimism for snapshot in middle]))
        hypotheses = mean_and_error([snapshot.hypotheses for snapshot in middle])[0]
        last = [run[-1] for run in runs]
        bad = sum(s.bad_keeps for s in last) / max(sum(s.keeps for s in last), 1)
        rows.append((label, *rates, optimism, f"{hypotheses:.0f}", f"{bad:.2f}"))
    note = (
        f"{repeats} campaigns per row, seeds 0 to {repeats - 1}. Mean true rate of the champion after so many "
        "episodes, control included, ± 1.96 standard errors. Optimism is claimed minus true rate at 1,000. Bad "
        f"keeps: share of keeps by 3,000 that were not better. {mix.worse:.0%} of the proposals are worse, "
        f"{mix.equal:.0%} equal."
    )
    points = tuple(f"rate @{checkpoint:,}" for checkpoint in CHECKPOINTS)
    header = ("rule", *points, "optimism @1,000", "hypotheses @1,000", "bad keeps")
    return Table(name=name, title=title, note=note, header=header, rows=tuple(rows))


def variants(repeats: int) -> list[Table]:
    """Single races with 1 to 8 variants against an incumbent that is already known from 20 episodes."""
    rows = []
    for k in (1, 2, 4, 8):
        for label, best in (("all equal", 0.0), ("one better by 1.2 log-odds", 1.2)):
            print(f"  S2 Variants: {k}, {label}", flush=True)
            rows.append((str(k), label, *_races(k, best, repeats)))
    note = (
        f"{repeats} races per row with the default rule, incumbent at 0.5 and known from 20 episodes before the race. "
        "One better variant has 0.769. Share with 95 % Wilson interval; episodes include control."
    )
    header = ("variants", "truth", "kept", "kept the better one", "dropped", "parked", "mean episodes")
    title = "S2 Variants: what racing many at once does to the error"
    return [Table(name="s2_variants", title=title, note=note, header=header, rows=tuple(rows))]


def _races(k: int, best: float, repeats: int) -> tuple[str, ...]:
    rates = {f"v{index}": 0.5 for index in range(k)}
    rates["v0"] = shifted(0.5, best)
    verdicts: Counter[str] = Counter()
    used, right = 0, 0
    for seed in range(repeats):
        rng = Random(seed)
        known = Champion(0.5, episodes(0.5, 20, rng))
        decision, arms, incumbent = run_race(rates, known, RaceRule(), rng)
        verdicts[str(decision.verdict)] += 1
        right += decision.verdict == "kept" and decision.best == "v0" and best > 0
        used += sum(arm.n for arm in arms.values()) + incumbent.n - 20
    better = share(right, repeats) if best > 0 else "-"
    kept, dropped, parked = (share(verdicts[verdict], repeats) for verdict in ("kept", "dropped", "parked"))
    return kept, better, dropped, parked, f"{used / repeats:.1f}"
