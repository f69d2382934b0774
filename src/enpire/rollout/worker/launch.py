"""How a zygote is started: which files it may see, its environment, its command line, with or without bubblewrap."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from enpire.core.confinement import bootstrap
from enpire.core.errors import BadInput, MissingProgram
from enpire.rollout.worker.processor import processor

LIBRARIES = ("numpy", "scipy")
"""Third-party packages a policy may import."""
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
DEVICES = ("/dev/null", "/dev/urandom")
PACKAGE_FOLDERS = ("site-packages", "dist-packages")
BOOTSTRAP = "; ".join(
    (
        "{}",
        "import os",
        "os.sched_setaffinity(0, [{}])",
        "sys.path += {!r}",
        "sys.path.insert(0, {!r})",
        "from inside.zygote import main",
        "[sys.modules.pop(name) for name in list(sys.modules) if name.partition('.')[0] == 'enpire']",
        "main()",
    )
)
"""Workers stay on one processor. Once loaded, the shared modules give their names free: a candidate may use any."""
NOBODY = "65534"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """Files a worker may see.

    Attributes:
        interpreter: The Python program, without any virtual environment.
        readable: Files and folders that can be read.
        listable: Folders of which only names can be listed, so that imports find packages.
        library_paths: Entries for `sys.path` beside the standard library.
        standard: Folders of the standard library.
        packages: Folders of the third-party packages; part of `readable`.
    """

    interpreter: Path
    readable: tuple[str, ...]
    listable: tuple[str, ...]
    library_paths: tuple[str, ...]
    standard: tuple[Path, ...]
    packages: tuple[str, ...]


@cache
def sight(libraries: Sequence[str] = LIBRARIES) -> Sight:
    """What workers on this machine may see: interpreter, standard library, shared libraries, `libraries`."""
    standard = tuple(dict.fromkeys(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")))
    roots, packages = _package_folders(libraries)
    files = [str(entry) for folder in standard for entry in sorted(folder.iterdir()) if _is_standard(entry)]
    shared = [path for path in SYSTEM_LIBRARIES if Path(path).exists()]
    libpython = Path(str(sysconfig.get_config_var("LIBDIR"))) / str(sysconfig.get_config_var("INSTSONAME"))
    shared += [str(libpython.resolve())] if libpython.is_file() else []
    return Sight(
        interpreter=Path(sys.executable).resolve(),
        readable=(*files, *packages, *_without_packages(shared, standard), *DEVICES),
        listable=(*map(str, standard), *roots),
        library_paths=roots,
        standard=standard,
        packages=packages,
    )


def _is_standard(entry: Path) -> bool:
    return entry.name not in PACKAGE_FOLDERS


def _without_packages(shared: Iterable[str], standard: Sequence[Path]) -> list[str]:
    """System library folders; where a Python lives inside one, its entries instead, so no package folder shows."""
    paths = []
    for path in shared:
        inner = [folder for folder in standard if folder.is_relative_to(Path(path).resolve())]
        if not inner:
            paths.append(path)
            continue
        paths += [str(entry) for entry in sorted(Path(path).iterdir()) if not entry.name.startswith("python3")]
    return paths


def _package_folders(libraries: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders to put on `sys.path`, and the package folders in them with their bundled shared libraries."""
    roots: dict[str, None] = {}
    packages = []
    for name in libraries:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise BadInput(f"library {name!r} is not installed; policies need it")
        folder = Path(found.origin).parent
        roots[str(folder.parent)] = None
        bundled = folder.with_name(f"{name}.libs")
        packages += [str(folder), *([str(bundled)] if bundled.is_dir() else [])]
    return tuple(roots), tuple(packages)


def environment() -> dict[str, str]:
    """The whole environment of a zygote and its workers."""
    fixed = {"LANG": "C.UTF-8", "PYTHONUTF8": "1", "PYTHONHASHSEED": "0"}
    fixed |= {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "BLIS")}
    return fixed | {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


def python_command(seen: Sight, socket_number: int, settings: str) -> list[str]:
    """Command of a zygote. It reads no site folder, no `.pth` file and no start-up file."""
    inside = str(Path(__file__).resolve().parent)
    flags = ["-P", "-s", "-S", "-B"]
    shared = bootstrap.empty_packages("enpire", "enpire.core")
    code = BOOTSTRAP.format(shared, processor(), list(seen.library_paths), inside)
    return [str(seen.interpreter), *flags, "-c", code, str(socket_number), settings]


def bubblewrap_command(seen: Sight, candidates: Path) -> list[str]:
    """Prefix that puts a command into namespaces of its own, with nothing writable and no network.

    Raises:
        MissingProgram: bubblewrap is not installed.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise MissingProgram(
            "level 'namespaces' needs bubblewrap; install it (apt install bubblewrap) or use level 'lsm'"
        )
    command = [program, "--unshare-all", "--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--cap-drop", "ALL"]
    command += ["--die-with-parent", "--hostname", "worker"]
    if "--disable-userns" in _help(program):
        command += ["--disable-userns"]
    for path in (str(seen.interpreter), *map(str, seen.standard), *_outside_standard(seen)):
        command += ["--ro-bind-try", path, path]
    covers = [str(folder / name) for folder in seen.standard for name in PACKAGE_FOLDERS if (folder / name).is_dir()]
    for path in covers:
        command += ["--size", "1048576", "--tmpfs", path]
    own = (str(Path(__file__).resolve().parent / "inside"), str(bootstrap.CONFINEMENT))
    for path in (*seen.packages, *own, str(candidates)):
        command += ["--ro-bind", path, path]
    for path in DEVICES:
        command += ["--dev-bind", path, path]
    for path in (*covers, "/"):
        command += ["--remount-ro", path]
    return [*command, "--chdir", "/", "--"]


def _outside_standard(seen: Sight) -> list[str]:
    hidden = (*seen.packages, *DEVICES)
    return [
        path
        for path in seen.readable
        if path not in hidden and not any(Path(path).is_relative_to(folder) for folder in seen.standard)
    ]


@cache
def _help(program: str) -> str:
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
