"""Limits: refused clearly, overshot by one call at most."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.agents.gateway.budget import Account, Budget, UsedUp
from enpire.agents.gateway.messages import Limits, Phase, Price
from enpire.agents.gateway.prices import cost_at_most, cost_usd, price_of
from enpire.core.usage import Usage
from tests.agents.gateway.conftest import House, post
from tests.agents.gateway.upstream import Play, Provider, chat_stream, messages_stream, responses_stream

Build = Callable[..., House]


@given(
    limit=st.integers(1, 3000),
    calls=st.lists(st.tuples(st.integers(1, 500), st.integers(0, 500), st.integers(0, 3)), min_size=1, max_size=12),
)
def test_all_but_the_last_call_stay_below_the_limit(limit: int, calls: list[tuple[int, int, int]]) -> None:
    """Calls of any size, bounded by what they announce, that start together and end in any order."""
    account = Account("campaign", Limits(tokens=limit))
    costs: list[int] = []

    async def call(budget: Budget, cost: int, slack: int, turns: int) -> None:
        try:
            reservation = await budget.reserve((account,), cost + slack, 0.0)
        except UsedUp:
            assert account.tokens >= limit
            return
        for _ in range(turns):
            await asyncio.sleep(0)
        costs.append(cost)
        reservation.settle(cost, 0.0)

    async def everybody() -> None:
        budget = Budget()
        await asyncio.gather(*(call(budget, *each) for each in calls))

    asyncio.run(everybody())
    assert account.tokens == sum(costs) and account.calls == account.held_tokens == 0
    assert sum(costs) < limit + max(costs)
    if sum(cost for cost, _, _ in calls) < limit:
        assert len(costs) == len(calls)  # nobody was refused for what others only reserved


def test_money_counts_like_tokens() -> None:
    account = Account("idea", Limits(usd=1.0))

    async def run() -> None:
        budget = Budget()
        first = await budget.reserve((account,), 0, 0.6)
        second = await budget.reserve((account,), 0, 0.6)
        third = asyncio.create_task(budget.reserve((account,), 0, 0.1))
        await asyncio.sleep(0)
        assert not third.done()
        first.settle(0, 0.5)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not third.done()
        second.settle(0, 0.5)
        with pytest.raises(UsedUp, match=r"enpire budget: idea limit of 1\.00 USD is used up"):
            await third

    asyncio.run(run())


def test_prices() -> None:
    prices = {"mind": Price(1.0, 2.0), "mind-large": Price(10.0, 20.0, cached=1.0, cache_write=12.5)}
    usage = Usage(input=1000, cached=600, cache_write=100, output=10)
    assert cost_usd(usage, price_of("mind-large-2", prices)) == pytest.approx((3000 + 600 + 1250 + 200) / 1e6)
    assert cost_usd(usage, price_of("mind-small", prices)) == pytest.approx((1000 + 20) / 1e6)
    assert cost_usd(usage, price_of("other", prices)) == 0.0
    assert cost_at_most(1000, 10, prices["mind-large"]) == pytest.approx((12500 + 200) / 1e6)


@pytest.mark.parametrize("dialect", ["responses", "messages", "chat"])
def test_a_used_up_session_is_refused_with_400(house: Build, dialect: str) -> None:
    play = {"responses": responses_stream(), "messages": messages_stream(), "chat": chat_stream()}[dialect]
    path = {"responses": "v1/responses", "messages": "v1/messages", "chat": "v1/chat/completions"}[dialect]
    h = house(Provider(play))
    url = h.open(dialect, per_session=Limits(tokens=1500))
    statuses = [post(f"{url}/{path}", {"stream": True, "model": "m"}).status_code for _ in range(6)]
    calls = [h.call() for _ in statuses]
    assert [call.status for call in calls] == statuses
    total, each = sum(call.usage.total for call in calls), calls[0].usage.total
    assert 1500 <= total < 1500 + each
    assert statuses == [200] * (total // each) + [400] * (6 - total // each)
    answer = post(f"{url}/{path}", {})
    assert answer.json()["error"]["message"] == "enpire budget: session limit of 1500 tokens is used up"
    assert answer.json()["error"]["type"] == "invalid_request_error"
    refused = h.call()
    assert (refused.usage, refused.dialect, refused.error) == (Usage(), dialect, answer.json()["error"]["message"])
    assert len(h.provider.seen) == total // each


def test_a_new_idea_begins_at_zero_and_the_session_goes_on(house: Build) -> None:
    h = house(Provider(responses_stream(read=100, cached=0, written=0)))
    url = f"{h.open(per_idea=Limits(tokens=100), per_session=Limits(tokens=200))}/v1/responses"
    assert [post(url, {}).status_code for _ in range(2)] == [200, 400]
    h.gateway.phase(Phase("s1", "wait", new_idea=True))
    h.open(name="s2")
    answers = [post(url, {}), post(url, {})]
    assert [a.status_code for a in answers] == [200, 400]
    assert "session limit of 200" in answers[1].text


def test_the_campaign_counts_what_was_spent_before(house: Build) -> None:
    h = house(Provider(responses_stream()), limits=Limits(tokens=5000), spent_tokens=5000)
    answer = post(f"{h.open()}/v1/responses", {})
    assert answer.json()["error"]["message"] == "enpire budget: campaign limit of 5000 tokens is used up"
    assert h.provider.seen == []


def test_eight_agents_at_once_overshoot_the_campaign_by_one_call_at_most(house: Build) -> None:
    play = responses_stream(read=400, cached=0, written=40)
    h = house(Provider(Play(play.chunks, pause_s=0.01)), limits=Limits(tokens=9000))
    urls = [f"{h.open(name=f's{n}')}/v1/responses" for n in range(8)]
    answers: list[Any] = []

    def agent(url: str) -> None:
        while (answer := post(url, {"stream": True, "max_output_tokens": 60, "input": "x" * 900})).status_code == 200:
            answers.append(answer)

    threads = [threading.Thread(target=agent, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == -(-9000 // 440)  # all that fit, and the one that passes the limit
    assert all(answer.content == play.body for answer in answers)
    assert 2 <= h.provider.most_open <= 8  # while there is room they run together
    calls = [h.call() for _ in range(len(answers) + 8)]
    assert sum(call.usage.total for call in calls) == len(answers) * 440
    assert [call.status for call in calls].count(400) == 8


def test_an_agent_that_waits_for_others_is_let_in_when_they_fail(house: Build) -> None:
    """Reservations of failed calls come free."""
    h = house(Provider(Play([b"{}"], 500, "application/json", pause_s=0.05)), limits=Limits(tokens=10))
    urls = [f"{h.open(name=f's{n}')}/v1/responses" for n in range(3)]
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda u=u: statuses.append(post(u, {}).status_code)) for u in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [500] * 3
    assert h.provider.most_open == 1
