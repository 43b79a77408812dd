import asyncio
import threading
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from soc_copilot.detection.web.request import Request
from soc_copilot.service.gathering import BACKLOG, Gatherer
from soc_copilot.service.wire import Checked, RefusedError
from tests.unit.service.parts import PATIENCE_S, FakeScorer

Case = Callable[[Gatherer, FakeScorer], Awaitable[None]]


def one(path: str = "/") -> tuple[Checked]:
    return (Checked(Request(path=path)),)


def run(case: Case, **options: Any) -> FakeScorer:
    """Run a case against a gatherer."""
    scorer = FakeScorer()
    values: dict[str, Any] = {
        "queue_size": 10, "batch_size": 4, "batch_wait_s": 0.0, "timeout_s": PATIENCE_S,
    }  # fmt: skip

    async def main() -> None:
        gatherer = Gatherer([scorer], **(values | options))
        gatherer.start()
        try:
            await asyncio.wait_for(case(gatherer, scorer), PATIENCE_S)
        finally:
            scorer.gate.set()
            assert gatherer.stop()

    asyncio.run(main())
    return scorer


async def entered(scorer: FakeScorer) -> None:
    """Wait until a batch is being scored."""
    assert await asyncio.to_thread(scorer.entered.wait, PATIENCE_S)


def test_calls_that_wait_are_scored_together_and_answered_each_on_its_own() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        scorer.gate.clear()
        first = gatherer.submit(one("/first"))
        await entered(scorer)
        n = 4 * BACKLOG + 1
        rest = [gatherer.submit(one(f"/{i}{'attack' * (i % 2)}")) for i in range(n)]
        assert gatherer.n_waiting == n
        scorer.gate.set()
        await first
        answers = await asyncio.gather(*rest)
        assert [a[0].is_threat for a in answers] == [bool(i % 2) for i in range(n)]

    scorer = run(case, queue_size=50)
    assert [len(batch) for batch in scorer.batches] == [1, 4 * BACKLOG, 1]


def test_a_call_with_more_requests_than_a_batch_is_one_batch() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        many = tuple(Checked(Request(path=f"/{i}")) for i in range(9))
        assert len(await gatherer.submit(many)) == 9

    assert [len(batch) for batch in run(case).batches] == [9]


def test_a_full_queue_refuses_and_takes_again_when_there_is_room() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        scorer.gate.clear()
        first = gatherer.submit(one())
        await entered(scorer)
        waiting = [gatherer.submit(one()) for _ in range(3)]
        with pytest.raises(RefusedError) as caught:
            gatherer.submit(one())
        assert (caught.value.status, caught.value.code) == (503, "queue_full")
        assert caught.value.retry_after_s
        scorer.gate.set()
        await asyncio.gather(first, *waiting)
        await gatherer.submit(one())

    run(case, queue_size=3)


def test_what_takes_too_long_is_told_and_its_answer_forgotten() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        scorer.gate.clear()
        first = gatherer.submit(one())
        await entered(scorer)
        second = gatherer.submit(one("/late"))
        for future in (first, second):
            with pytest.raises(RefusedError) as caught:
                await future
            assert (caught.value.status, caught.value.code) == (504, "timeout")
        scorer.gate.set()
        await gatherer.submit(one("/after"))
        assert gatherer.n_timeouts == 2
        assert gatherer.n_dropped == 1

    scorer = run(case, timeout_s=0.2)
    assert [batch[0].request.path for batch in scorer.batches] == ["/", "/after"]


def test_a_client_that_went_away_costs_no_scoring() -> None:
    gone = SimpleNamespace(disconnected=False)

    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        scorer.gate.clear()
        first = gatherer.submit(one())
        await entered(scorer)
        gatherer.submit(one("/gone"), gone)
        cancelled = gatherer.submit(one("/cancelled"))
        last = gatherer.submit(one("/last"))
        gone.disconnected = True
        cancelled.cancel()
        scorer.gate.set()
        await asyncio.gather(first, last)
        assert gatherer.n_dropped == 2

    scorer = run(case)
    assert [c.request.path for batch in scorer.batches for c in batch] == ["/", "/last"]


def test_an_engaged_kill_switch_answers_and_scores_nothing() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        with pytest.raises(RefusedError, match="Halted by a test"):
            await gatherer.submit(one())

    assert run(case, halted=lambda: "Halted by a test.").batches == []


def test_one_request_that_cannot_be_scored_does_not_harm_the_others() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        scorer.gate.clear()
        first = gatherer.submit(one())
        await entered(scorer)
        good, bad = gatherer.submit(one("/good")), gatherer.submit(one("/fail"))
        scorer.gate.set()
        await first
        assert not (await good)[0].is_threat
        with pytest.raises(RefusedError) as caught:
            await bad
        assert (caught.value.status, caught.value.code) == (503, "failed")

    run(case)


def test_what_waits_at_the_end_is_refused() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        scorer.gate.clear()
        gatherer.submit(one())
        await entered(scorer)
        waiting = gatherer.submit(one())
        threading.Timer(0.05, scorer.gate.set).start()
        gatherer.stop()
        with pytest.raises(RefusedError, match="stopping"):
            await waiting
        with pytest.raises(RefusedError, match="stopping"):
            gatherer.submit(one())

    run(case)


def test_a_request_waits_for_company_only_while_some_may_come() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        # Waiting would last as long as the test: nobody else is there, so it does not.
        await gatherer.submit(one())
        await asyncio.gather(*(gatherer.submit(one()) for _ in range(4)))

    run(case, batch_wait_s=PATIENCE_S * 2, n_open=lambda: 1)


def test_company_that_is_there_is_waited_for() -> None:
    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        first = gatherer.submit(one())
        await asyncio.sleep(0.05)
        second = gatherer.submit(one())
        await asyncio.gather(first, second)

    scorer = run(case, batch_wait_s=PATIENCE_S * 2, n_open=lambda: 2)
    assert [len(batch) for batch in scorer.batches] == [2]


def test_each_batch_is_told_before_its_answer() -> None:
    told: list[int] = []

    async def case(gatherer: Gatherer, scorer: FakeScorer) -> None:
        await gatherer.submit(one())
        assert told == [1]

    run(case, observer=lambda requests, verdicts, seconds: told.append(len(verdicts)))
