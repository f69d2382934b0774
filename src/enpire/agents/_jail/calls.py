"""The system call filter of an agent.

Agents run programs of all kinds, so this is a list of what is refused; the allow-list of policy workers is far shorter.
Refused is what reaches into other processes, changes mounts or namespaces, talks to the kernel itself, or opens sockets
that lead out.
"""

from enpire.core.confinement import seccomp
from enpire.core.confinement.seccomp import (
    ALLOW,
    AND,
    CLONE_NEW_ANY,
    DONE,
    ENOSYS,
    EPERM,
    JUMP_EQUAL,
    RETURN,
    Rules,
    always,
    among,
    argument,
    refuse_bits,
)

NEWEST = 469
"""Newer calls look as if this kernel lacked them: nobody has judged them yet. So do those of the x32 table."""
MSG_FASTOPEN = 0x20000000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
STREAM, DATAGRAM = 1, 2
TCP = 6
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
"""Typing for somebody else."""

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
MISSING = """
clone3=435/435 io_uring_setup=425/425 io_uring_enter=426/426 io_uring_register=427/427
memfd_create=319/279 memfd_secret=447/447 shmget=29/194
"""
"""Refused as if this kernel lacked them, so that libraries fall back: a filter cannot see what they would do, or they
make memory that belongs to no process and so would not be counted."""
SHARED_WITH_ALL = """
shmat=30/196 shmctl=31/195 msgget=68/186 msgctl=71/187 semget=64/190 semctl=66/191 mq_open=240/180
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


def assemble(machine: str, *, namespaces: bool, network: bool) -> bytes:
    """Filter of one session.

    Args:
        machine: `x86_64` or `aarch64`.
        namespaces: Whether the session has namespaces of its own; without them, more is refused.
        network: Whether it shares the network of this machine.
    """
    blocks: dict[int, Rules] = {}

    def judge(table: str, rules: Rules) -> None:
        blocks.update(dict.fromkeys(seccomp.numbers(table, machine).values(), rules))

    judge(REFUSED, always(EPERM))
    judge(MISSING, always(ENOSYS))
    judge("clone=56/220 unshare=272/97", refuse_bits(0, CLONE_NEW_ANY))
    judge("ioctl=16/29", among(1, (TIOCSTI, TIOCLINUX), then=EPERM, otherwise=ALLOW))
    judge("socket=41/198", _sockets(unix=namespaces and not network, datagram=namespaces or network))
    if not namespaces:
        judge(SHARED_WITH_ALL, always(EPERM))
        judge(METADATA, always(DONE))
        judge(OWN_ONLY, among(0, (0,), then=ALLOW, otherwise=EPERM))
        judge(OWN_ONLY_SECOND, among(1, (0,), then=ALLOW, otherwise=EPERM))
    if not namespaces or network:  # a connection that Landlock does not see
        judge("sendto=44/206 sendmmsg=307/269", refuse_bits(3, MSG_FASTOPEN))
        judge("sendmsg=46/211", refuse_bits(2, MSG_FASTOPEN))
    return seccomp.assemble(machine, dict(sorted(blocks.items())), newest=NEWEST, otherwise=ALLOW)


def _sockets(*, unix: bool, datagram: bool) -> Rules:
    """TCP always, for Landlock and namespaces say whereto. Other protocols would get past Landlock."""
    kind: Rules = [argument(1), (AND, 0, 0, 0xF)]
    plain: Rules = [argument(2), (JUMP_EQUAL, 1, 0, 0), (JUMP_EQUAL, 0, 1, TCP), (RETURN, 0, 0, ALLOW)]
    stream: Rules = [(JUMP_EQUAL, 0, len(plain) + 1, STREAM), *plain, (RETURN, 0, 0, EPERM)]
    others: Rules = [(JUMP_EQUAL, 0, 1, DATAGRAM), (RETURN, 0, 0, ALLOW)] if datagram else []
    internet = [*kind, *stream, *others, (RETURN, 0, 0, EPERM)]
    routes: Rules = [argument(2), (JUMP_EQUAL, 0, 1, 0), (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, EPERM)]
    families: Rules = [
        (JUMP_EQUAL, 1, 0, AF_INET),
        (JUMP_EQUAL, 0, len(internet), AF_INET6),
        *internet,
        (JUMP_EQUAL, 0, len(routes), AF_NETLINK),  # programs list the network interfaces with it
        *routes,
    ]
    local: Rules = [(JUMP_EQUAL, 0, 1, AF_UNIX), (RETURN, 0, 0, ALLOW)] if unix else []
    return [argument(0), *local, *families, (RETURN, 0, 0, EPERM)]
