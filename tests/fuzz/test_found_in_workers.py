"""What fuzzing found between a policy process and its station."""

import socket
import struct
import threading
from pathlib import Path

import pytest

from enpire.core.errors import PolicyFault
from enpire.rollout.worker.client import Worker
from enpire.rollout.worker.inside.protocol import ANSWER, ASK, LOADED, RESET_DONE
from enpire.rollout.worker.zygote import Ended
from tests.fuzz.workers import OBSERVATION, SIZE, SPEC, Equipment, Puppet


class Chatty(Equipment):
    """A tool with long answers."""

    def call(self, name, arguments):
        return "y" * 60_000


class Asking(dict):
    """An observation that the policy answers with questions until its socket is full."""

    def __init__(self, end):
        super().__init__(OBSERVATION)
        self._end = end

    def get(self, key, default=None):
        question = ANSWER.pack(ASK) + b'{"call": "echo"}'
        try:
            while True:
                self._end.send(question, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return super().get(key, default)


def frame(number):
    return ANSWER.pack(number) + struct.pack(f"<{SIZE}f", *[0.0] * SIZE)


def test_the_station_does_not_wait_for_a_policy_that_does_not_read():
    puppet = Puppet(Ended(-9, 0.1, True), equipped=True)
    worker = Worker(puppet, SPEC, Path("/nowhere"), 1 << 20)
    worker.equip(Chatty())
    puppet.end.send(frame(LOADED))
    worker.wait_loaded(5.0)
    faults = []

    def episode():
        try:
            worker.reset(Asking(puppet.end), 2.0)
        except PolicyFault as fault:
            faults.append(fault.reason)

    station = threading.Thread(target=episode, daemon=True)
    station.start()
    station.join(5.0)
    hangs = station.is_alive()
    puppet.end.close()  # lets a station that hangs go
    station.join(5.0)
    worker.finish()
    assert not hangs and faults == ["protocol"]


def test_an_answer_before_the_question_is_refused_even_from_a_process_that_hung_up():
    puppet = Puppet(Ended(0, 0.1, True), equipped=False)
    worker = Worker(puppet, SPEC, Path("/nowhere"), 1 << 20)
    puppet.end.send(frame(LOADED))
    puppet.end.send(frame(RESET_DONE))
    puppet.end.shutdown(socket.SHUT_RDWR)
    worker.wait_loaded(5.0)
    try:
        with pytest.raises(PolicyFault, match="protocol"):
            worker.reset(OBSERVATION, 5.0)
    finally:
        puppet.end.close()
        worker.finish()
