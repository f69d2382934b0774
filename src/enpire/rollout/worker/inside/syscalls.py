"""System calls a policy may make; what is not listed is refused. Format: `enpire.core.confinement.seccomp`.

`sched_setaffinity` is not among them: a policy that spins must stay on its own processor.
"""

ALLOWED = """
read=0/63 write=1/64 readv=19/65 futex=202/98 clock_gettime=228/113 poll=7/- mmap=9/222 munmap=11/215 mprotect=10/226
mremap=25/216 madvise=28/233 brk=12/214 writev=20/66 close=3/57 close_range=436/436 fstat=5/80 stat=4/- lstat=6/-
newfstatat=262/79 statx=332/291 lseek=8/62 pread64=17/67 preadv=295/69 open=2/- openat=257/56 readlink=89/-
readlinkat=267/78 getdents64=217/61 getcwd=79/17 chdir=80/49 fchdir=81/50 access=21/- faccessat=269/48
faccessat2=439/439 statfs=137/43 fstatfs=138/44 fadvise64=221/223 dup=32/23 dup2=33/- dup3=292/24 pipe=22/-
pipe2=293/59 select=23/- pselect6=270/72 ppoll=271/73 epoll_create1=291/20 epoll_ctl=233/21 epoll_wait=232/-
epoll_pwait=281/22 eventfd2=290/19 rt_sigaction=13/134 rt_sigprocmask=14/135 rt_sigreturn=15/139 sigaltstack=131/132
rt_sigtimedwait=128/137 rt_sigsuspend=130/133 rt_sigpending=127/136 restart_syscall=219/128 pause=34/-
nanosleep=35/101 clock_nanosleep=230/115 clock_getres=229/114 gettimeofday=96/169 time=201/- times=100/153
getitimer=36/102 setitimer=38/103 alarm=37/- getpid=39/172 gettid=186/178 getppid=110/173 getuid=102/174
geteuid=107/175 getgid=104/176 getegid=108/177 getresuid=118/148 getresgid=120/150 getgroups=115/158 getpgrp=111/-
getpgid=121/155 getsid=124/156 uname=63/160 sysinfo=99/179 getrlimit=97/163 getrusage=98/165 getcpu=309/168
sched_yield=24/124 sched_getaffinity=204/123 sched_getparam=143/121 sched_getscheduler=145/120
sched_get_priority_max=146/125 sched_get_priority_min=147/126 set_tid_address=218/96 set_robust_list=273/99
get_robust_list=274/100 rseq=334/293 futex_waitv=449/449 membarrier=324/283 arch_prctl=158/- getrandom=318/278
exit=60/93 exit_group=231/94 clone=56/220 clone3=435/435 fcntl=72/25 ioctl=16/29 prctl=157/167 kill=62/129
tgkill=234/131 prlimit64=302/261
"""
NEWEST = 451
"""Highest number the table knows of. Newer calls look as if this kernel lacked them, so libraries fall back."""
