"""A start policy as a folder on disk."""

from pathlib import Path

from enpire.evolution.workspace import start_policy


def write_start_policy(baseline: str, folder: Path) -> Path:
    for name, content in start_policy(baseline).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
