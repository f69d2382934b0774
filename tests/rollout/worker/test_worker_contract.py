"""What an honest policy gets, and how each way of breaking the contract is named."""

import time

import numpy as np
import pytest
from worker_support import SPEC, Prepare, act, begin, observe, policy, write_candidate

from enpire.core.errors import BadInput, EnvironmentFault, PolicyFault
from enpire.core.records import ActionSpec, TaskSpec
from enpire.rollout.worker.pool import WorkerPool


def test_an_honest_policy_is_called_as_promised(prepare: Prepare) -> None:
    worker = begin(
        prepare(
            policy(
                init="self.task = task",
                reset="self.instruction = instruction; self.first = observation['observation.state']",
                select="""
                state, image = observation['observation.state'], observation['observation.images.top']
                ok = self.instruction == self.task['instruction'] and 'manifest' not in self.task
                return np.array([state.sum(), image.mean(), ok, self.first[0]])
                """,
            )
        )
    )
    assert act(worker, 0, 2.0) == [12.0, 2.0, 1.0, 0.0]
    assert act(worker, 1, 3.0) == [18.0, 3.0, 1.0, 0.0]
    report = worker.finish()
    assert report.exit_code == -9
    assert 0.0 < report.cpu_s < 10.0


def test_small_arrays_are_copies_and_images_are_read_only(prepare: Prepare) -> None:
    worker = begin(
        prepare(
            policy(
                init="self.kept = []",
                select="""
                self.kept.append(observation['observation.state'])
                observation['observation.state'] += 100
                return [self.kept[0][0], observation['observation.images.top'].flags.writeable, len(observation), 0]
                """,
            )
        )
    )
    assert act(worker, 0, 1.0) == [101.0, 0.0, 2.0, 0.0]
    assert act(worker, 1, 5.0) == [101.0, 0.0, 2.0, 0.0]


def test_each_episode_starts_fresh_and_with_the_same_random_numbers(prepare: Prepare) -> None:
    source = policy(
        top="count = 0; import random",
        select="global count; count += 1; return [count, np.random.rand(), random.random(), hash('x') % 1000]",
    )
    first, second = (act(begin(prepare(source))) for _ in range(2))
    assert first == second
    assert first is not None and first[0] == 1.0


def test_a_candidate_uses_its_own_modules_and_files(pool: WorkerPool) -> None:
    source = policy(
        top="from blocks import gain; from scipy.linalg import solve; from probes import mine",
        select="return [gain.VALUE, float(open('gain.toml').read()), solve(np.eye(2), np.ones(2))[0], mine]",
    )
    candidate = write_candidate(pool.candidates, source)
    (candidate / "blocks").mkdir()
    (candidate / "blocks" / "gain.py").write_text("VALUE = 3.0")
    (candidate / "gain.toml").write_text("7")
    (candidate / "probes.py").write_text("mine = 5")
    worker = begin(pool.prepare(candidate, SPEC))
    assert act(worker) == [3.0, 7.0, 1.0, 5.0]
    worker.finish()


def test_threads_of_a_policy_end_with_it(prepare: Prepare) -> None:
    source = policy(
        top="import threading",
        init="threading.Thread(target=lambda: time.sleep(1000)).start()",
        select="return [threading.active_count(), 0, 0, 0]",
    )
    worker = begin(prepare(source))
    assert act(worker) == [2.0, 0.0, 0.0, 0.0]
    begun = time.monotonic()
    worker.finish()
    assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("class Policy(:\n", "load"),
        ("import no_such_module\n", "load"),
        ("x = 1\n", "load"),
        (policy(init="raise ValueError('bad')"), "load"),
        (policy(top="os._exit(0)"), "load"),
        (policy(top="sys.exit(3)"), "load"),
        (policy(top="ctypes.string_at(0)"), "load"),
        (policy(reset="raise ValueError('bad')"), "raised"),
        (policy("raise ValueError('bad')"), "raised"),
        (policy("return [float('nan')] * 4"), "nonfinite"),
        (policy("return [1e300] * 4"), "nonfinite"),
        (policy("return [0.0, 0.0, 0.0, -np.inf]"), "nonfinite"),
        (policy("return [0.0] * 3"), "shape"),
        (policy("return [0.0] * 5"), "shape"),
        (policy("return 'left'"), "shape"),
        (policy("return None"), "shape"),
        (policy("return [[0.0], [0.0, 1.0]]"), "shape"),
        (policy("os._exit(0)"), "exited"),
        (policy("os._exit(80)"), "exited"),
        (policy("os._exit(81)"), "exited"),
        (policy("sys.exit(0)"), "exited"),
        (policy("os.abort()"), "exited"),
        (policy("ctypes.string_at(0)"), "exited"),
        (policy("os.close(3); time.sleep(100)"), "exited"),
        (policy("os.write(3, b'{\"success\": true}'); time.sleep(100)"), "protocol"),
        (policy("os.write(3, b''); time.sleep(100)"), "protocol"),
        (policy("os.write(3, b'x' * 100000); time.sleep(100)"), "protocol"),
        (policy("os.write(3, (7).to_bytes(8, 'little') + bytes(16)); time.sleep(100)"), "protocol"),
        (policy("os.write(3, (2**64 - 2).to_bytes(8, 'little') + bytes(16)); time.sleep(100)"), "protocol"),
        (policy("while True: os.write(3, b'flood')"), "protocol"),
        (policy(init="os.write(3, bytes(24)); time.sleep(100)"), "protocol"),
    ],
)
def test_a_broken_contract_is_named(prepare: Prepare, source: str, reason: str) -> None:
    worker = prepare(source)
    with pytest.raises(PolicyFault) as fault:
        act(begin(worker))
    assert fault.value.reason == reason
    begun = time.monotonic()
    worker.finish()
    assert time.monotonic() - begun < 2.0


def test_an_answer_nobody_asked_for_is_found_at_the_next_request(prepare: Prepare) -> None:
    frame = "(1).to_bytes(8, 'little') + bytes(16)"
    worker = begin(
        prepare(
            policy(f"import threading; threading.Timer(0.05, lambda: os.write(3, {frame})).start(); return [0] * 4")
        )
    )
    assert act(worker) == [0.0] * 4
    time.sleep(0.5)
    with pytest.raises(PolicyFault) as fault:
        worker.request(1, observe())
    assert fault.value.reason == "protocol"


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(100)", "ctypes.CDLL(None).pause()"])
def test_a_late_action_is_none_and_the_worker_can_be_stopped(prepare: Prepare, body: str) -> None:
    worker = begin(prepare(policy(body)))
    assert act(worker, timeout_s=0.1) is None
    assert worker.receive(0.0) is None
    begun = time.monotonic()
    report = worker.finish()
    assert time.monotonic() - begun < 2.0
    assert report.exit_code == -9
    assert worker.finish() is report


def test_a_late_action_arrives_later(prepare: Prepare) -> None:
    worker = begin(prepare(policy("time.sleep(0.3); return [1, 2, 3, 4]")))
    assert act(worker, 5, timeout_s=0.05) is None
    assert worker.receive(20) == pytest.approx(np.array([1, 2, 3, 4]))


@pytest.mark.parametrize(
    ("source", "loads"), [(policy(top="time.sleep(100)"), False), (policy(reset="time.sleep(100)"), True)]
)
def test_hanging_while_loading_or_resetting_is_a_deadline(prepare: Prepare, source: str, loads: bool) -> None:
    worker = prepare(source)
    with pytest.raises(PolicyFault) as fault:
        worker.wait_loaded(20.0 if loads else 0.3)
        worker.reset(observe(), 0.3)
    assert fault.value.reason == "deadline"


def test_the_log_keeps_the_end_of_a_chatty_policy(prepare: Prepare) -> None:
    worker = begin(
        prepare(policy("print('x' * 1_000_000); print('\\x1b[31mred\\x07 \\u202e'); raise ValueError('the end')"))
    )
    with pytest.raises(PolicyFault, match="raised: ValueError: the end"):
        act(worker)
    tail = worker.finish().log_tail
    assert len(tail) == 2000
    assert tail.endswith("ValueError: the end\n")
    assert "[31mred" in tail
    assert not any(character in tail for character in "\x1b\x07\u202e")


def test_printing_a_lot_does_no_harm(prepare: Prepare) -> None:
    worker = begin(prepare(policy("for i in range(20000): print(i, 'y' * 50)\nreturn [0] * 4")))
    assert act(worker) == [0.0] * 4
    assert "19999 yyy" in worker.finish().log_tail


def test_raw_output_is_capped(prepare: Prepare) -> None:
    source = policy("""
    written = 0
    try:
        for _ in range(100):
            written += os.write(1, b'z' * 10_000)
    except OSError:
        pass
    return [written, 0, 0, 0]
    """)
    written = act(begin(prepare(source)))
    assert written is not None and written[0] <= 80_000


def test_a_memory_bomb_fails_alone(prepare: Prepare) -> None:
    worker = begin(prepare(policy("self.hoard = [np.ones(1 << 28) for _ in range(64)]; return [0] * 4")))
    with pytest.raises(PolicyFault) as fault:
        act(worker)
    assert fault.value.reason in ("raised", "exited")
    assert act(begin(prepare(policy()))) == [0.0] * 4


def test_calls_out_of_order_are_our_own_mistake(prepare: Prepare) -> None:
    worker = prepare(policy())
    with pytest.raises(RuntimeError):
        worker.request(0, observe())
    begin(worker)
    with pytest.raises(RuntimeError):
        worker.receive(0.0)
    worker.request(0, observe())
    with pytest.raises(RuntimeError):
        worker.request(1, observe())
    worker.finish()
    with pytest.raises(RuntimeError):
        worker.receive(0.0)


def test_a_wrong_observation_is_the_environments_fault(prepare: Prepare) -> None:
    worker = begin(prepare(policy()))
    for broken in (
        {},
        {**observe(), "observation.state": np.zeros(5)},
        {**observe(), "observation.state": np.array(["a"] * 6)},
    ):
        with pytest.raises(EnvironmentFault, match=r"observation\."):
            worker.request(0, broken)
    assert act(worker) == [0.0] * 4


def test_an_observation_may_be_empty(pool: WorkerPool) -> None:
    spec = TaskSpec(
        name="blind",
        instruction="",
        observation={},
        action=ActionSpec(size=1, low=(0,), high=(1,)),
        period_s=1,
        max_steps=1,
    )
    worker = pool.prepare(write_candidate(pool.candidates, policy("return len(observation)")), spec)
    worker.wait_loaded(20)
    worker.reset({}, 20)
    worker.request(0, {})
    assert worker.receive(20) == pytest.approx(np.zeros(1))
    worker.finish()


def test_a_candidate_must_lie_in_the_candidates_folder(pool: WorkerPool) -> None:
    for folder in (pool.candidates.parent, pool.candidates, pool.candidates / ".." / "elsewhere"):
        with pytest.raises(BadInput, match="not below"):
            pool.prepare(folder, SPEC)
