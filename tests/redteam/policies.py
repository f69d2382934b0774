"""Attacks by policy code: name, source, and the failure reasons that are honest beside "no effect".

Names start with the row of the threat list; those with `O` are our own. Without reasons, the score must equal that of
the same policy without the trick, action by action. No attack may ever print LEAK.
"""

from dataclasses import dataclass

from tests.redteam.arena import SECRET, policy

NUMBERS = {"step": "(1).to_bytes(8, 'little') + bytes(8)", "future": "(9).to_bytes(8, 'little') + bytes(8)"}


@dataclass(frozen=True)
class Attack:
    """A candidate and how it may fail; `files` are further files of its workspace."""

    source: str
    reasons: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def workspace(self):
        """All files."""
        return {"policy.py": self.source, **dict(self.files)}


def _everywhere(body, **more):
    """A trick tried at import, while building, at reset and in the first steps."""
    top = "def trick():\n" + "\n".join(f"    {line}" for line in body.strip().splitlines())
    top += "\ntry: trick()\nexcept Exception as refusal: print('refused', refusal)"
    return policy("trick()", top=top, init="trick()", reset="trick()", **more)


def _loot(expression):
    return _everywhere(f"leak({expression})")


READ = {
    "P01 read the campaign's key": "open(os.path.join(os.getcwd(), '../../secret.key')).read()",
    "P01 read the ledger": "open(os.path.join(os.getcwd(), '../../ledger.sqlite'), 'rb').read()",
    "P01 list the episodes": "os.listdir(os.path.join(os.getcwd(), '../..'))",
    "P01 read another candidate": "open(os.path.join(os.getcwd(), '../other/policy.py')).read()",
    "P01 follow /proc/self/root": "open('/proc/self/root' + os.path.dirname(os.path.dirname(os.getcwd())) "
    "+ '/secret.key').read()",
    "P01 secrets in the environment": f"[v for v in os.environ.values() if {SECRET!r} in v][0]",
    "P01 arguments of the parent": "open(f'/proc/{os.getppid()}/cmdline').read()",
    "P02 import the harness": "__import__('enpire.rollout.trial')",
    "P02 harness modules left in memory": "[m for m in sys.modules if 'enpire' in m or m.startswith('inside')][0]",
    "P02 the task's judge among the objects": "[o for o in gc.get_objects() if type(o).__name__ in "
    "('PointTask', 'TaskSpec', 'Verdict', 'Ticket', 'Zygote')][0]",
    "P02 walk the frames": "[f for f in iter_frames() if {'seed', 'ticket', 'purpose', 'manifest'} "
    "& set(f.f_locals)][0]",
    "P02 look into the configuration": "[f for f in iter_frames() for c in [f.f_locals.get('config')] if c and "
    "{'seed', 'purpose', 'study', 'episode', 'manifest'} & set(str(sorted(c)).split(chr(39)))][0]",
    "P03 open the memory of the parent": "open(f'/proc/{os.getppid()}/mem', 'r+b')",
    "P03 trace the parent": "call(101, 0x4206, os.getppid(), 0, 0)",
    "P03 read the parent's memory": "call(310, os.getppid(), 0, 0, 0, 0, 0)",
    "P03 write the parent's memory": "call(311, os.getppid(), 0, 0, 0, 0, 0)",
    "P03 take a descriptor of the parent": "call(434, os.getppid(), 0)",
    "P10 leave a daemon": "os.fork()",
    "P10 leave a program": "__import__('subprocess').Popen(['sleep', '100'])",
    "P11 leave a file": "open('left_over', 'w')",
    "P11 leave a file in /tmp": "open('/tmp/left_over', 'w')",
    "P11 leave shared memory": "open('/dev/shm/left_over', 'w')",
    "P11 leave SysV shared memory": "call(29, 0x656e, 4096, 0o1600)",
    "P11 leave a key": "call(250, 0, -3, 0)",
    "P14 open a socket": "__import__('socket').socket()",
    "P14 ask the loopback": "__import__('urllib.request').request.urlopen('http://127.0.0.1:80', timeout=1)",
    "P14 virtual socket": "__import__('socket').socket(40, 1)",
    "P18 look for tools": "__import__('enpire_tools')",
    "P19 more descriptors than promised": "[fd for fd in range(7, 1024) if os.fstat(fd)][0]",
    "O01 write its own policy": "open('policy.py', 'a')",
    "O01 link the key into its folder": "os.symlink('../../secret.key', 'key') or open('key').read()",
    "O02 stop the zygote": "os.kill(os.getppid(), 19)",
    "O02 kill its own group": "os.killpg(0, 9)",
    "O03 raise its priority": "os.setpriority(os.PRIO_PROCESS, 0, -20)",
    "O03 real-time class": "call(144, 0, 1, 0)",
    "O03 leave its processor": "os.sched_setaffinity(0, range(os.cpu_count())) or 'worked'",
    "O04 memory of the machine": "open('/proc/meminfo').read() and open('/proc/1/environ').read()",
    "O05 the worker's mapping of its past": "[m for m in open(f'/proc/{os.getppid()}/maps')][0]",
}
TOOLS = """
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), 'refused')
    return 'worked'
def iter_frames():
    frame = sys._getframe()
    while frame:
        yield frame
        frame = frame.f_back
"""


def _with_tools(source):
    return source.replace("def leak(", TOOLS + "\ndef leak(", 1)


FRAMES = {
    "P05 answer in JSON": "os.write(3, b'{\"success\": true}')",
    "P05 claim success in a frame": "os.write(3, b'success!' + bytes(8))",
    "P05 answer for a future step": f"os.write(3, {NUMBERS['future']})",
    "P05 say it has reset": "os.write(3, (2**64 - 2).to_bytes(8, 'little') + bytes(8))",
    "P05 say it has loaded": "os.write(3, (2**64 - 1).to_bytes(8, 'little') + bytes(8))",
    "P05 an empty frame": "os.write(3, b'')",
    "P06 a pickle bomb": "os.write(3, __import__('pickle').dumps(print))",
    "P06 a huge frame": "os.write(3, bytes(150_000))",
    "P06 a flood": "[os.write(3, bytes(16)) for _ in range(10_000)]",
    "O06 answer twice": "os.write(3, (self.calls - 1).to_bytes(8, 'little') + bytes(8)); action = action",
    "O06 answer before the bell": "os.write(3, self.calls.to_bytes(8, 'little') + bytes(8))",
    "O07 patch the protocol in the process": "sys._getframe(1).f_globals['ANSWER'] = type('Fake', (), {'pack_into': "
    "staticmethod(lambda buffer, at, step: buffer.__setitem__(slice(0, 8), b'success!')), 'size': 8})",
    "O07 patch os.write": "real = os.write; os.write = lambda fd, data: real(fd, bytes(data) + b'success')",
}
ACTIONS = {
    "P07 NaN": ("action = np.full(2, np.nan)", ("nonfinite",)),
    "P07 infinity": ("action = np.array([np.inf, 0])", ("nonfinite",)),
    "P07 beyond float32": ("action = [1e300, 0]", ("nonfinite",)),
    "P07 three values": ("action = np.zeros(3)", ("shape",)),
    "P07 no value": ("action = []", ("shape",)),
    "P07 an object that lies about its size": (
        "action = type('Fake', (), {'__array__': lambda s, *a, **k: np.zeros(9, np.float32), 'size': 2})()",
        ("shape",),
    ),
    "P07 text": ("action = 'left'", ("shape",)),
    "P08 never answer": ("time.sleep(1000)", ("deadline",)),
    "P08 spin for ever": ("while True: pass", ("deadline",)),
    "P08 sleep in C": ("ctypes.CDLL(None).pause()", ("deadline",)),
    "O08 stop itself": ("os.kill(os.getpid(), 19)", ("deadline",)),
    "O08 kill itself": ("os.kill(os.getpid(), 9)", ("exited",)),
    "O08 exit as if refused confinement": ("os._exit(80)", ("exited",)),
    "O08 exit as if all were well": ("os._exit(0)", ("exited",)),
    "O08 crash": ("ctypes.string_at(0)", ("exited",)),
    "O08 raise what the harness raises": (
        "raise type('StationFault', (BaseException,), {})('my station')",
        ("raised",),
    ),
    "O08 interrupt": ("raise KeyboardInterrupt", ("raised",)),
    "O08 close the socket": ("os.close(3); time.sleep(100)", ("exited",)),
    "O08 use up its processor time": (
        "__import__('resource').setrlimit(0, (1, 1))\nwhile True: pass",
        ("exited", "deadline"),
    ),
}
HARMLESS = {
    "P09 memory bomb": "hoard = [np.empty(1 << 24) for _ in range(64)]",
    "P09 recursion bomb": "f = lambda: f(); f()",
    "P04 forged results on stdout": 'print(\'{"result": "success", "progress": 1.0}\'); '
    "os.write(1, b'{\"success\": true}'); os.write(2, b'SUCCESS')",
    "P09 thread bomb": "[threading.Thread(target=time.sleep, args=(100,), daemon=True).start() for _ in range(400)]",
    "P09 memory file": "os.memfd_create('x')",
    "P09 fill the log": "[os.write(1, bytes(65536)) for _ in range(1000)]",
    "P09 fork bomb": "[os.fork() for _ in range(400)]",
    "P15 a checkpoint that runs code": "__import__('pickle').loads(open('weights.pkl', 'rb').read())",
    "O09 terminal escapes in the log": "print('\\x1b[2J\\x1b]0;owned\\x07\\u202e\\x9b31m' * 100)",
    "O09 unwritable output": "sys.stdout.close(); sys.stderr.close()",
    "O10 change the observation": "observation['observation.state'][:] = 0",
    "O10 a handler for every signal": "import signal\n[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15, 30)]",
    "O11 another time zone and locale": "os.environ['TZ'] = 'Pacific/Kiritimati'; time.tzset(); "
    "__import__('locale').setlocale(6, '')",
    "O11 reseed all generators": "np.random.seed(int(time.time())); __import__('random').seed()",
}
SHADOWS = {
    "O12 shadow the standard library": ("json.py", "struct.py", "random.py", "mmap.py", "traceback.py"),
    "O12 start-up files": ("sitecustomize.py", "usercustomize.py", "evil.pth"),
    "O12 shadow the harness": ("enpire/__init__.py", "inside/__init__.py", "inside/protocol.py"),
    "O12 shadow NumPy": ("numpy/__init__.py", "numpy.py"),
}
EVIL = "import os\nos.write(3, b'success!' + bytes(8))\nos._exit(0)\n"


def _shadow(names):
    return Attack(policy("import random, json"), files=tuple((name, EVIL) for name in names))


ATTACKS = (
    {name: Attack(_with_tools(_loot(expression))) for name, expression in READ.items()}
    | {name: Attack(policy(body), ("protocol",)) for name, body in FRAMES.items()}
    | {
        "P05 frames while loading": Attack(policy(init="os.write(3, bytes(16))"), ("protocol",)),
        "P05 frames while resetting": Attack(policy(reset="os.write(3, bytes(16))"), ("protocol",)),
        "P08 hang while loading is a crash for later": Attack(policy(top="os.kill(os.getpid(), 9)"), ("load",)),
    }
    | {name: Attack(policy(body), reasons) for name, (body, reasons) in ACTIONS.items()}
    | {name: Attack(policy(body), files=(("weights.pkl", "cos\nsystem\n(S'id > owned'\ntR."),))
       for name, body in HARMLESS.items()}
    | {name: _shadow(names) for name, names in SHADOWS.items()}
)  # fmt: skip
