import base64
import html.parser
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from enpire.core.records import VerifierErrors
from enpire.dashboard import diffs, videos
from enpire.dashboard.report import ReportVideo, write_report
from enpire.ledger.state import Crown, State, fold
from enpire.metrics.summary import summary
from tests.dashboard.scenario import Campaign, prefix

VOID = {"meta", "br", "hr", "img", "input", "link", "circle", "line", "rect", "path", "polygon"}
OPTIONAL_END = {"li", "td", "th", "tr", "p", "dt", "dd", "thead", "tbody"}
HOSTILE = "</script><img src=x onerror=alert(1)></title>\x1b[31m{{ 7*7 }}"
DIFF = """diff --git a/policy.py b/policy.py
index 1..2 100644
--- a/policy.py
+++ b/policy.py
@@ -1,3 +1,3 @@
 import math
--- a line that looks like a header
+++ <b>another</b>
 end
diff --git a/new.py b/new.py
new file mode 100644
--- /dev/null
+++ b/new.py
@@ -0,0 +1 @@
+print("hi")
"""
CAMPAIGN = Campaign().run()


class Page(html.parser.HTMLParser):
    """Checks nesting and collects tags, data elements and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.facts: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert [tag for tag in self.open if tag not in OPTIONAL_END] == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "data":
            self.facts[found["data-key"] or ""] = found["value"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open[-1] != tag:
            assert self.open[-1] in OPTIONAL_END, f"</{tag}> closes <{self.open[-1]}>"
            self.open.pop()
        self.open.pop()


def report(state: State, folder: Path, **more: object) -> str:
    arguments: dict[str, object] = {"diff": DIFF, "videos": [], "root": folder, **more}
    write_report(state, folder / "report.html", **arguments)  # type: ignore[arg-type]
    return (folder / "report.html").read_text()


def look_up(facts: object, key: str) -> object:
    for part in key.split("."):
        index = {"low": 0, "high": 1}.get(part)
        facts = facts[index] if index is not None else facts[part]  # type: ignore[index]
    return facts


def test_every_number_of_the_tiles_equals_the_summary(tmp_path):
    state = fold(CAMPAIGN)
    page, facts = Page(report(state, tmp_path)), summary(state)
    facts["certified"] = next(claim for claim in facts["claims"] if claim["certified"])
    assert len(page.facts) >= 20
    for key, shown in page.facts.items():
        expected = look_up(facts, key)
        assert shown == str(expected), key


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 1.0])
def test_unfinished_campaigns_render(tmp_path, share):
    whole = fold(CAMPAIGN)
    state = prefix(CAMPAIGN, max(0.5, share * whole.elapsed_s))
    text = report(state, tmp_path, diff="")
    Page(text)
    assert ("still running" in text) == (share < 1)
    assert ("Certified: success rate of at least 0.9" in text) == (share == 1)


def test_a_campaign_without_success_says_so(tmp_path):
    state = fold(Campaign(minutes=8.0, ideas=0).run())
    text = report(state, tmp_path, diff="")
    Page(text)
    for sentence in ("Nothing is certified. No idea was kept.", "No claim was opened", "No idea has been submitted"):
        assert sentence in text
    assert "the champion is the baseline itself." in text


def test_claims_behind_a_judge_that_errs_show_both_rates(tmp_path):
    state = fold(CAMPAIGN)
    errors = VerifierErrors(false_positives={"laid": (0, 800), "campaign": (1, 900)}, doubt="the <b>judge</b> changed")
    state.spec = replace(state.spec, verifier=errors)
    for study in state.studies.values():
        if study.opened.kind == "claim":
            study.opened = structs.replace(
                study.opened, q0=study.opened.p0 + 1e-4 * (1 - study.opened.p0), card_alpha=0.005
            )
    text = report(state, tmp_path)
    page, facts = Page(text), summary(state)
    facts["certified"] = next(claim for claim in facts["claims"] if claim["certified"])
    assert all(shown == str(look_up(facts, key)) for key, shown in page.facts.items())
    certified = facts["certified"]
    assert certified["true_lower_bound"] < certified["lower_bound"] and certified["fp_upper"] == pytest.approx(1e-4)
    assert f"{certified['q0']:.4f}" in text and f"{int(1000 * certified['true_lower_bound']) / 1000:.3f}" in text
    assert "took 0 of 800 hard failures laid by hand and 1 of 900 hard failures met in campaigns for successes" in text
    assert "In doubt: the &lt;b&gt;judge" in text
    assert "Corrected for the judge" not in report(fold(CAMPAIGN), tmp_path)


def test_a_certified_policy_that_lost_the_crown_is_named(tmp_path):
    state = fold(CAMPAIGN)
    state.crowns.append(Crown("0001", state.ideas["0001"].best, state.elapsed_s))
    text = report(state, tmp_path)
    assert "The policy to use is the certified one" in text
    assert "The policy to use" not in report(fold(CAMPAIGN), tmp_path)


def test_hostile_text_stays_text(tmp_path):
    campaign = Campaign(minutes=25.0, hypothesis=HOSTILE)
    state = fold(campaign.run())
    text = report(state, tmp_path, diff=DIFF.replace("end", HOSTILE), videos=[ReportVideo(HOSTILE, HOSTILE, Path("x"))])
    page = Page(text)
    names = [tag for tag, _ in page.tags]
    assert "img" not in names and names.count("script") == 1
    assert "&lt;b&gt;another&lt;/b&gt;" in text
    assert not any(attribute.startswith("on") for _, found in page.tags for attribute in found)
    assert "&lt;/script&gt;&lt;img" in text and "{{ 7*7 }}" in text and "\x1b" not in text


def test_nothing_is_fetched(tmp_path):
    text = report(fold(CAMPAIGN), tmp_path)
    assert not re.search(r"https?://", text)
    page = Page(text)
    for tag, found in page.tags:
        assert tag not in ("link", "iframe", "object", "img")
        assert found.get("src", "data:").startswith("data:")
        assert found.get("href", "#").startswith("#")
    policy = next(found["content"] for tag, found in page.tags if found.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_ids_are_unique_and_links_lead_somewhere(tmp_path):
    page = Page(report(fold(CAMPAIGN), tmp_path))
    ids = [found["id"] for _, found in page.tags if "id" in found]
    assert len(ids) == len(set(ids))
    links = {found["href"][1:] for _, found in page.tags if "href" in found}
    assert links <= set(ids)
    figures = [found for tag, found in page.tags if tag == "svg" and found.get("class") == "figure"]
    assert figures[0]["role"] == "group" and set(figures[0]["aria-labelledby"].split()) <= set(ids)


def test_the_same_state_gives_the_same_bytes(tmp_path):
    assert report(fold(CAMPAIGN), tmp_path) == report(fold(CAMPAIGN), tmp_path)


def test_a_diff_is_split_by_file_and_counted():
    files = diffs.split(DIFF)
    assert [(file.name, file.added, file.removed) for file in files] == [("policy.py", 1, 1), ("new.py", 1, 0)]
    assert ("del", "--- a line that looks like a header") in files[0].lines
    assert diffs.split("") == [] and diffs.split("garbage\n+++ \n@@ -1 +1") is not None


def test_long_diffs_are_cut_and_say_so(tmp_path):
    long = f"diff --git a/a b/a\n@@ -0,0 +1,{diffs.MOST_LINES + 10} @@\n" + "+x\n" * (diffs.MOST_LINES + 10)
    assert "11 more lines" in report(fold(CAMPAIGN), tmp_path, diff=long)


def test_videos_are_embedded_until_full_then_linked(tmp_path):
    clip = b"\x1a\x45\xdf\xa3 not a real film"
    (tmp_path / "a.webm").write_bytes(clip)
    (tmp_path / "odd name.avi").write_bytes(clip)
    found = [ReportVideo("one", "", Path("a.webm")), ReportVideo("two", "", Path("odd name.avi"))]
    shown = videos.embed([*found, ReportVideo("three", "", Path("gone.mp4"))], tmp_path, tmp_path / "sub" / "r.html")
    assert base64.b64decode(shown[0].source.split(",")[1]) == clip
    assert (shown[1].source, shown[1].link) == ("", "../odd%20name.avi")
    assert (shown[2].source, shown[2].link) == ("", "")
    with (tmp_path / "big.mp4").open("wb") as file:
        file.truncate(videos.MOST_BYTES)
    big = ReportVideo("big", "", Path("big.mp4"))
    assert [bool(x.source) for x in videos.embed([found[0], big], tmp_path, tmp_path / "r.html")] == [True, False]


def test_a_browser_draws_it(tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine")
    report(fold(CAMPAIGN), tmp_path)
    picture = tmp_path / "page.png"
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tempfile.mkdtemp(dir=tmp_path)}", "--window-size=1280,900", f"--screenshot={picture}",
        (tmp_path / "report.html").as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60, env={**os.environ, "HOME": str(tmp_path)})
    assert picture.stat().st_size > 20_000
