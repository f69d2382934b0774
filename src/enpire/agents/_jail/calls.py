"""The system call filter of an agent, as BPF bytes assembled without any library.

Agents run programs of all kinds, so this is a list of what is refused; the allow-list of policy workers is far shorter.
Refused is what reaches into other processes, changes mounts or namespaces, talks to the kernel itself, or opens sockets
that lead out. Numbers are from the kernel's `asm/unistd_64.h` (x86_64) and `asm-generic/unistd.h` (aarch64).
"""

import struct

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
"""Number of `seccomp(2)` itself."""
NEWEST = 469
"""Newer calls look as if this kernel lacked them: nobody has judged them yet. So do those of the x32 table."""

ALLOW, KILL, DONE = 0x7FFF0000, 0x80000000, 0x00050000
"""`DONE`: the call returns 0 and does nothing."""
EPERM, ENOSYS = 0x00050000 | 1, 0x00050000 | 38
LOAD, JUMP_EQUAL, JUMP_ABOVE, JUMP_SET, AND, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
NUMBER, ARCH, ARGUMENTS = 0, 4, 16
CLONE_NEW_ANY = 0x7E020080
MSG_FASTOPEN = 0x20000000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
STREAM, DATAGRAM = 1, 2
TCP = 6

REFUSED = """
ptrace=101/117 process_vm_readv=310/270 process_vm_writev=311/271 pidfd_getfd=438/438 kcmp=312/272
mount=165/40 umount2=166/39 pivot_root=155/41 chroot=161/51 setns=308/268 open_tree=428/428 move_mount=429/429
fsopen=430/430 fsconfig=431/431 fsmount=432/432 fspick=433/433 mount_setattr=442/442 open_tree_attr=467/467
bpf=321/280 perf_event_open=298/241 userfaultfd=323/282 keyctl=250/219 add_key=248/217 request_key=249/218
mknod=133/- mknodat=259/33 init_module=175/105 finit_module=313/273 delete_module=176/106 kexec_load=246/104
kexec_file_load=320/294 reboot=169/142 swapon=167/224 swapoff=168/225 acct=163/89 quotactl=179/60 quotactl_fd=443/443
settimeofday=164/170 clock_settime=227/112 adjtimex=159/171 clock_adjtime=305/266 sethostname=170/161
setdomainname=171/162 syslog=103/116 iopl=172/- ioperm=173/- vhangup=153/58 fanotify_init=300/262
open_by_handle_at=304/265 lookup_dcookie=212/18
"""
MISSING = "clone3=435/435 io_uring_setup=425/425 io_uring_enter=426/426 io_uring_register=427/427"
"""Refused as if this kernel lacked them, so that libraries fall back: a filter cannot see what they would do."""
SHARED_WITH_ALL = """
shmget=29/194 shmat=30/196 shmctl=31/195 msgget=68/186 msgctl=71/187 semget=64/190 semctl=66/191 mq_open=240/180
mq_unlink=241/181 migrate_pages=256/238
"""
"""Refused without namespaces: objects that all processes of this user share."""
METADATA = """
chmod=90/- fchmod=91/52 fchmodat=268/53 fchmodat2=452/452 chown=92/- fchown=93/55 lchown=94/- fchownat=260/54
setxattr=188/5 lsetxattr=189/6 fsetxattr=190/7
removexattr=197/14 lremovexattr=198/15 fremovexattr=199/16 setxattrat=463/463 removexattrat=466/466
"""
"""Without effect without namespaces: Landlock does not guard modes, owners and attributes of files. Refusing these
calls would break many an honest tool. Times can be changed: tools ask by these calls whether a file is there."""
OWN_ONLY = "prlimit64=302/261 sched_setaffinity=203/122 sched_setscheduler=144/119 sched_setparam=142/118"
"""Without namespaces: for the calling process (0) only."""
OWN_ONLY_SECOND = "setpriority=141/140 ioprio_set=251/30"
"""The same, where the process is the second argument."""

Rules = list[tuple[int, int, int, int]]


def numbers(table: str, machine: str) -> list[int]:
    """Numbers of a table for a machine; calls that it lacks are left out."""
    column = 0 if machine == "x86_64" else 1
    found = [pair.partition("=")[2].split("/")[column] for pair in table.split()]
    return [int(number) for number in found if number != "-"]


def assemble(machine: str, *, namespaces: bool, network: bool) -> bytes:
    """Filter of one session: `struct sock_filter` instructions, in order.

    Args:
        machine: `x86_64` or `aarch64`.
        namespaces: Whether the session has namespaces of its own; without them, more is refused.
        network: Whether it shares the network of this machine.
    """
    verdicts: dict[int, Rules] = {}
    for table, verdict in ((REFUSED, EPERM), (MISSING, ENOSYS)):
        verdicts |= {number: [(RETURN, 0, 0, verdict)] for number in numbers(table, machine)}

    def one(call: str) -> int:
        return numbers(call, machine)[0]

    verdicts[one("clone=56/220")] = verdicts[one("unshare=272/97")] = _refuse_bits(0, CLONE_NEW_ANY)
    verdicts[one("ioctl=16/29")] = _refuse_values(1, (0x5412, 0x541C))  # TIOCSTI, TIOCLINUX: typing for somebody else
    verdicts[one("socket=41/198")] = _sockets(unix=namespaces and not network, datagram=namespaces or network)
    if not namespaces:
        verdicts |= {number: [(RETURN, 0, 0, EPERM)] for number in numbers(SHARED_WITH_ALL, machine)}
        verdicts |= {number: [(RETURN, 0, 0, DONE)] for number in numbers(METADATA, machine)}
        verdicts |= {number: _only_zero(0) for number in numbers(OWN_ONLY, machine)}
        verdicts |= {number: _only_zero(1) for number in numbers(OWN_ONLY_SECOND, machine)}
    if not namespaces or network:  # a connection that Landlock does not see
        verdicts[one("sendto=44/206")] = verdicts[one("sendmmsg=307/269")] = _refuse_bits(3, MSG_FASTOPEN)
        verdicts[one("sendmsg=46/211")] = _refuse_bits(2, MSG_FASTOPEN)
    rules: Rules = [
        (LOAD, 0, 0, ARCH),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (JUMP_ABOVE, 0, 1, NEWEST),
        (RETURN, 0, 0, ENOSYS),
    ]
    for number, block in sorted(verdicts.items()):
        rules += [(JUMP_EQUAL, 0, len(block), number), *block]
    return b"".join(struct.pack("<HBBI", *rule) for rule in [*rules, (RETURN, 0, 0, ALLOW)])


def _argument(index: int) -> tuple[int, int, int, int]:
    """Load the low half of an argument; all that are looked at here have 32 bits in the kernel."""
    return (LOAD, 0, 0, ARGUMENTS + 8 * index)


def _refuse_bits(index: int, bits: int) -> Rules:
    return [_argument(index), (JUMP_SET, 0, 1, bits), (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)]


def _refuse_values(index: int, values: tuple[int, ...]) -> Rules:
    tests: Rules = [rule for value in values for rule in ((JUMP_EQUAL, 0, 1, value), (RETURN, 0, 0, EPERM))]
    return [_argument(index), *tests, (RETURN, 0, 0, ALLOW)]


def _only_zero(index: int) -> Rules:
    return [_argument(index), (JUMP_EQUAL, 0, 1, 0), (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, EPERM)]


def _sockets(*, unix: bool, datagram: bool) -> Rules:
    """TCP always, for Landlock and namespaces say whereto. Other protocols would get past Landlock."""
    kind: Rules = [_argument(1), (AND, 0, 0, 0xF)]
    plain: Rules = [_argument(2), (JUMP_EQUAL, 1, 0, 0), (JUMP_EQUAL, 0, 1, TCP), (RETURN, 0, 0, ALLOW)]
    stream: Rules = [(JUMP_EQUAL, 0, len(plain) + 1, STREAM), *plain, (RETURN, 0, 0, EPERM)]
    others: Rules = [(JUMP_EQUAL, 0, 1, DATAGRAM), (RETURN, 0, 0, ALLOW)] if datagram else []
    internet = [*kind, *stream, *others, (RETURN, 0, 0, EPERM)]
    routes: Rules = [_argument(2), (JUMP_EQUAL, 0, 1, 0), (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, EPERM)]
    families: Rules = [
        (JUMP_EQUAL, 1, 0, AF_INET),
        (JUMP_EQUAL, 0, len(internet), AF_INET6),
        *internet,
        (JUMP_EQUAL, 0, len(routes), AF_NETLINK),  # programs list the network interfaces with it
        *routes,
    ]
    local: Rules = [(JUMP_EQUAL, 0, 1, AF_UNIX), (RETURN, 0, 0, ALLOW)] if unix else []
    return [_argument(0), *local, *families, (RETURN, 0, 0, EPERM)]
