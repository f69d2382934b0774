"""`enpire doctor`: what this machine has, what is missing, and the command that installs it."""

import json as json_module
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from enpire.cli import app
from enpire.core.errors import EnpireError


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report. `needed` findings that are not ok make the exit code 1."""

    what: str
    ok: bool
    needed: bool
    detail: str


@app.command()
def doctor(
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Also list the attempts to break out of it.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine: programs, isolation level, disk. Exit code 1 if something needed is missing."""
    findings = [_python(), _git(), _cache(), _pictures(), *_agents(), *_isolation(probe=sandbox), *_jail(probe=sandbox)]
    if json:
        print(json_module.dumps([asdict(f) for f in findings], indent=2))
    else:
        for finding in findings:
            mark = "ok     " if finding.ok else "MISSING" if finding.needed else "absent "
            print(f"{mark}  {finding.what:<28} {finding.detail}")
    if any(f.needed and not f.ok for f in findings):
        sys.exit(1)


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    return Finding("Python >= 3.11", ok, True, f"{platform.python_version()}, {len(os.sched_getaffinity(0))} cores")


def _git() -> Finding:
    program = shutil.which("git")
    if program is None:
        return Finding("git >= 2.38", False, True, "install it: apt-get install git, or brew install git")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.split()[2]
    ok = tuple(int(x) for x in version.split(".")[:2]) >= (2, 38)
    return Finding("git >= 2.38", ok, True, version if ok else f"{version} is too old: install git 2.38 or newer")


def _pictures() -> Finding:
    from enpire.environment.station_task import TRACKER_OPTION
    from enpire.simulation.rendering import gl_missing

    missing = gl_missing()
    without = f"{missing}; station tasks play without pictures: {TRACKER_OPTION}"
    return Finding("OpenGL, for cameras", not missing, False, without if missing else "works")


def _cache() -> Finding:
    from enpire.environment.virtual_environment import cache_root

    root = cache_root()
    existing = next(p for p in (root, *root.parents) if p.exists())
    free = shutil.disk_usage(existing).free / 1e9
    writable = os.access(existing, os.W_OK)
    detail = (
        f"{root} ({free:.0f} GB free)" if writable else f"{root} cannot be written; set ENPIRE_CACHE to another folder"
    )
    return Finding("environment cache", writable and free > 1.0, True, detail)


def _agents() -> list[Finding]:
    """Coding agents with a model: whether their program is here, and a key for it."""
    from enpire.core import registry

    findings = []
    for name in registry.names("agent"):
        adapter = registry.load("agent", name)
        if not hasattr(adapter, "DIALECT"):
            continue
        variable = adapter.UPSTREAM.key_variable
        key = f"{variable} is {'set' if os.environ.get(variable) else 'not set'}"
        try:
            adapter.check()
            findings.append(Finding(f"agent: {name}", True, False, key))
        except EnpireError as error:
            findings.append(Finding(f"agent: {name}", False, False, str(error)))
    return findings


def _isolation(*, probe: bool) -> list[Finding]:
    from enpire.rollout.worker.doctor import probe as attempts
    from enpire.rollout.worker.pool import WorkerPool

    hints = {"namespaces": "needs bubblewrap: apt-get install bubblewrap", "lsm": "needs Linux >= 5.13 with Landlock"}
    findings = []
    for level, hint in hints.items():
        with tempfile.TemporaryDirectory(prefix="enpire-doctor-") as scratch:
            try:
                with WorkerPool(Path(scratch), level=level):
                    findings.append(Finding(f"isolation: {level}", True, False, "works"))
            except EnpireError as error:
                findings.append(Finding(f"isolation: {level}", False, False, f"{error} ({hint})"))
                continue
        if probe:
            findings += [
                Finding(f"  {level}: {row.name}", row.blocked, False, "blocked" if row.blocked else "OPEN")
                for row in attempts(level)
            ]
    if not any(f.ok for f in findings):
        findings.append(Finding("isolation", False, False, "policies run without walls; records say `none`"))
    return findings


def _jail(*, probe: bool) -> list[Finding]:
    """The walls around sessions of coding agents."""
    from enpire.agents import walls_doctor
    from enpire.agents.walls import LEVELS

    findings = []
    for level in LEVELS[:-1]:
        try:
            walls_doctor.require(level)
            findings.append(Finding(f"agent jail: {level}", True, False, "works"))
        except EnpireError as error:
            findings.append(Finding(f"agent jail: {level}", False, False, str(error)))
            continue
        if probe:
            attempts = walls_doctor.probe(level).attempts
            findings += [
                Finding(f"  agent {level}: {name}", not worked, False, "OPEN" if worked else "blocked")
                for name, worked in attempts.items()
            ]
    if not any(f.ok for f in findings):
        findings.append(Finding("agent jail", False, False, "agents run without walls; records say `none`"))
    return findings
