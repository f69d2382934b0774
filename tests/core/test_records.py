import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.core.clock import VirtualClock
from enpire.core.config import CampaignConfig, Objective
from enpire.core.errors import BadInput
from enpire.core.records import ActionSpec, Proposal, Ticket, decode, encode

text = st.text(max_size=30)


@given(st.builds(Ticket, id=st.integers(1, 10**9), candidate=text, seed=st.integers(0, 2**31), study=text))
def test_a_ticket_survives_json(ticket):
    assert decode(encode(ticket), Ticket) == ticket


@given(
    st.builds(
        Proposal,
        hypothesis=text,
        variants=st.lists(st.dictionaries(text, st.floats(allow_nan=False, allow_infinity=False)), max_size=3).map(
            tuple
        ),
    )
)
def test_a_proposal_survives_json(proposal):
    assert decode(encode(proposal), Proposal) == proposal


def test_encoding_is_canonical():
    config = CampaignConfig(task="t", options={"b": 1.0, "a": 2.0})
    assert encode(config) == encode(CampaignConfig(options={"a": 2.0, "b": 1.0}, task="t"))


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"id": 1}', b'{"id": "x"}'])
def test_bad_json_is_bad_input(data):
    with pytest.raises(BadInput, match="not a valid Ticket"):
        decode(data, Ticket)


@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=2))
def test_clipped_actions_are_inside_the_box(values):
    spec = ActionSpec(size=2, low=(-1.0, 0.0), high=(1.0, 3.0), discrete=(0, 4))
    clipped = spec.clip(np.array(values))
    assert np.all(clipped >= spec.low) and np.all(clipped <= spec.high)
    assert clipped[1] == int(clipped[1])


def test_objective_is_in_the_unit_interval_and_prefers_speed():
    from tests.ledger.make import episode

    objective = Objective()
    slow = objective.utility(episode(1, result="success", progress=1.0, steps=300), 300)
    fast = objective.utility(episode(1, result="success", progress=1.0, steps=30), 300)
    assert 0.0 <= slow < fast <= 1.0
    assert objective.utility(episode(1, result="failure", progress=0.5, steps=300), 300) == pytest.approx(0.1)


def test_virtual_time_passes_only_while_waiting():
    import queue

    clock, inbox = VirtualClock(), queue.SimpleQueue()
    inbox.put("message")
    assert clock.receive(inbox, 5.0) == "message" and clock.now() == 0.0
    assert clock.receive(inbox, 5.0) is None and clock.now() == 5.0
