"""The static report of a campaign: one HTML file that needs nothing else."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from enpire.core.files import write_durably
from enpire.core.records import Json
from enpire.dashboard import diffs, tables, text
from enpire.dashboard.figure import idea_tree
from enpire.dashboard.videos import ReportVideo, embed
from enpire.evolution.selection import not_claimable
from enpire.ledger.state import State
from enpire.metrics import tokens
from enpire.metrics.studies import ClaimReport, claims, confirmations, needed
from enpire.metrics.summary import summary
from enpire.statistics import verifier

__all__ = ["ReportVideo", "render", "verdict_sentence", "write_report"]


def write_report(state: State, out: Path, *, diff: str, videos: Sequence[ReportVideo], root: Path) -> None:
    """Write the report of a campaign, finished or not.

    Args:
        state: The campaign, with at least its opening event.
        out: HTML file to write; it appears whole or not at all.
        diff: Unified diff from the baseline to the champion; empty if there is none.
        videos: Shown in this order; about 25 MB are embedded, the rest is linked.
        root: Campaign folder, where relative video paths start.
    """
    write_durably(out, render(state, out, diff=diff, videos=videos, root=root).encode())


def render(state: State, out: Path, *, diff: str, videos: Sequence[ReportVideo], root: Path) -> str:
    """The report as text; arguments as for `write_report`."""
    facts = summary(state)
    style, script = _asset("report.css"), _asset("report.js")
    rows = tables.ideas(state)
    fresh = state.fresh(state.champion.commit)
    errors = state.spec.verifier if state.spec is not None else None
    card_alpha = verifier.split(facts["alpha"], errors)[1]
    return _template().render(
        facts=facts,
        sentence=verdict_sentence(facts, claims(state)),
        spec=state.spec,
        unclaimable=not_claimable(state, facts["target"]),
        card_alpha=card_alpha,
        fp_upper=verifier.percent_up(verifier.fp_upper(errors, card_alpha)),
        config=state.config,
        certified=best_claim(claims(state)),
        claims=claims(state),
        confirmations=confirmations(state),
        tested=sum(x.tested and x.state != "open" for x in confirmations(state)),
        discoveries=sum(x.discovery for x in confirmations(state)),
        ideas=rows,
        dropped=tables.dropped_by_kind(rows),
        refused=tables.refused(state),
        purposes=tables.purposes(state),
        stations=tables.stations(state),
        failures=tables.failures(fresh),
        fresh=fresh,
        legacy=tables.legacy_window(state),
        candidates=tables.candidates_looked_at(state),
        figure=idea_tree(state),
        diff=diffs.split(diff),
        videos=embed(videos, root, out),
        lost=len(state.started) - len(state.episodes),
        bills={by: tokens.bills(state, by) for by in ("agent", "model", "phase", "idea")} if state.tokens else {},
        unexplained=tokens.unexplained(state),
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "media-src data:; img-src data:; base-uri 'none'; form-action 'none'",
        needed=needed,
        t=text,
    )


def best_claim(found: list[ClaimReport]) -> ClaimReport | None:
    """The certified claim with the highest rate; None if nothing is certified."""
    return max((claim for claim in found if claim.certified), key=lambda claim: claim.p0, default=None)


def verdict_sentence(facts: Json, found: list[ClaimReport]) -> str:
    """The result of the campaign in words."""
    champion, certified = facts["champion"], best_claim(found)
    if certified is not None:
        return (
            f"Certified: success rate of at least {certified.p0:g} at level α = "
            f"{certified.alpha + certified.card_alpha:.3g}, by {certified.successes} successes in "
            f"{certified.episodes} fresh episodes of idea {certified.idea}."
        )
    who = f"idea {champion['idea']}" if champion["idea"] != "0000" else "the baseline"
    start = "The campaign is still open and nothing is certified yet" if not facts["final"] else "Nothing is certified"
    nobody = " No idea was kept." if not facts["ideas"]["kept"] else ""
    if not champion["episodes"]:
        return f"{start}.{nobody} The champion is {who}; it has no fresh episodes, so its rate is unknown."
    rate = champion["successes"] / champion["episodes"]
    return (
        f"{start}.{nobody} The champion, {who}, succeeded in {champion['successes']} of {champion['episodes']} fresh "
        f"episodes ({text.percent(rate)}, 95 % interval {text.interval(champion['wilson'])})."
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("enpire.dashboard", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def _asset(name: str) -> str:
    return files("enpire.dashboard").joinpath("templates", name).read_text(encoding="utf-8").strip()


def _hash(content: str) -> str:
    """Source expression that allows exactly this inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
