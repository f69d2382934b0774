"""What judges a task, in one object; and a task that refuses to start an episode when that has changed."""

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.files import sha256
from enpire.core.records import Observation, TaskSpec, Verdict, encode
from enpire.environment import verifier_card, virtual_environment
from enpire.environment.contract import Task
from enpire.environment.declaration import Declaration
from enpire.environment.freeze import PACKAGE, Manifest, differences, manifest, own_files
from enpire.environment.frozen_files import JudgeChanged, Watch, files_below, folder_lines


class Freeze:
    """A manifest and the files it was made from.

    Args:
        frozen: The manifest.
        files: Line name to file, for the lines that belong to this task.
        environment: Gives the present lines of the environment's own installation.
        spec: The specification as it was frozen; None where the task's object has it from elsewhere.
    """

    def __init__(
        self,
        frozen: Manifest,
        files: Mapping[str, Path],
        environment: Callable[[], Mapping[str, str]] = dict,
        spec: TaskSpec | None = None,
    ) -> None:
        self.manifest, self.spec = frozen, spec
        self._watch = Watch(own_files() | dict(files), frozen.judge)
        self._environment = environment

    def check(self) -> None:
        """Before every episode: are the files in our own processes still the frozen ones?

        Raises:
            JudgeChanged: Names every file that is not.
        """
        self._watch.check()

    def check_environment(self) -> None:
        """Before the environment's process starts again and loads its files anew: the same for its installation.

        Raises:
            JudgeChanged: Names the packages that differ.
        """
        old = {name: value for name, value in self.manifest.judge.items() if name.startswith("environment/")}
        if changed := differences(old, self._environment()):
            raise JudgeChanged(f"the environment has changed since this process started: {'; '.join(changed)}")


def freeze_gymnasium(name: str, declaration: Declaration, options: Mapping[str, float], python: Path) -> Freeze:
    """Freeze of a `gym:` task.

    Args:
        name: The task's name with `gym:`.
        declaration: What to make and how to judge it.
        options: Task options.
        python: Executable of its virtual environment.
    """

    def environment() -> dict[str, str]:
        lines = [line for line in virtual_environment.installed(python).splitlines() if "==" in line]
        versions = {f"environment/{line.partition('==')[0]} version": line.partition("==")[2] for line in lines}
        root = python.parent.parent
        folders = [site for site in sorted((root / "lib").glob("python3*/site-packages")) if site.is_dir()]
        hashes = [folder_lines(site, root / "hashes.json") for site in folders]
        return versions | {line: value for found in hashes for line, value in found.items()}

    facts = {"declaration": declaration.digest()} | _options(options) | environment()
    return Freeze(manifest(name, {}, facts), {}, environment)


def freeze_object(name: str, task: Task, options: Mapping[str, float], card: Path | None = None) -> Freeze:
    """Freeze of a task that is a Python object: the files of its class and of what that class inherits.

    With a verifier card, that file is a line too, and what the card says stands in the frozen specification.

    What else these files import is not looked for. A task names it, as folders and files of this package, in
    `judged_by`, or puts a hash of it into its own `spec.manifest`; both are part of the freeze.
    """
    files = {}
    for kind in type(task).__mro__:
        module = inspect.getmodule(kind)
        file = getattr(module, "__file__", None)
        if file and kind.__module__.partition(".")[0] not in sys.stdlib_module_names:
            files[f"task/{kind.__module__}"] = Path(file)
    for part in getattr(task, "judged_by", ()):
        place = PACKAGE / part
        found = files_below(place) if place.is_dir() else [place]
        files |= {f"enpire/{path.relative_to(PACKAGE).as_posix()}": path for path in found}
    if card is not None:
        files[verifier_card.NAME] = card
    spec = with_card(task.spec, card)
    facts = {"task/spec": sha256(encode(spec))}
    return Freeze(manifest(name, files, facts | _options({**options, **spec.options})), files, spec=spec)


def with_card(spec: TaskSpec, card: Path | None) -> TaskSpec:
    """The specification with what the task's verifier card says about the judge."""
    if card is None:
        return spec
    return replace(spec, verifier=verifier_card.read(card).errors(spec.options))


def _options(options: Mapping[str, float]) -> dict[str, str]:
    return {f"option/{name}": repr(float(value)) for name, value in options.items()}


class FrozenTask:
    """A task that is a Python object, judged by frozen files only. `spec.manifest` is the root of the freeze."""

    def __init__(self, task: Task, freeze: Freeze) -> None:
        self.freeze = freeze
        self.task = task
        self._spec = replace(freeze.spec or task.spec, manifest=freeze.manifest.root)

    @property
    def spec(self) -> TaskSpec:
        """What a policy may know."""
        return self._spec

    def reset(self, *, seed: int, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Start the episode of `seed`.

        Raises:
            JudgeChanged: A file that judges is not the frozen one; no episode happens.
            ResetFailed: The scene is not in a known state.
        """
        self.freeze.check()
        return self.task.reset(seed=seed, options=options)

    def step(self, action: NDArray[np.float64]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply one action; see `enpire.environment.contract.Task`."""
        return self.task.step(action)

    def verify(self) -> Verdict:
        """Verdict on the scene as it is now."""
        return self.task.verify()

    def render(self) -> NDArray[np.uint8] | None:
        """Camera image (H, W, 3) RGB; None where there is no camera."""
        return self.task.render()

    def close(self) -> None:
        """Release everything; idempotent."""
        self.task.close()
