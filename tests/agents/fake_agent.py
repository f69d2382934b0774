"""A program that behaves like a coding agent, well or badly. Usage: `fake_agent.py ACT...`, acts are played in order.

codex, claude, kimi    print a short session in the form of that agent       fail:TEXT   give up, in the form of codex
garbage                64 KiB that are no text                               line:N      one line of N bytes
lines:N                N short lines                                         flood:N     N bytes on stderr, as lines
orphans                two shells out of reach that hold the pipes open      talker      one that prints for ever
env                    print the environment as JSON                         deaf        ignore polite signals
files:N                write N files into the workspace                      up          write ../up
hang                   sleep for ever                                        stop        stop the parent process
exit:N                 end with status N                                     die:N       end by signal N
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

SAID = {
    "codex": [
        {"type": "thread.started", "thread_id": "0199-codex"},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "hello"}},
        {"type": "turn.completed", "usage": {"input_tokens": 9, "cached_input_tokens": 4, "output_tokens": 2}},
    ],
    "claude": [
        {"type": "system", "subtype": "init", "session_id": "0199-claude", "tools": []},
        {"type": "assistant", "message": {"id": "m1", "content": [{"type": "text", "text": "hello"}]}},
        {"type": "result", "subtype": "success", "is_error": False, "session_id": "0199-claude", "usage": {}},
    ],
    "kimi": [
        {"role": "meta", "type": "system.version", "version": "2.1.0"},
        {"role": "assistant", "content": "hello"},
        {"role": "meta", "type": "session.resume_hint", "session_id": "0199-kimi"},
    ],
}


def away(*, talk: bool) -> None:
    """Leave a process in a session of its own, by a double fork; it holds our pipes and writes down who it is."""
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with Path("../pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    while True:
        if talk:
            os.write(1, b"still here\n" * 1000)
        else:
            time.sleep(1)


def play(act: str, value: str) -> None:
    if act in SAID:
        print(*map(json.dumps, SAID[act]), sep="\n", flush=True)
    elif act == "fail":
        print(json.dumps({"type": "turn.failed", "error": {"message": value}}), flush=True)
    elif act in ("garbage", "line", "lines", "flood"):
        text = {"garbage": lambda: os.urandom(1 << 16) + b"\n", "line": lambda: b"x" * int(value) + b"\n"}
        data = text.get(act, lambda: b"all work and no play\n" * (int(value) // (21 if act == "flood" else 1)))()
        while data:
            data = data[os.write(2 if act == "flood" else 1, data) :]
    elif act in ("orphans", "talker"):
        for _ in range(2):
            away(talk=act == "talker")
        while len(Path("../pids").read_text().split() if Path("../pids").exists() else []) < 2:
            time.sleep(0.01)
    elif act == "env":
        print(json.dumps(dict(os.environ)), flush=True)
    elif act == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif act == "files":
        for number in range(int(value)):
            Path(f"made_{number}.py").write_text("A = 1\n" * 1000)
    elif act == "up":
        Path("../up").write_text(str(os.getpid()))
    elif act == "hang":
        while True:
            time.sleep(60)
    elif act == "stop":
        os.kill(os.getppid(), signal.SIGSTOP)
    elif act == "die":
        os.kill(os.getpid(), int(value))
    elif act == "exit":
        sys.exit(int(value))
    else:
        sys.exit(f"no such act: {act}")


if __name__ == "__main__":
    for word in sys.argv[1:]:
        play(*word.partition(":")[::2])
