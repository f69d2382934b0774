"""The server of `enpire station view`: what it gives, the guards around it, pictures and targets."""

import socket
import struct
import zlib

import numpy as np
import pytest

from enpire.core import registry
from enpire.core.errors import BadInput, UnknownName
from enpire.dashboard.station_view.board import Board, Order
from enpire.dashboard.station_view.opening import open_station, station_tasks
from enpire.dashboard.station_view.picture import png
from enpire.dashboard.station_view.scene import target
from enpire.dashboard.station_view.server import PAGE, PageServer
from enpire.simulation.rendering import gl_missing
from tests.dashboard.browser import Browser

needs_gl = pytest.mark.skipif(bool(gl_missing()), reason="needs OpenGL for the cameras")
FAST = {"fast_reset": 1.0, "level": 0.0}


@pytest.fixture
def board():
    return Board()


@pytest.fixture
def page(board):
    with PageServer(board) as server:
        yield Browser(server.address)


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
