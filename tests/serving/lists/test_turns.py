import asyncio
from collections.abc import Callable
from functools import partial
from time import sleep
from typing import Any

from serving.lists.turns import QueueLimits, Turns
from serving.observability import REQUEST_ID, Metrics


def turns(**limits: Any) -> Turns:
    return Turns(Metrics(), QueueLimits(**{"length": 3, "wait_ms": 10_000, "surplus": 2, **limits}))


def run(many: Turns, works: list[Callable[[], Any]]) -> list[Any]:
    """All at once; what was raised stands in its place."""

    async def everything() -> list[Any]:
        return await asyncio.gather(*map(many.run, works), return_exceptions=True)

    return asyncio.run(everything())


def test_first_come_first_served_and_each_gets_its_own() -> None:
    order: list[int] = []

    def work(number: int) -> Callable[[], int]:
        return lambda: order.append(number) or number * 10  # type: ignore[func-returns-value]

    assert run(turns(), [work(number) for number in range(6)]) == [0, 10, 20, 30, 40, 50]
    assert order == list(range(6))


def test_what_fails_fails_for_its_caller_alone() -> None:
    def fail() -> None:
        raise ValueError("no")

    first, second, third, fourth = run(turns(), [fail, lambda: 2, fail, lambda: 4])
    assert (second, fourth) == (2, 4)
    assert isinstance(first, ValueError)
    assert isinstance(third, ValueError)


def test_it_is_full_when_as_many_wait_as_may() -> None:
    async def check() -> None:
        many = turns()
        tasks = [asyncio.create_task(many.run(lambda: None)) for _ in range(4)]
        assert not many.full
        await asyncio.sleep(0)
        assert many.full  # one was made at once, three wait
        await asyncio.gather(*tasks)
        assert not many.full

    asyncio.run(check())


def test_it_is_full_when_the_wait_would_be_too_long_and_only_then() -> None:
    async def check(wait_ms: float) -> bool:
        many = turns(wait_ms=wait_ms)
        many._usual_s = 0.010
        tasks = [asyncio.create_task(many.run(lambda: None)) for _ in range(3)]
        await asyncio.sleep(0)
        full = many.full
        await asyncio.gather(*tasks)
        return full

    assert asyncio.run(check(wait_ms=15))
    assert not asyncio.run(check(wait_ms=25))


def test_cheap_answers_are_given_out_by_the_turn() -> None:
    async def check() -> None:
        many = turns()
        assert [many.take_surplus() for _ in range(3)] == [True, True, False]
        await many.run(lambda: None)
        await asyncio.sleep(0)
        assert many.take_surplus()

    asyncio.run(check())


def test_who_has_gone_is_passed_over() -> None:
    made: list[str] = []

    async def check() -> None:
        many = turns()
        tasks = [asyncio.create_task(many.run(lambda name=name: made.append(name))) for name in "abc"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await many.run(lambda: made.append("d"))

    asyncio.run(check())
    assert made == ["a", "c", "d"]


def test_work_that_waited_is_done_in_its_callers_name() -> None:
    async def caller(many: Turns, name: str) -> str:
        REQUEST_ID.set(name)
        return await many.run(REQUEST_ID.get)

    async def check() -> list[str]:
        many = turns()
        return await asyncio.gather(*(asyncio.create_task(caller(many, name)) for name in ("r1", "r2", "r3")))

    assert asyncio.run(check()) == ["r1", "r2", "r3"]


def test_who_waits_for_something_else_first_takes_a_place_from_the_beginning() -> None:
    async def check() -> None:
        many, there = turns(), asyncio.Event()

        async def need() -> str:
            await there.wait()
            return "shopper"

        tasks = [asyncio.create_task(many.run_with(need(), str.upper)) for _ in range(4)]
        assert not many.full
        await asyncio.sleep(0)
        assert many.full
        there.set()
        assert await asyncio.gather(*tasks) == ["SHOPPER"] * 4
        assert not many.full

    asyncio.run(check())


def test_who_does_not_get_what_he_needs_gives_his_place_back() -> None:
    async def check() -> None:
        many = turns()

        async def need() -> str:
            raise ValueError("no")

        found = await asyncio.gather(
            *(many.run_with(need(), str.upper) for _ in range(9)), return_exceptions=True
        )
        assert [type(each) for each in found] == [ValueError] * 9
        assert not many.full
        assert await many.run(lambda: 1) == 1

    asyncio.run(check())


def test_the_parts_of_a_long_answer_let_one_other_pass_each() -> None:
    order: list[str] = []

    def make(name: str) -> None:
        sleep(0.005)  # so that a turn of the loop makes one
        order.append(name)

    async def check() -> None:
        many = turns(length=100)

        async def hall() -> None:
            for part in range(3):
                await many.run(partial(make, f"part {part}"), goes_on=part > 0)

        lists = [many.run(partial(make, name)) for name in "abcdefghijkl"]
        await asyncio.gather(hall(), *lists)

    asyncio.run(check())
    assert order.index("part 2") <= 6
    assert [name for name in order if len(name) == 1] == list("abcdefghijkl")
    assert [name for name in order if len(name) > 1] == ["part 0", "part 1", "part 2"]
