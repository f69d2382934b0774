"""The real coding agents, from a folder of programs; without them, these tests skip.

Put them there with `mkdir -p .agents && cp tests/agents_real/package.json .agents && npm install --prefix .agents`,
or name another folder of programs with ENPIRE_AGENTS_PREFIX.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from enpire.core import registry

from .stage import InBetween, Lab, Theatre, served

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("ENPIRE_AGENTS_PREFIX", ROOT / ".agents" / "node_modules" / ".bin"))
AGENTS = {"codex": "codex", "claude_code": "claude", "kimi_code": "kimi"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("agents_real")


@pytest.fixture(params=sorted(AGENTS))
def agent(request: pytest.FixtureRequest) -> str:
    """Name of each agent whose program is here."""
    program = AGENTS[request.param]
    if shutil.which(program, path=str(PROGRAMS)) is None:
        pytest.skip(
            f"{program} is not in {PROGRAMS}; set ENPIRE_AGENTS_PREFIX or install tests/agents_real/package.json"
        )
    return str(request.param)


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def tools_url(lab: Lab) -> Iterator[str]:
    """Address of the research tools."""
    with served(lab.app()) as root:
        yield f"{root}/mcp"


@pytest.fixture
def in_between() -> InBetween:
    """What an agent gets as its model, from the root of the scripted model and the name of a session.

    Here the agents talk to the scripted model directly. Override it to put a gateway in between.
    """
    return lambda root, session: f"{root}/{session}"


@pytest.fixture
def theatre(agent: str, in_between: InBetween, tools_url: str, tmp_path: Path) -> Iterator[Theatre]:
    """Where the agent under test plays: `theatre.script(...)`, then `theatre.run(...)`."""
    place = Theatre(registry.load("agent", agent), PROGRAMS, in_between, tools_url, tmp_path)
    with place:
        yield place
