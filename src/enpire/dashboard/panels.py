"""The pieces of the live view: functions from `State` to rich text. All of them fit a given width."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from enpire.core.config import CampaignConfig
from enpire.core.records import Episode
from enpire.dashboard.text import count, duration, interval, one_line, percent, rounded_bound
from enpire.ledger.state import State, Study
from enpire.metrics.curves import champion, success_curve
from enpire.metrics.studies import claims
from enpire.metrics.utilisation import mru
from enpire.statistics import race

_BLOCKS = " ▁▂▃▄▅▆▇█"
_MARKS = {"kept": ("●", "green"), "parked": ("◆", "yellow"), "dropped": ("·", "bright_black")}
_RULE = race.RaceRule()


def screen(state: State, width: int) -> RenderableType:
    """The whole live view at a terminal width; two columns from 110 characters on."""
    if state.config is None or not state.crowns:
        return Text("waiting for the campaign to open", style="dim")
    wide = width >= 110
    half = (width - 1) // 2 if wide else width
    blocks = [
        _panel("champion", _champion(state, half - 4), half),
        _panel("races", _races(state, half - 4), half),
        _panel("claims", _claims(state, half - 4), half),
        _panel("stations", _stations(state, half - 4), half),
        _panel("ideas", _ideas(state, half - 4), half),
    ]
    if not wide:
        return Group(_header(state, state.config, width), *blocks)
    grid = Table.grid(expand=False, padding=(0, 1, 0, 0))
    grid.add_column(width=half)
    grid.add_column(width=width - half - 1)
    grid.add_row(Group(blocks[0], blocks[2], blocks[4]), Group(blocks[1], blocks[3]))
    return Group(_header(state, state.config, width), grid)


def _panel(title: str, body: RenderableType, width: int) -> Panel:
    return Panel(body, title=Text(title, style="bold"), title_align="left", border_style="bright_black", width=width)


def _header(state: State, config: CampaignConfig, width: int) -> Text:
    """Task, time, what is left, target and robot use; what a user should know about the task, if anything."""
    tally = state.counts()
    left = []
    if config.budget_minutes is not None:
        left.append(duration(max(0.0, config.budget_minutes * 60 - state.elapsed_s)))
    if config.budget_episodes is not None:
        left.append(f"{max(0, config.budget_episodes - tally['started'])} episodes")
    if config.budget_ideas is not None:
        left.append(f"{max(0, config.budget_ideas - len(state.ideas) + 1)} ideas")
    if config.budget_tokens is not None:
        left.append(f"{max(0, config.budget_tokens - state.tokens)} tokens")
    parts = [
        ("enpire ", "bold"),
        (one_line(config.task, max(width - 50, 16)), "bold cyan"),
        (f"  {duration(state.elapsed_s)}", ""),
        (f"  target {config.target:g}", ""),
        (f"  MRU {percent(mru(state).total)}", ""),
    ]
    second = f"left: {', '.join(left)}" if left else "no budget set"
    if state.stopped is not None:
        second = f"stopped: {one_line(state.stopped.reason, 60)}"
    second += f" · done: {tally['started']} episodes, {tally['invalid']} invalid, {state.tokens} tokens"
    lines = [second] if state.spec is None or not state.spec.note else [second, f"note: {state.spec.note}"]
    more = [(f"\n {one_line(line, width - 2)}", "dim") for line in lines]
    return Text.assemble(" ", *parts, *more, no_wrap=True)


def _champion(state: State, width: int) -> Text:
    report = champion(state)
    text = Text(no_wrap=True, overflow="ellipsis")
    name = "baseline" if report.idea == "0000" else f"idea {report.idea}"
    text.append(name, "bold green")
    text.append(f"  {count(report.successes, report.episodes)}")
    if report.episodes:
        text.append(f"  {percent(report.successes / report.episodes, 1)}", "bold")
        text.append(f"  [{interval(report.wilson)}]", "dim")
    text.append(f"\n≥ {rounded_bound(report.true_lower_bound)} at any time, α {report.alpha:g}, ", "dim")
    text.append(f"n {report.lower_bound_episodes}", "dim")
    if report.median_steps is not None:
        text.append(f", median {report.median_steps:g} steps", "dim")
    text.append("\n" + _sparkline(state, width), "cyan")
    text.append("\n" + one_line(state.ideas[report.idea].idea.hypothesis, width), "italic")
    return text


def _sparkline(state: State, width: int) -> str:
    """Champion's fresh success rate over the whole campaign, two rows high; `?` where there are no episodes."""
    points, upper, lower = success_curve(state), "", ""
    index = 0
    for column in range(width):
        at_s = state.elapsed_s * (column + 0.5) / width
        while index + 1 < len(points) and points[index + 1].at_s <= at_s:
            index += 1
        rate = points[index].rate
        level = 0 if rate is None else max(1, round(rate * 16))
        upper += _BLOCKS[max(0, level - 8)]
        lower += "?" if rate is None else _BLOCKS[min(8, level)]
    return f"{upper}\n{lower}"


def _races(state: State, width: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    studies = state.open_studies("race")
    rival = _sample(state, state.fresh(state.champion.commit)) if studies else race.Sample()
    for study in studies[-6:]:
        _race(text, state, study, rival, width)
    if len(studies) > 6:
        text.append(f"and {len(studies) - 6} more\n", "dim")
    return _filled(text, "no race is running")


def _race(text: Text, state: State, study: Study, rival: race.Sample, width: int) -> None:
    """Two lines: idea and hypothesis; arms, episodes, utilities and P(better than the champion's fresh episodes)."""
    idea = state.ideas[study.opened.idea].idea
    arms = {arm: _sample(state, study.of(arm)) for arm in study.opened.arms}
    decision = race.decide(arms, rival, _RULE)
    head = f"{idea.id} {one_line(idea.kind, 10)} "
    text.append(head, "bold")
    text.append(one_line(idea.hypothesis, width - len(head)) + "\n", "italic")
    text.append(f"     {len(decision.alive)}/{len(arms)} arms  {len(study.episodes)} ep  ", "dim")
    if decision.best is not None and arms[decision.best].n and rival.n:
        best = arms[decision.best]
        probability = race.probability_better(best, rival)
        text.append(f"utility {best.mean:.2f} vs {rival.mean:.2f}  ")
        text.append(f"P(better) {probability:.2f}", "green" if probability > 0.5 else "")
    text.append("\n")


def _sample(state: State, episodes: list[Episode]) -> race.Sample:
    if state.config is None or state.spec is None:
        return race.Sample()
    objective, steps = state.config.objective, state.spec.max_steps
    return race.Sample.of(objective.utility(episode, steps) for episode in episodes)


def _claims(state: State, width: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for claim in claims(state)[-3:]:
        style = {"certified": "bold green", "abandoned": "bright_black"}.get(claim.state, "bold")
        text.append(f"{claim.study} ", "bold")
        text.append(claim.state, style)
        text.append(f"  idea {claim.idea}  {count(claim.successes, claim.episodes)}\n")
        label = f" {rounded_bound(claim.true_lower_bound)} of {claim.p0:g}"
        if claim.card_alpha:
            label += f" (judge {rounded_bound(claim.lower_bound)} of {claim.q0:.3f})"
        size = max(width - len(label), 8)
        full = min(size, round(size * claim.true_lower_bound / claim.p0))
        text.append("━" * full, "green" if claim.certified else "cyan")
        text.append("━" * (size - full), "bright_black")
        text.append(label + "\n", "dim")
    return _filled(text, "none yet: no champion is good enough to try")


def _stations(state: State, width: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    minutes = max(state.elapsed_s / 60, 1e-9)
    name_width = min(max((len(name) for name in state.stations), default=0), 14)
    for name, log in sorted(state.stations.items())[:12]:
        running = [state.tickets[ticket].purpose for ticket in log.running]
        doing = running[0] if running else "idle" if log.up else "down"
        style = "red" if not log.up else "cyan" if running else "yellow"
        text.append(f"{one_line(name, name_width):<{name_width}} ")
        text.append(f"{'■' if log.up else '□'} {doing:<8}", style)
        text.append(f"{len(log.busy) / minutes:5.1f}/min  ")
        text.append(f"{one_line(log.confinement, 10)}", "dim" if log.confinement != "none" else "red")
        text.append(f"  {log.invalid} invalid\n" if log.invalid else "\n", "dim")
    if len(state.stations) > 12:
        text.append(f"and {len(state.stations) - 12} more", "dim")
    use = [f"{name} {percent(share)}" for name, share in mru(state).by_purpose.items() if share > 0]
    text.append(one_line("use: " + ", ".join(use), width) if use else "", "dim")
    return _filled(text, "no station is up")


def _ideas(state: State, width: int) -> Text:
    tally = state.idea_counts()
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{tally['tried']} tried  ", "bold")
    text.append(f"{tally['kept']} kept  ", "green")
    text.append(f"{tally['dropped']} dropped  {tally['parked']} parked  {tally['refused']} refused", "dim")
    crowned = {crown.idea for crown in state.crowns}
    decided = [node for name, node in state.ideas.items() if node.decided_s is not None and name != "0000"]
    for node in sorted(decided, key=lambda node: node.decided_s or 0.0)[-5:][::-1]:
        mark, style = _MARKS.get(node.verdict or "", ("·", "dim"))
        mark = "◎" if node.idea.id in crowned else mark
        text.append(f"\n{mark} ", style)
        text.append(f"{node.idea.id} {node.verdict:<8}", style)
        text.append(one_line(node.idea.hypothesis, width - 15))
    return text


def _filled(text: Text, otherwise: str) -> Text:
    text.rstrip()
    return text if text.plain else Text(otherwise, style="dim")
