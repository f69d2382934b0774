"""Attempts to break out of a jail, made for real from inside, in the place of an agent. Prints a table as JSON."""

import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import threading
from functools import partial
from pathlib import Path
from typing import Any

from enpire.core.confinement.attempts import Attempt, Attempts, Call, make_call, make_in, renice, table

ANSWER_S = 0.3
ALLOWED = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "PWD", "SHLVL", "SSL_CERT_FILE", "TMPDIR", "TZ", "_")

CALLS: dict[str, Call] = {
    "trace a process": (101, 117, (0, 0, 0, 0)),
    "read memory of a process": (310, 270, (1, 0, 0, 0, 0, 0)),
    "write memory of a process": (311, 271, (1, 0, 0, 0, 0, 0)),
    "take a descriptor from a process": (438, 438, (-1, 0, 0)),
    "mount": (165, 40, (0, 0, 0, 0, 0)),
    "mount the new way": (430, 430, (0, 0)),
    "change root": (161, 51, (0,)),
    "new user namespace": (272, 97, (0x10000000,)),
    "new mount namespace": (272, 97, (0x00020000,)),
    "new namespace by clone": (56, 220, (0x10000011, 0, 0, 0, 0)),
    "clone3": (435, 435, (0, 0)),
    "enter a namespace": (308, 268, (-1, 0)),
    "load BPF": (321, 280, (0xFFFF, 0, 0)),
    "key ring": (250, 219, (0, -3, 0)),
    "memory file": (319, 279, (0, 0xFFFF)),
    "memory that outlives its process": (29, 194, (0, 0, 0o3600)),
    "io_uring": (425, 425, (1, 0)),
    "userfaultfd": (323, 282, (0xFFFF,)),
    "performance counters": (298, 241, (0, 0, -1, -1, 0)),
    "set the clock": (227, 112, (0, 0)),
    "load a kernel module": (175, 105, (0, 0, 0)),
    "open by handle": (304, 265, (-1, 0, 0)),
    "a call of another table": (0x40000000 + 39, 0x40000000, ()),
}


def _call(name: str) -> None:
    """Make a raw call, in a child, for some calls change their caller."""
    child = os.fork()
    if child == 0:
        try:
            make_call(CALLS[name])
        except PermissionError:
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise PermissionError(name)


# ---------------------------------------------------------------------------- files


def _changed(path: Path, change: Attempt, field: str) -> None:
    """A change that is silently not made did not work."""
    before = getattr(path.stat(), field)
    change()
    if getattr(path.stat(), field) == before:
        raise PermissionError


def _set_attribute(path: Path) -> None:
    os.setxattr(path, "user.probe", b"1")
    os.getxattr(path, "user.probe")


def _through_a_link(target: Path) -> None:
    link = Path("link")
    link.symlink_to(target)
    try:
        link.read_bytes()
    finally:
        link.unlink()


def _through_a_hard_link(target: Path) -> None:
    Path("hard").hardlink_to(target)
    Path("hard").read_bytes()


def _move_and_link(folder: Path, elsewhere: Path) -> None:
    """Put a link where the harness expects a folder."""
    moved = folder.with_name(folder.name + ".moved")
    folder.rename(moved)
    folder.symlink_to(elsewhere)


def _list(folder: Path, name: str) -> None:
    """A folder may be there for what is shown in it; `name` is not among that."""
    if name not in {entry.name for entry in Path(folder).iterdir()}:
        raise PermissionError


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def _change(path: Path) -> None:
    """Write one byte of a file that is there, as it was."""
    with path.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(first)


def _open_device(path: str, flags: int = os.O_RDONLY) -> None:
    os.close(os.open(path, flags | os.O_NONBLOCK))


def _any_device(prefixes: tuple[str, ...]) -> None:
    """Open one of the robot's or the machine's devices."""
    for entry in Path("/dev").iterdir():
        if entry.name.startswith(prefixes):
            _open_device(str(entry))
            return
    raise PermissionError


def _file_attempts(given: dict[str, Any]) -> Attempts:
    secret, other, session = Path(given["secret"]), Path(given["other"]), Path(given["session"])
    campaign, spare = secret.parent, Path(given["spare"])
    return {
        "read the campaign's key": secret.read_bytes,
        "read it through a link": partial(_through_a_link, secret),
        "read it through a hard link": partial(_through_a_hard_link, secret),
        "read it through /proc": Path(f"/proc/self/cwd/../../../{secret.name}").read_bytes,
        "list the campaign folder": partial(_list, campaign, secret.name),
        "read another session": (other / "brief.json").read_bytes,
        "write into another session": partial(_change, other / "workspace" / "policy.py"),
        "list the user's home": partial(_list, given["home"], given["private"]),
        "see a file outside": secret.stat,
        "write a file outside": partial(_change, spare),
        "truncate a file outside": partial(os.truncate, spare, 0),
        "make a file outside": partial(_append, campaign / "new"),
        "remove a file outside": spare.unlink,
        "rename a file outside": partial(spare.rename, campaign / "renamed"),
        "move a file inside": partial(spare.rename, "mine"),
        "change a mode outside": partial(_changed, spare, partial(spare.chmod, 0o777), "st_mode"),
        "change times outside": partial(_changed, spare, partial(os.utime, spare, (1, 1)), "st_mtime"),
        "set an attribute outside": partial(_set_attribute, spare),
        "change the prompt": partial(_change, session / "prompt.md"),
        "change the logged episodes": partial(_change, session / "data" / "0.npz"),
        "put a link for the workspace": partial(_move_and_link, session / "workspace", campaign),
        "put a link for the home": partial(_move_and_link, session / "home", campaign),
        "make a pipe with a name": partial(os.mkfifo, "pipe"),
        "write to the system": partial(make_in, ["/usr/local/bin", "/etc", "/var/tmp/..", "/run", "/", "/root"]),
        "change our own package": partial(_change, Path(given["package"])),
        "passwords of the system": Path("/etc/shadow").read_bytes,
        "memory of the machine": partial(_open_device, "/dev/mem"),
        "log of the kernel": partial(_open_device, "/dev/kmsg"),
        "robot and camera devices": partial(
            _any_device, ("video", "ttyUSB", "ttyACM", "can", "input", "bus", "vd", "sd")
        ),
        "program for crashes": partial(_open_device, "/proc/sys/kernel/core_pattern", os.O_WRONLY),
        "magic key of the kernel": partial(_open_device, "/proc/sysrq-trigger", os.O_WRONLY),
        "settings of the kernel": partial(os.listdir, "/sys/kernel"),
        "socket of docker": partial(_connect, socket.AF_UNIX, "/var/run/docker.sock"),
    }


# ---------------------------------------------------------------------------- processes


def _secrets_in_environment() -> None:
    known = (*ALLOWED, "GIT_CONFIG_NOSYSTEM", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    if all(name in known or name.startswith("PYTHON") for name in os.environ):
        raise PermissionError


def _inherited_descriptors() -> None:
    for descriptor in range(3, 256):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        return
    raise PermissionError


def _descriptors(folder: Path) -> None:
    for entry in folder.iterdir():
        entry.readlink()


def _see(pid: int) -> None:
    if Path(f"/proc/{pid}") not in Path("/proc").iterdir():
        raise PermissionError


def _type_for_others() -> None:
    _, theirs = os.openpty()
    fcntl.ioctl(theirs, 0x5412, b"x")


def _process_attempts(given: dict[str, Any]) -> Attempts:
    guard, victim = os.getppid(), int(given["victim"])
    found: Attempts = {
        "secrets in the environment": _secrets_in_environment,
        "inherited descriptors": _inherited_descriptors,
        "type into a terminal": _type_for_others,
    }
    for name, pid in (("the guard", guard), ("a process of the harness", victim)):
        folder = Path(f"/proc/{pid}")
        found |= {
            f"environment of {name}": (folder / "environ").read_bytes,
            f"memory of {name}": partial(_open_device, f"/proc/{pid}/mem", os.O_RDWR),
            f"root folder of {name}": partial(os.listdir, folder / "root"),
            f"descriptors of {name}": partial(_descriptors, folder / "fd"),
            f"signal {name}": partial(os.kill, pid, 0),
            f"signal {name} through a descriptor": partial(_signal_by_descriptor, pid),
        }
    return found | {
        "see processes of the harness": partial(_see, victim),
        "command of a process of the harness": Path(f"/proc/{victim}/cmdline").read_bytes,
        "limits of a process of the harness": partial(resource.prlimit, victim, resource.RLIMIT_CORE, (0, 0)),
        "priority of a process of the harness": partial(renice, victim),
        "processors of a process of the harness": partial(os.sched_setaffinity, victim, os.sched_getaffinity(0)),
        "kill everybody": partial(_signal_group, victim),
        **{name: partial(_call, name) for name in CALLS},
    }


def _signal_by_descriptor(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(descriptor, 0)
    finally:
        os.close(descriptor)


def _signal_group(victim: int) -> None:
    os.killpg(os.getpgid(victim), 0)


# ---------------------------------------------------------------------------- network


def _connect(family: int, address: Any, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> None:
    with socket.socket(family, kind, protocol) as client:
        client.settimeout(ANSWER_S)
        client.connect(address)


def _fast_open(address: tuple[str, int]) -> None:
    with socket.socket() as client:
        client.sendto(b"x", 0x20000000, address)
        client.getpeername()


def _fast_open_message(address: tuple[str, int]) -> None:
    with socket.socket() as client:
        client.sendmsg([b"x"], [], 0x20000000, address)
        client.getpeername()


def _datagram(address: tuple[str, int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(ANSWER_S)
        client.sendto(b"ping", address)
        client.recv(16)


def _open_socket(family: int, kind: int, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


def _network_attempts(given: dict[str, Any]) -> Attempts:
    local = ("127.0.0.1", int(given["tcp"]))
    return {
        "TCP port of the machine": partial(_connect, socket.AF_INET, local),
        "the same by its outer address": partial(_connect, socket.AF_INET, (given["address"], local[1])),
        "the same by IPv6": partial(_connect, socket.AF_INET6, (f"::ffff:{local[0]}", local[1])),
        "the same by multipath TCP": partial(_connect, socket.AF_INET, local, socket.SOCK_STREAM, 262),
        "the same by a fast open": partial(_fast_open, local),
        "the same by a fast open message": partial(_fast_open_message, local),
        "datagram to the machine": partial(_datagram, ("127.0.0.1", int(given["udp"]))),
        "name server": partial(_datagram, ("127.0.0.53", 53)),
        "abstract socket of the machine": partial(_connect, socket.AF_UNIX, f"\0{given['abstract']}"),
        "unix socket of the machine": partial(_connect, socket.AF_UNIX, given["unix"]),
        "raw socket": partial(_open_socket, socket.AF_INET, socket.SOCK_RAW, 1),
        "packet socket": partial(_open_socket, socket.AF_PACKET, socket.SOCK_RAW),
        "virtual machine socket": partial(_open_socket, 40, socket.SOCK_STREAM),
        "netlink audit socket": partial(_open_socket, socket.AF_NETLINK, socket.SOCK_RAW, 9),
        "crypto socket": partial(_open_socket, 38, socket.SOCK_SEQPACKET),
        "CAN bus": partial(_open_socket, 29, socket.SOCK_RAW, 1),
        "bluetooth": partial(_open_socket, 31, socket.SOCK_RAW, 1),
    }


# ---------------------------------------------------------------------------- what an honest agent needs


def _edit() -> None:
    folder = Path("made")
    folder.mkdir()
    (folder / "a").write_text("x")
    (folder / "a").rename("made/b")
    Path("made/c").symlink_to("b")
    (folder / "c").unlink()
    (folder / "b").unlink()
    folder.rmdir()


def _run_program() -> None:
    if subprocess.run(["/bin/sh", "-c", "true > /dev/null"], check=False).returncode != 0:
        raise OSError("it failed")


def _thread() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def _socket_pair() -> None:
    for end in socket.socketpair():
        end.close()


def _door(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10.0) as client:
        client.sendall(b"ping")
        client.shutdown(socket.SHUT_WR)
        if client.recv(16) != b"pong":
            raise OSError("the door does not answer")


def _controls(given: dict[str, Any]) -> Attempts:
    session = Path(given["session"])
    return {
        "read the prompt": (session / "prompt.md").read_bytes,
        "edit the workspace": _edit,
        "write in the home": partial(_append, session / "home" / "probe"),
        "write temporaries": partial(_append, Path(os.environ["TMPDIR"]) / "probe"),
        "run programs": _run_program,
        "start a thread": _thread,
        "socket pair": _socket_pair,
        "memory": lambda: mmap.mmap(-1, 1 << 26).close(),
        **({"reach the gateway": partial(_door, given["door"])} if given["door"] else {}),
    }


def main(argv: list[str]) -> None:
    """Make all attempts at the targets in `argv[0]` (JSON) and print the table."""
    given = json.loads(argv[0])
    found = table(_controls(given), {**_network_attempts(given), **_process_attempts(given), **_file_attempts(given)})
    print(json.dumps(found), flush=True)
