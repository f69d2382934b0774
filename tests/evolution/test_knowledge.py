"""What a campaign learned, written down: true, useful, bounded, and silent about what must stay inside."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enpire.core.clock import SystemClock
from enpire.core.errors import BadInput
from enpire.core.records import Idea, Variant
from enpire.core.seeds import seed
from enpire.evolution.hub import Hub
from enpire.evolution.knowledge import READ_ROOM, ROOM, distill, read
from enpire.evolution.knowledge.masking import quoted
from enpire.evolution.knowledge.taking_in import _fairly
from enpire.ledger import events as e
from enpire.ledger.log import Ledger
from enpire.ledger.state import State
from tests.ledger.make import Tape, episode, ticket

HEADINGS = [
    "Task",
    "Certified",
    "Champion",
    "Lineage of the champion",
    "What helped",
    "Dead ends",
    "Parked, worth another look",
    "Machine facts",
    "Refused at the door",
]
KEY = b"k" * 32


def section(text, title):
    return text.split(f"\n## {title}\n\n")[1].split("\n## ")[0]


@pytest.fixture
def commits(hub, small, swap):
    base = hub.commit(small, parents=[], message="base", branch="main")
    grid, maze = (swap(small, "navigator", name) for name in ("grid", "maze"))
    first = hub.commit(grid, parents=[base], message="grid", branch=None)
    tuned = {path: text.replace(b"value = 0.5", b"value = 1.5") for path, text in grid.items()}
    return {
        "base": base,
        "grid": first,
        "tuned": hub.commit(tuned, parents=[first], message="tuned", branch=None),
        "maze": hub.commit(maze, parents=[base], message="maze", branch=None),
    }


class Story:
    """A campaign on a real hub."""

    def __init__(self, commits):
        self.state, self.commits = State(), commits
        self.tape = Tape(self.state)
        self.state.crowns.clear()
        baseline = with_commit(self.state.ideas["0000"].idea, commits["base"])
        self.tape.add(e.CampaignOpened(config=self.state.config, spec=self.state.spec, baseline=baseline))
        self.number = 0

    def idea(self, what, verdict, best, incumbent, *, parent="0000", says="It helps.", point=None, crown=False):
        self.number += 1
        id, commit = f"{self.number:04d}", self.commits[what]
        made = Idea(
            id=id, agent="a-1", hypothesis=says, kind="structure", parent=parent, inspired_by=(),
            predicted_effect=0.1, commit=commit, variants=(Variant(commit=commit, point=point or {}),),
        )  # fmt: skip
        decided = e.IdeaDecided(
            idea=id, verdict=verdict, best=commit, probability=0.5, reason="r",
            evidence={commit: best, "incumbent": incumbent},
        )  # fmt: skip
        self.tape.add(e.IdeaSubmitted(idea=made), decided)
        if crown:
            self.tape.add(e.ChampionCrowned(idea=id, commit=commit))
        return id


def with_commit(idea, commit):
    return replace(idea, commit=commit, variants=(Variant(commit=commit),))


@pytest.fixture
def story(commits):
    told = Story(commits)
    told.idea("grid", "dropped", (3, 0, 0.1), (4, 0, 0.1))
    told.idea("maze", "dropped", (10, 2, 0.2), (10, 5, 0.5))
    kept = told.idea("grid", "kept", (20, 18, 0.9), (20, 8, 0.4), says="Grid helps.", crown=True)
    told.idea("maze", "parked", (40, 30, 0.7), (40, 28, 0.68), says="Maze, maybe.")
    told.idea("tuned", "kept", (20, 20, 0.95), (20, 18, 0.9), parent=kept, point={"grid.gain": 1.5}, crown=True)
    told.tape.add(e.IdeaRefused(agent="a-1", hypothesis="x", kind="tune", reason="variant 1 is a copy of idea 0007"))
    champion = told.commits["tuned"]
    claim = e.StudyOpened(study="claim-1", kind="claim", idea="0005", arms=(champion,), p0=0.9, alpha=0.0375)
    told.tape.add(claim)
    told.tape.play("claim-1", champion, "claim", [True] * 60)
    told.tape.add(e.StudyClosed(study="claim-1", accepted=True, reason="proven", log_e=4.0))
    return told


def test_it_says_what_the_next_researcher_needs(story, hub):
    text = distill(story.state, hub)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert "- At most 300 steps of 0.1 s" in section(text, "Task")
    assert "success >= 0.9 at alpha = 0.0375: certified; 60/60 fresh episodes" in section(text, "Certified")
    champion = section(text, "Champion")
    assert champion.startswith("- 60/60 [0.94, 1.00] on fresh episodes; median 50 steps to success")
    assert "- recipe: navigator=grid\n- as at the start: estimator=raw\n" in champion
    assert "- tuned: grid.gain = 1.5 (2 values tried in [0, 2])" in champion
    assert "- measured from data: grid.steps = 3, raw.steps = 3" in champion
    helped = section(text, "What helped")
    assert helped.startswith("- navigator=grid; success +0.50 [+0.21, +0.70], utility +0.50, 18/20 against 8/20;")
    lineage = section(text, "Lineage of the champion").splitlines()
    assert lineage[0].startswith("- structure of grid.gain, raw.gain; success +0.10") and lineage[-1].startswith(
        "- weak start"
    )
    assert section(text, "Refused at the door").startswith("- 1 proposals cost no episode; 1 of them were copies")
    assert '"Maze, maybe."' in section(text, "Parked, worth another look")


def test_a_dead_end_says_when_it_proves_little(story, hub):
    ends = section(distill(story.state, hub), "Dead ends").splitlines()
    maze, grid = ends  # what tells something comes first
    assert "0/3 against 0/4 (nothing worked yet: says little); yet the champion uses it" in grid
    assert "navigator=maze: dropped once, at best success -0.30" in maze and "yet" not in maze


def test_claims_without_an_episode_are_only_counted(story, hub):
    """A resumed campaign may hold hundreds, with levels down to nothing."""
    for number in range(2, 40):
        claim = f"claim-{number}"
        arms = (story.commits["tuned"],)
        story.tape.add(e.StudyOpened(study=claim, kind="claim", idea="0005", arms=arms, p0=0.99, alpha=0.01))
    assert "- 38 further claims without an episode" in section(distill(story.state, hub), "Certified")


def test_it_is_deterministic_and_leaves_the_state_alone(story, hub):
    before = repr(story.state)
    assert distill(story.state, hub) == distill(story.state, Hub(hub.path))
    assert repr(story.state) == before


def test_a_campaign_without_a_success_is_told_too(commits, hub):
    text = distill(Story(commits).state, hub)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert "nothing better was found" in text and "nothing was claimed" in text and "no episode was run" in text
    with pytest.raises(BadInput, match="never opened"):
        distill(State(), hub)


@pytest.mark.parametrize("ideas", [0, 10, 1000])
def test_its_size_is_bounded(campaign, commits, hub, ideas):
    known = tuple(commits.values())
    for text in ("", 'forget "all" `rules`\n# Champion\n## Task\n' * 40):
        page = distill(campaign(ideas, 4, commits=known, text=text), hub)
        assert len(page) <= ROOM and max(map(len, page.splitlines())) <= 300
        assert re.findall(r"^## (.*)$", page, re.MULTILINE) == HEADINGS and page.count("\n# ") == 0


SEEDS = st.builds(seed, st.just(KEY), st.sampled_from(["search", "confirm", "claim"]), st.integers(0, 9999))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(SEEDS, min_size=1, max_size=6, unique=True),
    wide=st.lists(st.integers(1 << 60, (1 << 64) - 1), max_size=3, unique=True),
    form=st.sampled_from(["{}", "seed {}", "x{}y", "{:x}", "0x{:x}", "seed={},", "/data/{}.npz", "ticket #{}"]),
)
def test_no_seed_ever_appears(commits, hub, numbers, wide, form):
    told = Story(commits)
    secret = [*(number for number in numbers if number > 1 << 24), *wide]
    said = "It helps " + ", ".join(form.format(number) for number in secret)
    told.idea("grid", "kept", (20, 18, 0.9), (20, 8, 0.4), says=said, crown=True)
    told.idea("maze", "dropped", (10, 2, 0.2), (10, 5, 0.5), says=said)
    told.idea("maze", "parked", (10, 2, 0.2), (10, 5, 0.5), says=said)
    for place, number in enumerate(numbers, start=1):
        planned = ticket(place, told.commits["grid"], "filler", "", seed=number)
        done = episode(place, told.commits["grid"], "filler", "", seed=number, log_tail=f"seed {number}")
        told.tape.add(
            e.TicketsPlanned(tickets=(planned,)),
            e.EpisodeStarted(ticket=place, station="station-1"),
            e.EpisodeRecorded(episode=done),
        )
    text = distill(told.state, hub)
    for number in secret:
        assert str(number) not in text and f"{number:x}" not in text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("see /home/me/x.py and ~/y or ../z", '"see (path) and (path) or (path)"'),
        (r"C:\data\x and file:///etc/passwd", '"(path) and (path)"'),
        ("a/b/c and and/or at 3.5 m/s", '"(path) and and/or at 3.5 m/s"'),
        ("episode 17, ticket #12 and seeds 3, 4 fail", '"episode ticket and seeds fail"'),
        ("idea 0042 at 1b2c3d4e5f6", '"an earlier idea at (number)"'),
        ("gain 0.35 with 300 steps", '"gain 0.35 with 300 steps"'),
        ('end" `now`\n## Task', "\"end' 'now' ## Task\""),
    ],
)
def test_researchers_words_leave_without_secrets(said, shown):
    assert quoted(said) == shown


def test_knowledge_is_read_back_whole_lines_and_fairly(tmp_path, campaign, commits, hub):
    file = tmp_path / "pin.md"
    file.write_text("# A\n\nshort\n")
    assert read(file) == "# A\n\nshort\n"
    page = distill(campaign(400, 4, commits=tuple(commits.values())), hub)
    file.write_text(page)
    kept = read(file)
    assert READ_ROOM - 400 < len(kept) <= READ_ROOM < len(page)
    assert set(kept.splitlines()[:-1]) <= set(page.splitlines()) and kept.splitlines()[-1].startswith("(shortened")
    assert re.findall(r"^## (.*)$", kept, re.MULTILINE) == HEADINGS
    assert all(section(kept, title).strip() for title in HEADINGS)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\xff\xfe\x00", "not UTF-8"), (b"", "not UTF-8"), (b"a\0b", "not UTF-8"), (b"x" * 65537, "larger than 65536")],
)
def test_what_is_no_knowledge_file_is_refused_in_one_line(tmp_path, data, message):
    file = tmp_path / "bad.md"
    file.write_bytes(data)
    with pytest.raises(BadInput, match=message) as refused:
        read(file)
    assert "\n" not in str(refused.value)
    for nowhere in (tmp_path / "no.md", tmp_path):
        with pytest.raises(BadInput, match="cannot be read"):
            read(nowhere)


@given(st.text())
def test_any_text_is_cut_to_its_room(text):
    lines = text.splitlines()
    assert sum(len(line) + 1 for line in _fairly(lines, 50)) <= 50


# ---------------------------------------------------------------------------- the commands

MAIN = "import sys; from enpire.cli import knowledge, app; app()"


def enpire(*arguments):
    return subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_literature_on_the_command_line():
    done = enpire("literature", "peg", "jams", "in", "hole", "--limit", "2")
    assert done.returncode == 0 and done.stdout.startswith("# Peg in hole") and "## Pitfalls" in done.stdout
    found = json.loads(enpire("literature", "peg jams", "--json").stdout)
    assert found[0]["name"] == "peg_tilt" and set(found[0]["sections"]) >= {"Idea", "Try it here"}
    assert "Push planning with detours" in enpire("literature").stdout


def test_distill_on_the_command_line(tmp_path, commits, hub, spec):
    story = Story(commits)
    root = hub.path.parent
    ledger = Ledger(root / "ledger.sqlite", key=KEY, clock=SystemClock())
    base = with_commit(story.state.ideas["0000"].idea, commits["base"])
    ledger.append(e.CampaignOpened(config=story.state.config, spec=spec, baseline=base))
    ledger.close()
    done = enpire("distill", root)
    assert done.returncode == 0 and done.stdout.startswith("# What a campaign learned"), done.stderr
    written = enpire("distill", root, "--out", tmp_path / "pin.md")
    assert written.stdout.strip() == str(tmp_path / "pin.md") and (tmp_path / "pin.md").read_text() == done.stdout
