"""Which policy-building blocks a task may use, as names only."""

import tomllib
from pathlib import Path

from enpire.core.records import TaskSpec


def blocks(folder: Path, task: TaskSpec) -> dict[str, tuple[str, ...]]:
    """Slot to the names of library blocks that fit the task's kind of scene (`a+b` takes both), which may be none."""
    scenes = {*str(task.scene.get("kind", "vector")).split("+"), "any"}
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.toml")):
        block = tomllib.loads(path.read_text()).get("block", {})
        if block.get("scene") in scenes and path.with_suffix(".py").is_file():
            found.setdefault(str(block["slot"]), []).append(path.stem)
    return {slot: tuple(names) for slot, names in sorted(found.items())}
