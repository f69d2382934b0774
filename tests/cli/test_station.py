"""`enpire station`: a station as its page shows it, and the command from start to Ctrl-C."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest

from enpire.core.errors import MissingProgram
from enpire.dashboard.station_view.board import Board
from enpire.dashboard.station_view.opening import open_station, station_tasks
from enpire.dashboard.station_view.players import Still
from enpire.dashboard.station_view.server import PageServer
from enpire.dashboard.station_view.show import Show
from enpire.simulation.rendering import gl_missing
from tests.cli.test_commands import enpire
from tests.dashboard.browser import Browser

needs_gl = pytest.mark.skipif(bool(gl_missing()), reason="needs OpenGL for the cameras")
FAST = {"fast_reset": 1.0, "level": 0.0}


def watch(station, visit):
    """Show a station in this thread, in which pictures must be taken, while `visit(browser)` runs in another."""
    board, failed = Board(), []
    with PageServer(board) as server:

        def browse():
            try:
                visit(Browser(server.address))
            except BaseException as error:
                failed.append(error)
            finally:
                board.closed.set()

        thread = threading.Thread(target=browse)
        thread.start()
        try:
            Show(station, Still(station), board).run()
        finally:
            board.closed.set()
            thread.join()
            station.close()
    if failed:
        raise failed[0]


def floats(text):
    import base64

    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, 12)


# ---------------------------------------------------------------- a real station


@needs_gl
def test_a_station_can_be_watched_paused_stepped_and_reset():
    def visit(browser):
        frame = browser.frame(lambda f: f["phase"] == "running" and f["step"] > 2)
        shapes = json.loads(browser.ask("shapes")[1])
        assert shapes["number"] == frame["scene"]
        assert {camera["name"] for camera in shapes["cameras"]} == {"top", "left_wrist", "right_wrist"}
        assert shapes["target"]
        assert len(floats(frame["geoms"])) == len(shapes["geoms"])
        assert len(floats(frame["tools"])) == len(shapes["tools"]) == 2
        rotations = floats(frame["cameras"])[:, 3:].reshape(-1, 3, 3)
        assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-5)
        assert rotations[[c["name"] for c in shapes["cameras"]].index("top")][2, 2] < -0.99, "the top camera looks down"
        assert frame["contacts"], "the pin is held"

        browser.order("pause")
        browser.frame(lambda f: f["paused"])
        still = browser.frame()
        browser.order("pictures", 0.0)
        assert browser.frame()["step"] == still["step"]
        browser.order("step")
        moved = browser.frame(lambda f: f["time_s"] > still["time_s"] + 0.03)
        assert moved["step"] <= still["step"] + 2
        assert moved["time_s"] < still["time_s"] + 0.06

        browser.order("reset", 5)
        browser.order("play")
        browser.order("speed", 0)
        again = browser.frame(lambda f: f["seed"] == 5 and f["phase"] == "running" and f["step"] > 1)
        assert again["speed"] == 0
        over = browser.frame(lambda f: f["phase"] == "failure")
        assert over["note"] == "timeout"
        assert over["step"] == over["max_steps"]

    watch(open_station("pin_insertion", FAST), visit)


@needs_gl
def test_pictures_of_all_cameras_arrive():
    def visit(browser):
        frame = browser.frame(lambda f: len(f["pictures"]) == 3)
        for camera in frame["pictures"]:
            status, data = browser.ask(f"picture/{camera}")
            assert status == 200
            assert struct.unpack(">II", data[16:24]) == (320, 240)

    watch(open_station("pin_insertion", FAST), visit)


class Leaving(Still):
    """Ends the view half a second after the episode began, and counts its actions."""

    def __init__(self, station, board):
        super().__init__(station)
        self.board, self.acted = board, 0

    def begin(self, observation):
        super().begin(observation)
        threading.Timer(0.5, self.board.closed.set).start()

    def act(self, observation):
        self.acted += 1
        return super().act(observation)


@needs_gl
def test_time_stands_still_while_nobody_watches():
    station, board = open_station("pin_insertion", FAST), Board()
    mover = Leaving(station, board)
    Show(station, mover, board).run()
    assert mover.acted == 1, "it waits in the middle of the first step"
    assert board.newest() == (0, b"")
    station.close()


class Blind:
    """A camera of a machine without OpenGL."""

    def __init__(self, camera):
        self.calibration, self.profile = camera.calibration, camera.profile
        self.age_s, self.begin_episode, self.close = camera.age_s, camera.begin_episode, camera.close

    def look(self, *, depth=False):
        raise MissingProgram("no OpenGL here: install libegl1")


@needs_gl
def test_without_opengl_the_arms_are_shown_and_the_pictures_say_what_is_missing():
    station = open_station("push_t_simple", FAST)
    station.reset(seed=0)
    for name, camera in list(station.setup.cameras.items()):
        station.setup.cameras[name] = Blind(camera)

    def visit(browser):
        frame = browser.frame(lambda f: len(f["missing"]) == 3 and f["step"] > 20)
        assert "install libegl1" in frame["missing"]["top"]
        assert "install libegl1" in frame["note"]
        assert frame["phase"] == "running"
        assert len(floats(frame["geoms"])) > 30

    watch(station, visit)


def test_without_an_opengl_library_the_page_shows_the_station_and_says_what_to_install():
    """In a process in which EGL finds no driver: shapes, joints, truth and a verdict, and no pictures."""
    no_driver = {"__EGL_VENDOR_LIBRARY_DIRS": "/nonexistent", "MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": ""}
    running = subprocess.Popen(
        [sys.executable, "-m", "enpire", "station", "view", "push_t_simple", "--option", "fast_reset=1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **no_driver},
    )  # fmt: skip
    try:
        browser = Browser(running.stdout.readline().strip())
        frame = browser.frame(lambda f: len(f["missing"]) == 3 and "seen" in f["evidence"])
        assert "libegl1 libgl1-mesa-dri" in frame["missing"]["right_wrist"]
        assert frame["phase"] == "running" and frame["note"] == ""
        assert abs(frame["evidence"]["distance_m"] - frame["truth"]["distance_m"]) < 0.003
        assert len(floats(frame["geoms"])) > 30
        assert browser.ask("picture/top")[0] == 404
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
        assert running.returncode == 0
        assert "no pictures: no OpenGL library" in err and "marker tracker stands in" in err
    finally:
        running.kill()
        running.wait()


# ---------------------------------------------------------------- the command


def test_the_list_names_every_station_task():
    done = enpire("station", "list")
    assert done.returncode == 0
    assert all(name in done.stdout for name in station_tasks())
    found = json.loads(enpire("station", "list", "--json").stdout)
    assert {entry["name"] for entry in found} == set(station_tasks())


def test_help_says_that_the_truth_is_shown():
    assert "truth" in enpire("station", "view", "--help").stdout


def test_a_used_port_is_one_line_on_stderr():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = enpire("station", "view", "pin_insertion", "--port", taken.getsockname()[1])
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert done.stderr.count("\n") == 1


@needs_gl
def test_a_policy_plays_in_its_sandbox_until_ctrl_c(tmp_path):
    (tmp_path / "policy.py").write_text(
        "class Policy:\n"
        "    def __init__(self, task, tools): print('hello from the policy', flush=True)\n"
        "    def reset(self, observation, instruction): self.first = observation['observation.state'].copy()\n"
        "    def select_action(self, observation):\n"
        "        self.first[0] += 0.002\n"
        "        if self.first[0] > 0.05: raise RuntimeError('enough')\n"
        "        return self.first\n"
    )
    command = [
        "station",
        "view",
        "pin_insertion",
        "--policy",
        tmp_path,
        "--option",
        "fast_reset=1",
        "--isolation",
        "none",
    ]
    running = subprocess.Popen(
        [sys.executable, "-m", "enpire", *map(str, command)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        browser = Browser(running.stdout.readline().strip())
        moving = browser.frame(lambda f: f["step"] > 10)
        assert moving["target"][0] > 0.005
        over = browser.frame(lambda f: f["phase"] == "failure")
        assert "enough" in over["note"]
        assert "hello from the policy" in browser.frame(lambda f: f["log"])["log"]
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
        assert running.returncode == 0
        assert out.endswith("ended\n")
        assert err == ""
    finally:
        running.kill()
        running.wait()
