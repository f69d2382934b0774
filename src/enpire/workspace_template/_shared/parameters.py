"""Declared parameters: numbers in `blocks/<name>.toml`, the only values that search and `train.py` may change."""

import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "blocks"


def header(name: str) -> dict[str, Any]:
    """The whole declaration of a block: tables `block` and `parameters`."""
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def values(block: type) -> dict[str, float]:
    """Parameter values of the block that defines this class, by name."""
    name = block.__module__.rpartition(".")[2]
    return {key: float(entry["value"]) for key, entry in header(name).get("parameters", {}).items()}
