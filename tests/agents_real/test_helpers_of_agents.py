"""With sub-agents switched back on: which of their calls an agent's own count holds, and which only the wire shows."""

from dataclasses import replace

from enpire.agents.adapter import Launch

from .stage import Theatre

SPAWN = """
[[part]]
[[part.turn]]
spawn = "look around"
[[part.turn]]
say = "I have sent somebody."
hang_s = 2.0  # codex does not wait for its sub-agents, and breaks off their calls when it ends
times = 0
"""


def with_agents(launch: Launch) -> Launch:
    """The launch without our ban on sub-agents."""
    banned = ("Agent", "Task")
    files = {path: allowed(text) for path, text in launch.files.items()}
    return replace(launch, argv=[word for word in launch.argv if word not in banned], files=files)


def allowed(text: str) -> str:
    return text.replace('"Agent", ', "").replace("[agents]\nenabled = false\n", "")


def test_calls_of_sub_agents_are_seen(theatre: Theatre, agent: str) -> None:
    theatre.script(SPAWN)
    job = theatre.job()
    run = theatre.start(job, with_agents(theatre.adapter.command(job))).finish()
    assert run.status == 0, run.stderr
    sides = [told for told in theatre.model.truth if told.turn == -1 and told.tools]
    assert sides
    own = theatre.adapter.native_usage(job)
    assert own is not None and replace(own, reasoning=None) == replace(theatre.told(), reasoning=None)
