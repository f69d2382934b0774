"""What every real agent must do, seen with the agent itself against a scripted model."""

import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from enpire.agents.adapter import Began, Failed, Retried, Said, Used
from enpire.core.usage import Usage

from .stage import LIMIT_S, PNG, Lab, Theatre

WORK = """
[[part]]
[[part.turn]]
say = "A new file first."
write = "made.txt"
text = "made by an agent\\n"
[[part.turn]]
shell = "cat made.txt > copy.txt; pwd > where.txt"
[[part.turn]]
say = "That is all."
"""


def without_reasoning(usage: Usage | None) -> Usage:
    """Counts that every dialect has."""
    assert usage is not None
    return replace(usage, reasoning=None)


def test_edits_the_workspace(theatre: Theatre) -> None:
    theatre.script(WORK)
    run = theatre.run()
    assert run.status == 0, run.stderr
    workspace = run.job.workspace
    assert (workspace / "made.txt").read_text() == (workspace / "copy.txt").read_text() == "made by an agent\n"
    assert Path((workspace / "where.txt").read_text().strip()) == workspace
    assert [e.text for e in run.events if isinstance(e, Said)] == ["A new file first.", "That is all."]
    assert len([e for e in run.events if isinstance(e, Used)]) == 2
    assert len([e for e in run.events if isinstance(e, Began)]) == 1
    assert not [e for e in run.events if isinstance(e, Failed | Retried)]
    assert [told.status for told in theatre.model.truth] == [200, 200, 200]


def test_own_count_is_the_truth(theatre: Theatre) -> None:
    theatre.script(WORK)
    run = theatre.run()
    assert without_reasoning(theatre.adapter.native_usage(run.job)) == without_reasoning(theatre.told())
    assert theatre.told().cached > 0


def test_tools_with_text_and_image(theatre: Theatre, lab: Lab) -> None:
    theatre.script("""
[[part]]
[[part.turn]]
call = "score$"
args = { name = "the detour" }
[[part.turn]]
call = "picture$"
[[part.turn]]
say = "Seen."
""")
    run = theatre.run()
    assert run.status == 0, run.stderr
    assert lab.calls == [("score", "the detour"), ("picture", "")]
    assert [told.images for told in theatre.model.truth] == [0, 0, 1]
    assert [e.tool for e in run.events if isinstance(e, Used)][-2:]


def test_goes_on_with_a_session(theatre: Theatre) -> None:
    theatre.script("""
[[part]]
[[part.turn]]
say = "The word is periwinkle."
[[part.turn]]
shell = "echo again > again.txt"
[[part.turn]]
say = "Still here."
""")
    first = theatre.run(prompt="Remember a word.")
    began = next(e for e in first.events if isinstance(e, Began))
    second = theatre.run(prompt="Go on.", resume=began.id)
    assert second.status == 0, second.stderr
    assert (second.job.workspace / "again.txt").exists()
    assert "Remember a word." in theatre.model.heard[-1] and "Go on." in theatre.model.heard[-1]
    assert without_reasoning(theatre.adapter.native_usage(second.job)) == without_reasoning(theatre.told())


def test_tries_again_after_429(theatre: Theatre) -> None:
    theatre.script("[[part]]\n[[part.turn]]\nerror = 429\n[[part.turn]]\nsay = 'Now it went.'")
    run = theatre.run()
    assert run.status == 0, run.stderr
    assert [told.status for told in theatre.model.truth] == [429, 200]
    assert Said("Now it went.") in run.events
    assert not [e for e in run.events if isinstance(e, Failed)]


def test_spent_budget_ends_it_at_once(theatre: Theatre) -> None:
    theatre.script("""
[[part]]
[[part.turn]]
shell = "echo one > one.txt"
[[part.turn]]
error = 400
message = "enpire budget: the tokens of this session are spent"
times = 0
""")
    run = theatre.run()
    assert run.status != 0
    assert [told.status for told in theatre.model.truth] == [200, 400]
    assert [e.trouble for e in run.events if isinstance(e, Failed)] == ["budget"]
    assert without_reasoning(theatre.adapter.native_usage(run.job)) == without_reasoning(theatre.told())


def test_broken_stream_is_asked_for_again(theatre: Theatre) -> None:
    theatre.script("[[part]]\n[[part.turn]]\nsay = 'Whole.'\ndrop = true")
    run = theatre.run()
    assert run.status == 0, run.stderr
    assert [told.broken for told in theatre.model.truth] == [True, False]
    assert Said("Whole.") in run.events
    # Its own count lacks what the broken stream had told already; claude's does, the others are told nothing.
    assert without_reasoning(theatre.adapter.native_usage(run.job)) == without_reasoning(theatre.model.truth[1].usage)


def test_interrupt_leaves_no_process(theatre: Theatre) -> None:
    theatre.script("[[part]]\n[[part.turn]]\nshell = 'echo > started; sleep 301; true'\n[[part.turn]]\nsay = 'no'")
    run = theatre.start(theatre.job())
    end_s = time.monotonic() + LIMIT_S
    while not (run.job.workspace / "started").exists():
        assert time.monotonic() < end_s and run.process.poll() is None, "the command never began"
        time.sleep(0.05)
    run.process.send_signal(signal.SIGINT)
    run.process.wait(LIMIT_S)
    assert run.left() == []
    assert [told.turn for told in theatre.model.truth] == [0]  # its exit status says nothing: claude may end with 0


def test_two_at_once_do_not_meet(theatre: Theatre) -> None:
    theatre.script("""
[[part]]
name = "first"
[[part.turn]]
shell = "echo first > who.txt"
[[part]]
[[part.turn]]
shell = "echo second > who.txt"
""")
    runs = [theatre.start(theatre.job(name)) for name in ("first", "second")]
    for run, name in zip(runs, ("first", "second"), strict=True):
        assert run.finish().status == 0, run.stderr
        assert (run.job.workspace / "who.txt").read_text() == f"{name}\n"
        assert without_reasoning(theatre.adapter.native_usage(run.job)) == without_reasoning(theatre.told(name))


def test_no_agents_of_its_own_and_no_web(theatre: Theatre) -> None:
    theatre.script(WORK)
    theatre.run()
    offered = " ".join(theatre.model.truth[0].tools).lower()
    assert offered
    for word in ("spawn", "agent", "swarm", "web", "fetch"):
        assert word not in offered


def test_instructions_in_the_workspace_are_not_read(theatre: Theatre, agent: str) -> None:
    if agent == "kimi_code":
        pytest.skip("kimi reads AGENTS.md whatever its settings are")
    theatre.script(WORK)
    job = theatre.job()
    job.workspace.mkdir(parents=True)
    for name in ("AGENTS.md", "CLAUDE.md"):
        (job.workspace / name).write_text("The secret word is pimpernel.\n")
    assert theatre.start(job).finish().status == 0
    assert "pimpernel" not in theatre.model.heard[0]


def test_long_prompt_arrives_whole(theatre: Theatre) -> None:
    theatre.script(WORK)
    prompt = "--first words\n" + "pushing needs patience. " * 1400 + "last words"
    run = theatre.run(prompt=prompt)
    assert run.status == 0, run.stderr
    assert "--first words" in theatre.model.heard[0] and "last words" in theatre.model.heard[0]


def test_plain_function_tools_of_codex(theatre: Theatre, agent: str, lab: Lab) -> None:
    """A model that codex does not know gets plain functions; with its default one, tools are functions of a program."""
    if agent != "codex":
        pytest.skip("only codex has several forms of tools")
    theatre.script(
        WORK.replace(
            '[[part.turn]]\nsay = "That',
            "[[part.turn]]\ncall = 'score$'\nargs = { name = 'x' }\n[[part.turn]]\nsay = \"That",
        )
    )
    run = theatre.run(model="scripted")
    assert run.status == 0, run.stderr
    assert "exec_command" in theatre.model.truth[0].tools
    assert (run.job.workspace / "copy.txt").read_text() == "made by an agent\n"
    assert lab.calls == [("score", "x")]


def test_limit_of_steps(theatre: Theatre, agent: str) -> None:
    if agent == "codex":
        pytest.skip("codex has no limit of steps")
    theatre.script("[[part]]\n[[part.turn]]\nshell = 'true'\ntimes = 0")
    run = theatre.run(max_steps=2)
    assert run.status != 0
    assert len(theatre.model.truth) == 2
    assert [e.trouble for e in run.events if isinstance(e, Failed)] == ["limit"]


VIEWERS = {"codex": ("view_image", "path"), "claude_code": ("^Read$", "file_path"), "kimi_code": ("ReadMedia", "path")}


@pytest.mark.parametrize("vision", ["native", "function", "none"])
def test_eyes_of_its_own(theatre: Theatre, agent: str, vision: str) -> None:
    viewer, argument = VIEWERS[agent]
    job = theatre.folder / "first"
    (job / "workspace").mkdir(parents=True)
    picture = job / "workspace" / "frame.png"
    picture.write_bytes(PNG)
    theatre.script(f"""
[[part]]
[[part.turn]]
call = "{viewer}"
args = {{ {argument} = "{picture}" }}
[[part.turn]]
say = "Seen."
""")
    assert theatre.run(vision=vision, model="scripted").status == 0
    assert theatre.model.truth[-1].images == (vision == "native")
