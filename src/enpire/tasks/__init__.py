"""Tasks by name: `gym:<id>` for any Gymnasium environment, a file of this folder, or `package.module:Name`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from enpire.core import registry
from enpire.core.errors import BadInput, UnknownName
from enpire.core.records import TaskSpec
from enpire.environment import declaration as declarations
from enpire.environment.contract import Task
from enpire.environment.declaration import Declaration
from enpire.environment.disturbances import parse_options
from enpire.environment.freeze import Manifest
from enpire.environment.virtual_environment import Progress, ensure

PREFIX = "gym:"
SHIPPED = Path(__file__).with_name("gymnasium")
CARDS = Path(__file__).with_name("verifier_cards")
"""One file per task whose judge was measured."""


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """One line of `enpire tasks`.

    Attributes:
        name: What to type.
        instruction: The task in one sentence.
        source: `shipped`, or the file it is declared in.
    """

    name: str
    instruction: str
    source: str


class TaskFactory(Protocol):
    """`make` of a file in this folder, and what `package.module:Name` must be."""

    def __call__(self, options: dict[str, float]) -> Task:
        """A task with these options in force."""
        ...


def open_task(
    name: str,
    *,
    options: Mapping[str, float] | None = None,
    declaration: Path | None = None,
    progress: Progress = lambda text, fraction: None,
) -> Task:
    """Open a task; close it when done. The first use of a `gym:` task installs it.

    Args:
        name: `gym:<id>`, the name of a file in this folder, or `package.module:Name`.
        options: Task options, e.g. `{"observation_noise_px": 3.0}`.
        declaration: File that declares `gym:<id>`, instead of the shipped one or the user's.
        progress: Told what is being installed.

    Raises:
        UnknownName: There is no such task.
        BadInput: The declaration or an option cannot be used.
        EnvironmentFault: The environment could not be installed or does not start.
    """
    if name.startswith(PREFIX):
        from enpire.tasks._gymnasium import open_gymnasium

        found = _declared(name, declaration)
        parse_options(options or {}, found.names)
        python = ensure(found.requirements, progress)
        return open_gymnasium(name.removeprefix(PREFIX), found, options or {}, python)
    if declaration is not None:
        raise BadInput(f"a declaration is for `gym:<id>` tasks, not for {name!r}")
    from enpire.tasks._frozen import FrozenTask, freeze_object

    task = _made(name, options or {})
    return FrozenTask(task, freeze_object(name, task, options or {}, card_file(name)))


def freeze_task(
    name: str,
    *,
    options: Mapping[str, float] | None = None,
    declaration: Path | None = None,
    progress: Progress = lambda text, fraction: None,
) -> Manifest:
    """What judges a task on this machine now; its root is `spec.manifest` of the opened task.

    Arguments and errors as `open_task`; a `gym:` environment is not started.
    """
    from enpire.tasks._frozen import freeze_gymnasium, freeze_object

    if name.startswith(PREFIX):
        found = _declared(name, declaration)
        parse_options(options or {}, found.names)
        return freeze_gymnasium(name, found, options or {}, ensure(found.requirements, progress)).manifest
    if declaration is not None:
        raise BadInput(f"a declaration is for `gym:<id>` tasks, not for {name!r}")
    task = _made(name, options or {})
    try:
        return freeze_object(name, task, options or {}, card_file(name)).manifest
    finally:
        task.close()


def card_file(name: str) -> Path | None:
    """Verifier card of a task; None if it has none.

    Those of this folder's tasks lie in `verifier_cards/`; `package.module:Name` has its path in `verifier_card`.
    """
    if name.startswith(PREFIX):
        return None
    if ":" in name:
        found = getattr(registry.load_object(name), "verifier_card", None)
        return Path(found) if found is not None else None
    path = CARDS / f"{name}.toml"
    return path if name in registry.names("task") and path.is_file() else None


def prepare(name: str, *, declaration: Path | None = None, progress: Progress = lambda text, fraction: None) -> None:
    """Make sure that opening this task later installs nothing.

    Raises:
        UnknownName: There is no such task.
        BadInput: The declaration cannot be used.
        EnvironmentFault: The environment could not be installed.
    """
    if name.startswith(PREFIX):
        ensure(_declared(name, declaration).requirements, progress)
    else:
        _factory(name)


def known_tasks() -> list[TaskSummary]:
    """All tasks that can be opened by name; installs and starts nothing. A user's file hides a shipped one."""
    found: dict[str, TaskSummary] = {}
    for folder in (_user_folder(), SHIPPED):
        source = "shipped" if folder == SHIPPED else ""
        for path in sorted(folder.rglob("*.toml")):
            name = f"{PREFIX}{path.relative_to(folder).with_suffix('').as_posix()}"
            if name not in found:
                instruction = declarations.load(path).instruction
                found[name] = TaskSummary(name=name, instruction=instruction, source=source or str(path))
    for name in registry.names("task"):
        headline = (registry.load("task", name).__doc__ or "").strip().partition("\n")[0]
        found[name] = TaskSummary(name=name, instruction=headline, source="shipped")
    return sorted(found.values(), key=lambda task: task.name)


def _user_folder() -> Path:
    """Where a user's own declarations lie: `$XDG_CONFIG_HOME/enpire/tasks`, else `~/.config/enpire/tasks`."""
    configuration = os.environ.get("XDG_CONFIG_HOME")
    return (Path(configuration) if configuration else Path.home() / ".config") / "enpire" / "tasks"


def _declared(name: str, file: Path | None) -> Declaration:
    """Declaration of `gym:<id>`."""
    return declarations.load(declaration_file(name, file))


def declaration_file(name: str, file: Path | None = None) -> Path:
    """File that declares `gym:<id>`: the given one, the user's, or the shipped one. The path of a file is the id.

    Raises:
        BadInput: There is none; says what to write.
    """
    if file is not None:
        return file
    identity = name.removeprefix(PREFIX)
    if identity in _identities():
        folders = [folder for folder in (_user_folder(), SHIPPED) if (folder / f"{identity}.toml").is_file()]
        return folders[0] / f"{identity}.toml"
    known = ", ".join(PREFIX + known for known in _identities())
    raise BadInput(
        f"{name} has no declaration yet. Write these lines to {_user_folder() / identity.lstrip('/')}.toml, or to any "
        f"file and pass it with --declare:\n{declarations.EXAMPLE}\nDeclared already: {known}"
    )


def _identities() -> list[str]:
    """Every id that has a declaration file, sorted."""
    folders = (_user_folder(), SHIPPED)
    return sorted({path.relative_to(f).with_suffix("").as_posix() for f in folders for path in f.rglob("*.toml")})


def _made(name: str, options: Mapping[str, float]) -> Task:
    """A new task that is a Python object."""
    task = _factory(name)(dict(options))
    if not isinstance(getattr(task, "spec", None), TaskSpec):
        raise BadInput(f"{name} made a {type(task).__name__}, which is not a task: it has no `spec`")
    return task


def _factory(name: str) -> TaskFactory:
    """What makes a task that is not a Gymnasium one."""
    if ":" in name:
        found = registry.load_object(name)
        if not callable(found):
            raise BadInput(f"{name} is not callable; expected a class or function that takes the task options")
        return cast(TaskFactory, found)
    if name not in registry.names("task"):
        known = [*registry.names("task"), *(PREFIX + identity for identity in _identities())]
        raise UnknownName("task", name, known, hint="any Gymnasium environment works as gym:<id>")
    return cast(TaskFactory, registry.load("task", name).make)
