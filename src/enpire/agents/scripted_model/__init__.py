"""A model that plays a script: for tests, demonstrations and campaigns without a provider.

It serves all three dialects, so the real coding agents run against it as against their providers: they read its words,
carry out its tool calls and count its tokens.
"""

import os
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette

from enpire.agents.scripted_model.app import ScriptedModel
from enpire.agents.scripted_model.minds import researcher, scripted

FOLDERS = "ENPIRE_SCRIPTED_FOLDERS"
"""Environment variable: folder that holds a session folder per session, named like the session's path."""


def make_app(script: str, folder_of: Callable[[str], Path] | None = None) -> Starlette:
    """ASGI application of a scripted model; `app.state.model` is its `ScriptedModel`.

    Args:
        script: `researcher`, or the path of a TOML file, see `scripted_model.script`.
        folder_of: Session folder of a session by the first part of its path. `researcher` needs it; without it, the
            folder named by `ENPIRE_SCRIPTED_FOLDERS` is looked at, if it is set.

    Raises:
        BadInput: The script is missing or broken, or the researcher would have no folders.
    """
    root = os.environ.get(FOLDERS)
    if folder_of is None and root:
        folder_of = Path(root).joinpath
    mind = researcher(folder_of) if script == "researcher" else scripted(Path(script), folder_of)
    return ScriptedModel(mind, folder_of).app
