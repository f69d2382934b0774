"""`enpire station`: the page as a browser meets it, the guards around it, and the command from start to Ctrl-C."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib
from urllib.parse import urlsplit

import numpy as np
import pytest

from enpire.core import registry
from enpire.core.errors import BadInput, MissingProgram, UnknownName
from enpire.dashboard.station_view.board import Board, Order
from enpire.dashboard.station_view.opening import open_station, station_tasks
from enpire.dashboard.station_view.picture import png
from enpire.dashboard.station_view.players import Still
from enpire.dashboard.station_view.scene import target
from enpire.dashboard.station_view.server import PAGE, PageServer
from enpire.dashboard.station_view.show import Show
from enpire.simulation.rendering import gl_missing
from tests.cli.test_commands import enpire

needs_gl = pytest.mark.skipif(bool(gl_missing()), reason="needs OpenGL for the cameras")
FAST = {"fast_reset": 1.0, "level": 0.0}


class Browser:
    """Opens the page's stream of frames and presses buttons."""

    def __init__(self, address):
        parts = urlsplit(address)
        self.host, self.root = parts.netloc, parts.path
        self.stream = None

    def ask(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request(method, self.root + path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def order(self, kind, value=0.0):
        body = json.dumps({"kind": kind, "value": value})
        status, text = self.ask("order", "POST", body, **{"Content-Type": "application/json"})
        assert status == 204, text

    def frame(self, wanted=lambda frame: True):
        """The next frame that is as wanted."""
        if self.stream is None:
            connection = http.client.HTTPConnection(self.host, timeout=60)
            connection.request("GET", self.root + "frames")
            self.stream = connection.getresponse()
        for _ in range(1000):
            line = self.stream.readline()
            if line.startswith(b"data: {"):
                frame = json.loads(line[6:])
                if wanted(frame):
                    return frame
            assert line, "the stream ended"
        raise AssertionError("no such frame among 1000 lines")


@pytest.fixture
def board():
    return Board()


@pytest.fixture
def page(board):
    with PageServer(board) as server:
        yield Browser(server.address)


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


# ---------------------------------------------------------------- the server and its guards


def test_the_page_and_all_that_it_names_are_served(page):
    status, html = page.ask("")
    assert status == 200
    assert b"<canvas" in html
    for path in PAGE.iterdir():
        assert page.ask(path.name) == (200, path.read_bytes())


@pytest.mark.parametrize("path", ["../index.html", "%2e%2e/server.py", "server.py", "picture/top", "nothing"])
def test_nothing_else_is_served(page, path):
    assert page.ask(path)[0] == 404


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "127.0.0.1:1", "localhost.example.org:80", ""])
def test_other_host_names_are_refused(page, host):
    assert page.ask("", Host=host)[0] in (400, 403)


def test_other_origins_give_no_orders(page, board):
    body, kind = '{"kind": "pause"}', {"Content-Type": "application/json"}
    assert page.ask("order", "POST", body, Origin="http://example.org", **kind)[0] == 403
    assert page.ask("order", "POST", body, **{"Content-Type": "text/plain"})[0] == 415
    assert board.orders.empty()
    assert page.ask("order", "POST", body, Origin=f"http://{page.host}", **kind)[0] == 204
    assert board.orders.get_nowait() == Order(kind="pause")


def test_without_the_secret_there_is_nothing(page):
    page.root = "/"
    assert {page.ask(path)[0] for path in ("", "index.html", "frames", "shapes")} == {404}


@pytest.mark.parametrize(
    "body", ["", "[]", '{"kind": "jump"}', '{"kind": "speed", "value": "x"}', '{"kind": "pause", "a": 1}', "x" * 2000]
)
def test_what_is_not_an_order_is_refused(page, board, body):
    assert page.ask("order", "POST", body, **{"Content-Type": "application/json"})[0] == 400
    assert board.orders.empty()


def test_it_listens_on_loopback_only(page):
    port = int(page.host.split(":")[1])
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))  # free, so nobody listens on all addresses


def test_a_used_port_is_named_with_the_way_out(board):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match=f"port {taken.getsockname()[1]} .* in use .* --port"):
            PageServer(board, taken.getsockname()[1])


# ---------------------------------------------------------------- pictures, targets, names


def test_a_picture_survives_as_png():
    rgb = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    data = png(rgb)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    parts, rest = {}, data[8:]
    while rest:
        size, kind = struct.unpack(">I4s", rest[:8])
        body = rest[8 : 8 + size]
        assert struct.unpack(">I", rest[8 + size : 12 + size]) == (zlib.crc32(kind + body),)
        parts[kind], rest = body, rest[12 + size :]
    assert parts[b"IHDR"] == struct.pack(">IIBBBBB", 5, 7, 8, 2, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(7, 16)
    assert (rows[:, 0] == 0).all()
    assert np.array_equal(rows[:, 1:].reshape(7, 5, 3), rgb)


def test_the_target_is_the_goal_outline_turned_and_moved():
    scene = {"goal_pose": [1.0, 2.0, np.pi / 2], "block_polygons_m": [[[0.1, 0.0], [0.0, 0.1], [0.0, 0.0]]]}
    (outline,) = target(scene)
    assert np.allclose(np.array(outline)[:, :2], [[1.0, 2.1], [0.9, 2.0], [1.0, 2.0]])


def test_the_target_is_a_ring_around_the_hole():
    (ring,) = target({"hole_m": [0.3, -0.1], "box_top_m": 0.04, "hole_radius_m": 0.002})
    assert np.allclose(np.mean(ring, axis=0), [0.3, -0.1, 0.041])


def test_no_target_is_drawn_for_a_scene_that_names_none():
    assert target({"kind": "else"}) == []


def test_every_task_of_a_folder_is_a_station_task_or_not():
    assert {"pin_insertion", "push_t", "push_t_simple"} <= set(station_tasks()) <= set(registry.names("task"))
    assert all(station_tasks().values())


def test_a_task_without_a_station_is_refused():
    with pytest.raises(BadInput, match="pin_insertion"):
        open_station("tests.rollout.toy:PointTask", {})
    with pytest.raises(UnknownName, match="pin_insertion"):
        open_station("pin", {})
    with pytest.raises(BadInput, match="on the page"):
        open_station("pin_insertion", {"pace": 1.0})


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
