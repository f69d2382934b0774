"""System calls a policy may make, as numbers of each architecture. What is not listed is refused.

Numbers are from the kernel's `asm/unistd_64.h` (x86_64) and `asm-generic/unistd.h` (aarch64). A call that an
architecture lacks is left out there.
"""

X86_64 = """
read=0 write=1 readv=19 futex=202 clock_gettime=228 poll=7 mmap=9 munmap=11 mprotect=10 mremap=25 madvise=28 brk=12
writev=20 close=3 close_range=436 fstat=5 stat=4 lstat=6 newfstatat=262 statx=332 lseek=8 pread64=17 preadv=295 open=2
openat=257 readlink=89 readlinkat=267 getdents64=217 getcwd=79 chdir=80 fchdir=81 access=21 faccessat=269
faccessat2=439 statfs=137 fstatfs=138 fadvise64=221 dup=32 dup2=33 dup3=292 pipe=22 pipe2=293 select=23 pselect6=270
ppoll=271 epoll_create1=291 epoll_ctl=233 epoll_wait=232 epoll_pwait=281 eventfd2=290 rt_sigaction=13
rt_sigprocmask=14 rt_sigreturn=15 sigaltstack=131 rt_sigtimedwait=128 rt_sigsuspend=130 rt_sigpending=127
restart_syscall=219 pause=34 nanosleep=35 clock_nanosleep=230 clock_getres=229 gettimeofday=96 time=201 times=100
getitimer=36 setitimer=38 alarm=37 getpid=39 gettid=186 getppid=110 getuid=102 geteuid=107 getgid=104 getegid=108
getresuid=118 getresgid=120 getgroups=115 getpgrp=111 getpgid=121 getsid=124 uname=63 sysinfo=99 getrlimit=97
getrusage=98 getcpu=309 sched_yield=24 sched_getaffinity=204 sched_getparam=143 sched_getscheduler=145
sched_get_priority_max=146 sched_get_priority_min=147 set_tid_address=218 set_robust_list=273 get_robust_list=274
rseq=334 futex_waitv=449 membarrier=324 arch_prctl=158 getrandom=318 exit=60 exit_group=231
clone=56 clone3=435 fcntl=72 ioctl=16 prctl=157 kill=62 tgkill=234 prlimit64=302 sched_setaffinity=203
"""

AARCH64 = """
read=63 write=64 readv=65 futex=98 clock_gettime=113 mmap=222 munmap=215 mprotect=226 mremap=216 madvise=233 brk=214
writev=66 close=57 close_range=436 fstat=80 newfstatat=79 statx=291 lseek=62 pread64=67 preadv=69 openat=56
readlinkat=78 getdents64=61 getcwd=17 chdir=49 fchdir=50 faccessat=48 faccessat2=439 statfs=43 fstatfs=44
fadvise64=223 dup=23 dup3=24 pipe2=59 pselect6=72 ppoll=73 epoll_create1=20 epoll_ctl=21 epoll_pwait=22 eventfd2=19
rt_sigaction=134 rt_sigprocmask=135 rt_sigreturn=139 sigaltstack=132 rt_sigtimedwait=137 rt_sigsuspend=133
rt_sigpending=136 restart_syscall=128 nanosleep=101 clock_nanosleep=115 clock_getres=114 gettimeofday=169 times=153
getitimer=102 setitimer=103 getpid=172 gettid=178 getppid=173 getuid=174 geteuid=175 getgid=176 getegid=177
getresuid=148 getresgid=150 getgroups=158 getpgid=155 getsid=156 uname=160 sysinfo=179 getrlimit=163 getrusage=165
getcpu=168 sched_yield=124 sched_getaffinity=123 sched_getparam=121 sched_getscheduler=120
sched_get_priority_max=125 sched_get_priority_min=126 set_tid_address=96 set_robust_list=99 get_robust_list=100
rseq=293 futex_waitv=449 membarrier=283 getrandom=278 exit=93 exit_group=94
clone=220 clone3=435 fcntl=25 ioctl=29 prctl=167 kill=129 tgkill=131 prlimit64=261 sched_setaffinity=122
"""

TABLES = {"x86_64": X86_64, "aarch64": AARCH64}
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Architecture word the kernel puts into `seccomp_data.arch`."""
SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
"""Number of `seccomp(2)` itself."""
NEWEST = 451
"""Highest number these tables know of. Newer calls look as if this kernel lacked them, so libraries fall back."""


def numbers(machine: str) -> dict[str, int]:
    """Allowed calls of an architecture by name; `KeyError` for an unknown one."""
    return {name: int(number) for name, _, number in (pair.partition("=") for pair in TABLES[machine].split())}
