"""Run tests as a plain user where we are root: `python -m tests.redteam.plain_user [ARGUMENTS OF PYTEST]`.

Walls are not the same for root and for others, and CI often is root. The user is 65534 with a home of its own, in a
mount namespace where this checkout and its Python can be reached even if they lie in root's home. Where that cannot be
arranged it says so in one line and succeeds.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NOBODY = 65534
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
TESTS = tuple(f"tests/redteam/test_{name}.py" for name in ("policy", "jail", "jail_memory"))
ROOT = Path(__file__).resolve().parents[2]
NEEDED = {ROOT, *(Path(path).resolve() for path in (sys.prefix, sys.base_prefix))}

libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: Path | str, target: Path | str, kind: str = "", flags: int = 0, options: str = "") -> None:
    given = (str(source).encode(), str(target).encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _checked(libc.mount(*given), f"mount {target}")


def _closed(path: Path) -> Path | None:
    """The outermost folder above a path that others may not pass."""
    return next((above for above in reversed(path.parents) if not above.stat().st_mode & 0o001), None)


def open_the_way() -> None:
    """In a mount namespace of our own, cover closed folders with empty ones that hold only what is needed."""
    for path in NEEDED:
        if path.stat().st_mode & 0o005 != 0o005:
            raise PermissionError(f"{path} is closed to others")
    _checked(libc.unshare(CLONE_NEWNS), "unshare")
    _mount("none", "/", flags=MS_REC | MS_PRIVATE)
    covered: dict[Path, list[Path]] = {}
    for path in sorted(NEEDED):
        if closed := _closed(path):
            covered.setdefault(closed, []).append(path)
    for closed, paths in covered.items():
        kept = [(os.open(path, os.O_PATH | os.O_DIRECTORY), path) for path in paths]
        _mount("none", closed, "tmpfs", options="mode=755")
        for descriptor, path in kept:
            path.mkdir(parents=True, exist_ok=True)
            _mount(f"/proc/self/fd/{descriptor}", path, flags=MS_BIND | MS_REC)
            os.close(descriptor)


def become_plain() -> None:
    """Give up being root, for good."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def main(arguments: list[str]) -> int:
    """Run pytest; its exit status."""
    if os.geteuid() != 0:
        print("plain user: we are one already")
        return 0
    home = Path(tempfile.mkdtemp(prefix="plain-", dir="/tmp"))
    try:
        os.chown(home, NOBODY, NOBODY)
        open_the_way()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        environment = kept | {"HOME": str(home), "USER": "plain", "PYTHONDONTWRITEBYTECODE": "1"}
        pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={home}/t"]
        command = [*pytest, "-n", "0", *(arguments or TESTS)]
        return subprocess.run(command, cwd=ROOT, env=environment, preexec_fn=become_plain, check=False).returncode
    except OSError as reason:
        print(f"plain user: skipped, this cannot be arranged here ({reason})")
        return 0
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
