"""The system call filter, run by a small BPF interpreter, so that each architecture is checked on any machine."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.core.confinement import seccomp
from enpire.core.confinement.kernel import CLONE_THREAD
from enpire.core.errors import BadInput
from enpire.core.records import ArraySpec
from enpire.rollout.worker.inside import syscalls
from enpire.rollout.worker.inside.seccomp import assemble
from enpire.rollout.worker.memory import ALIGNMENT, arrange

PID = 77
MACHINES = seccomp.MACHINES
DENIED = {
    "x86_64": """
        socket=41 connect=42 bind=49 sendmsg=46 recvmsg=47 sendto=44 fork=57 vfork=58 execve=59 execveat=322
        ptrace=101 process_vm_readv=310 process_vm_writev=311 pidfd_open=434 pidfd_getfd=438 io_uring_setup=425
        keyctl=250 add_key=248 request_key=249 memfd_create=319 shmget=29 msgget=68 semget=64 userfaultfd=323
        perf_event_open=298 bpf=321 mount=165 unshare=272 setns=308 tkill=200 chmod=90 fchmod=91 fchmodat=268
        chown=92 utimensat=280 setxattr=188 truncate=76 ftruncate=77 link=86 symlink=88 rename=82 renameat2=316
        unlink=87 unlinkat=263 mkdir=83 mknod=133 setpriority=141 settimeofday=164 clock_settime=227
        sched_setaffinity=203 personality=135 quotactl=179 reboot=169 init_module=175 finit_module=313 kexec_load=246
        open_by_handle_at=304 name_to_handle_at=303 setuid=105 setsid=112 capset=126 seccomp=317
    """,
    "aarch64": """
        socket=198 connect=203 bind=200 sendmsg=211 recvmsg=212 sendto=206 execve=221 execveat=281 ptrace=117
        process_vm_readv=270 process_vm_writev=271 pidfd_open=434 pidfd_getfd=438 io_uring_setup=425 keyctl=219
        add_key=217 request_key=218 memfd_create=279 shmget=194 msgget=186 semget=190 userfaultfd=282
        perf_event_open=241 bpf=280 mount=40 unshare=97 setns=268 tkill=130 fchmod=52 fchmodat=53 fchownat=54
        utimensat=88 setxattr=5 truncate=45 ftruncate=46 linkat=37 symlinkat=36 renameat2=276 unlinkat=35
        mkdirat=34 mknodat=33 setpriority=140 settimeofday=170 clock_settime=112 personality=92 quotactl=60
        reboot=142 init_module=105 finit_module=273 kexec_load=104 open_by_handle_at=265 name_to_handle_at=264
        setuid=146 setsid=157 sched_setaffinity=122 capset=91 seccomp=277
    """,
}


def decide(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the filter returns for one call."""
    code = assemble(machine, PID)
    program = [struct.unpack_from("<HBBI", code, at) for at in range(0, len(code), 8)]
    padded = [argument & 0xFFFFFFFFFFFFFFFF for argument in (*arguments, *[0] * 6)][:6]
    data = struct.pack("<IIQ6Q", number, seccomp.AUDIT_ARCH[machine] if arch is None else arch, 0, *padded)
    at = value = 0
    while True:
        kind, if_true, if_false, k = program[at]
        at += 1
        if kind == seccomp.LOAD:
            (value,) = struct.unpack_from("<I", data, k)
        elif kind == seccomp.RETURN:
            return k
        else:
            tests = {seccomp.JUMP_EQUAL: value == k, seccomp.JUMP_ABOVE: value > k, seccomp.JUMP_SET: bool(value & k)}
            at += if_true if tests[kind] else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_decisions(machine: str) -> None:
    calls = seccomp.numbers(syscalls.ALLOWED, machine)
    assert decide(machine, calls["read"]) == seccomp.ALLOW
    assert decide(machine, calls["openat"]) == seccomp.ALLOW
    for call in DENIED[machine].split():
        name, _, number = call.partition("=")
        assert decide(machine, int(number)) == seccomp.EPERM, name
    assert decide(machine, calls["clone3"]) == seccomp.ENOSYS
    assert decide(machine, calls["clone"], 0x3D0F00) == seccomp.ALLOW
    assert decide(machine, calls["clone"], 17) == seccomp.EPERM
    assert decide(machine, calls["clone"], CLONE_THREAD | 0x10000000) == seccomp.EPERM
    assert decide(machine, calls["kill"], PID, 9) == seccomp.ALLOW
    for other in (0, -1, -PID, 1, PID + 1):
        assert decide(machine, calls["kill"], other, 9) == seccomp.EPERM
    assert decide(machine, calls["prctl"], 1, 0) == seccomp.EPERM
    assert decide(machine, calls["fcntl"], 3, 8, 1) == seccomp.EPERM
    assert decide(machine, calls["fcntl"], 3, 4, 0x4000) == seccomp.EPERM
    assert decide(machine, calls["ioctl"], 0, 0x5412) == seccomp.EPERM
    assert decide(machine, calls["prlimit64"], 1, 7) == seccomp.EPERM
    assert decide(machine, calls["read"], arch=0x40000003) == seccomp.KILL
    assert decide(machine, 0x40000000 + calls["read"]) == seccomp.ENOSYS
    assert decide(machine, 10_000) == seccomp.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_no_number_is_listed_twice(machine: str) -> None:
    calls = seccomp.numbers(syscalls.ALLOWED, machine)
    assert len(set(calls.values())) == len(calls)
    assert len(assemble(machine, PID)) // 8 < 4096


SPECS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.builds(
        ArraySpec,
        shape=st.lists(st.integers(0, 9), max_size=3).map(tuple),
        dtype=st.sampled_from(["uint8", "float32", "float64", "bool", "int64"]),
    ),
    max_size=6,
)


@given(SPECS)
def test_observation_arrays_are_aligned_and_apart(specs: dict[str, ArraySpec]) -> None:
    layout, total = arrange(specs)
    assert [key for key, *_ in layout] == list(specs)
    ends = [*[offset for _, offset, _, _ in layout][1:], total] if layout else []
    for (key, offset, shape, dtype), end in zip(layout, ends, strict=True):
        size = 1
        for n in shape:
            size *= n
        assert offset % ALIGNMENT == 0
        assert shape == specs[key].shape
        assert offset + size * int(dtype[2:]) <= end


def test_objects_cannot_be_shared() -> None:
    with pytest.raises(BadInput, match="numbers or booleans"):
        arrange({"observation.state": ArraySpec(shape=(1,), dtype="object")})
