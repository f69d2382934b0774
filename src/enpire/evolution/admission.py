"""The door: a proposal that cannot work is refused in one line before any episode is spent on it."""

import json
import math
import subprocess
import sys
from collections.abc import Collection, Mapping

from enpire.core.errors import BadInput, EnpireError
from enpire.core.records import Proposal, TaskSpec, to_builtins
from enpire.evolution.reading import Files, check_files
from enpire.evolution.workspace import parameters as declared
from enpire.evolution.workspace import recipe, tree_id, with_values

MAX_HYPOTHESIS = 500
MAX_KIND = 40
MAX_VARIANTS = 8
CHECK_TIMEOUT_S = 20.0
MAX_DECLARATION_BYTES = 32 * 1024
MAX_DECLARATION_LINE = 1000
"""Limits of a TOML file. Parsing takes the square of the length of a dotted key, and a key stands on one line."""

_CHECK = """
import ast, json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
answer = ""
for path, source in json.load(sys.stdin).items():
    try:
        compile(source, path, "exec", dont_inherit=True)
        tree = ast.parse(source)
    except SyntaxError as error:
        answer = f"{path} line {error.lineno} does not compile: {error.msg}"
        break
    except (ValueError, RecursionError, MemoryError) as error:
        answer = f"{path} does not compile: {type(error).__name__}"
        break
    if path == "policy.py" and not any(isinstance(n, ast.ClassDef) and n.name == "Policy" for n in tree.body):
        answer = "policy.py defines no class Policy at top level"
        break
print(json.dumps(answer))
"""
"""Compiles, never runs. In a process of its own, because deep source can crash Python's compiler."""


class Refused(EnpireError):
    """A proposal that costs no episode; the message is the reason its agent reads."""


def admit(
    files: Files,
    proposal: Proposal,
    *,
    seen: Mapping[str, str],
    ideas: Collection[str],
    spec: TaskSpec,
) -> None:
    """Check what an agent handed in. Nothing of it is run.

    Args:
        files: The workspace after adoptions and reverts.
        proposal: What the agent says about it.
        seen: Tree id (`workspace.tree_id`) of every candidate so far, to the idea it belongs to.
        ideas: Ids of all ideas so far.
        spec: The task.

    Raises:
        Refused: The first rule that is broken.
    """
    try:
        _check_statement(proposal, ideas)
        check_files(files)
        _check_task(files, spec)
        _check_code(files)
        _check_declarations(files)
        _check_blocks(files)
        _check_variants(files, proposal, seen)
    except BadInput as error:
        raise Refused(str(error)) from None


def _check_statement(proposal: Proposal, ideas: Collection[str]) -> None:
    hypothesis = proposal.hypothesis.strip()
    if not hypothesis:
        raise Refused("the hypothesis is empty; say in one sentence what will get better and why")
    if len(proposal.hypothesis) > MAX_HYPOTHESIS:
        raise Refused(f"the hypothesis has {len(proposal.hypothesis)} characters; the limit is {MAX_HYPOTHESIS}")
    if not proposal.kind.strip() or len(proposal.kind) > MAX_KIND:
        raise Refused(f"kind must have 1 to {MAX_KIND} characters, e.g. structure, tune, identify, cross")
    if not (math.isfinite(proposal.predicted_effect) and -1 <= proposal.predicted_effect <= 1):
        raise Refused(f"predicted_effect is {proposal.predicted_effect}; it is a change of the success rate in [-1, 1]")
    references = {
        "parent": () if proposal.parent is None else (proposal.parent,),
        "inspired_by": proposal.inspired_by,
        "adopt": proposal.adopt,
        "revert": proposal.revert,
    }
    for field, named in references.items():
        for idea in named:
            if idea not in ideas:
                latest = max(ideas, default="none")
                raise Refused(f"{field} names idea {idea[:40]!r}, which does not exist; the latest is {latest}")
        if len(named) > MAX_VARIANTS or len(set(named)) < len(named):
            raise Refused(f"{field} must name at most {MAX_VARIANTS} ideas, each once")
    if both := set(proposal.adopt) & set(proposal.revert):
        raise Refused(f"idea {min(both)} is both adopted and reverted; choose one")


def _check_task(files: Files, spec: TaskSpec) -> None:
    if "task.json" not in files:
        return
    expected = to_builtins(spec)
    expected.pop("manifest")
    try:
        same = json.loads(files["task.json"]) == json.loads(json.dumps(expected))
    except (ValueError, RecursionError):
        same = False
    if not same:
        raise Refused("task.json was changed; it states the task and must stay as it was")


def _check_code(files: Files) -> None:
    if "policy.py" not in files:
        raise Refused("policy.py is missing; it must define class Policy")
    sources = {}
    for path, content in sorted(files.items()):
        if path.endswith(".py"):
            try:
                sources[path] = content.decode()
            except UnicodeDecodeError:
                raise Refused(f"{path} is not UTF-8 text") from None
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "ignore", "-c", _CHECK],
            input=json.dumps(sources).encode(),
            capture_output=True,
            timeout=CHECK_TIMEOUT_S,
            check=True,
        )
        answer = str(json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError):
        raise Refused("the Python files are too large or too deeply nested to compile; simplify them") from None
    if answer:
        raise Refused(answer)


def _check_declarations(files: Files) -> None:
    for path, content in files.items():
        if not path.endswith(".toml"):
            continue
        if len(content) > MAX_DECLARATION_BYTES or max(map(len, content.split(b"\n"))) > MAX_DECLARATION_LINE:
            raise Refused(
                f"{path} is too large to be a declaration; the limits are {MAX_DECLARATION_BYTES} bytes and "
                f"{MAX_DECLARATION_LINE} per line"
            )


def _check_blocks(files: Files) -> None:
    for slot, block in recipe(files).items():
        for path in (f"blocks/{block}.py", f"blocks/{block}.toml"):
            if path not in files:
                raise Refused(f"slot {slot!r} names block {block!r}, but {path} is missing; copy it into blocks/")
    declared(files)


def _check_variants(files: Files, proposal: Proposal, seen: Mapping[str, str]) -> None:
    if not 1 <= len(proposal.variants) <= MAX_VARIANTS:
        raise Refused(
            f"{len(proposal.variants)} variants; hand in 1 to {MAX_VARIANTS}, {{}} being the files as they are"
        )
    numbers: dict[str, int] = {}
    for number, point in enumerate(proposal.variants, start=1):
        tree = tree_id(with_values(files, point))
        if (twin := numbers.setdefault(tree, number)) != number:
            raise Refused(f"variants {twin} and {number} are the same candidate; make them differ or drop one")
        if (idea := seen.get(tree)) is not None:
            raise Refused(f"variant {number} is a copy of idea {idea}; change something or drop it")
