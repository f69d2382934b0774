"""What starts on the untrusted side brings no code of ours along but its own; and the parts of the locks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from enpire.core.confinement import bootstrap, seccomp
from enpire.core.confinement.attempts import Call, make_call, table
from enpire.core.confinement.selftest import Table
from enpire.core.errors import MissingProgram

MODULES = "print(*sorted(name for name in sys.modules if name.startswith('enpire') and sys.modules[name].__spec__))"
GETPID: Call = (39, 172, ())


def python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-I", "-S", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout


@pytest.mark.parametrize("module", [f"enpire.agents._jail.{name}" for name in ("guard", "attempts", "egress")])
def test_only_the_own_package_and_the_locks_are_loaded(module: str) -> None:
    """`walls`, `errors` and the like stay out, and so does all that they import."""
    start = bootstrap.main_of(module).replace("main(sys.argv[1:])", MODULES)
    loaded = python(start).split()
    assert module in loaded
    assert all(name.startswith(("enpire.core.confinement", "enpire.agents._jail.")) for name in loaded)


def test_arguments_arrive() -> None:
    code = bootstrap.empty_packages("enpire", "enpire.core")
    code += "; from enpire.core.confinement import kernel; print(kernel.CLONE_THREAD, sys.argv[1:])"
    assert python(code, "a", "b c") == "65536 ['a', 'b c']\n"


def test_a_call_that_the_kernel_refuses_is_told() -> None:
    make_call(GETPID)
    number = -1
    with pytest.raises(PermissionError):
        make_call((number, number, ()))  # no such call: ENOSYS


def test_a_filter_holds_all_threads_and_cannot_be_taken_back() -> None:
    """A thread that ran before is held as well; this needs no privileges but the promise to get none."""
    code = (
        bootstrap.empty_packages("enpire", "enpire.core")
        + """
import os, threading
from enpire.core.confinement import kernel, seccomp
told, asked = [], threading.Event()
def wait():
    asked.wait()
    try:
        os.getpriority(os.PRIO_PROCESS, 0)
    except OSError as refused:
        told.append(refused.errno)
thread = threading.Thread(target=wait)
thread.start()
machine = os.uname().machine
number = seccomp.numbers("getpriority=140/141", machine)["getpriority"]
blocks = {number: seccomp.always(seccomp.EPERM)}
kernel.forbid_new_privileges()
seccomp.install(seccomp.assemble(machine, blocks, newest=469, otherwise=seccomp.ALLOW))
seccomp.install(seccomp.assemble(machine, {}, newest=469, otherwise=seccomp.ALLOW))
asked.set()
thread.join()
print(told)
"""
    )
    assert python(code) == "[1]\n"


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_numbers_leave_out_what_a_machine_lacks(machine: str) -> None:
    found = seccomp.numbers("read=0/63 poll=7/-", machine)
    assert found == ({"read": 0, "poll": 7} if machine == "x86_64" else {"read": 63})


def test_table_names_what_is_open_and_what_does_not_work() -> None:
    found = Table(**table({"work": os.getpid, "fail": lambda: Path("/nowhere").stat()}, {"out": os.getpid}))
    assert found.attempts == {"out": True}
    with pytest.raises(MissingProgram, match=r"not blocked: out; does not work: fail\); do something"):
        found.require("lsm", tolerated=(), advice="do something")
