"""Patience: how long an answer of Redis is awaited."""

import asyncio
import time

import pytest

from billing_redis.patience import SLICES, Patience


async def test_silence_is_given_up_on_when_the_time_is_over() -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with Patience(0.05):
            await asyncio.Event().wait()
    assert time.monotonic() - begun >= 0.05


async def test_an_answer_in_time_is_taken_and_nothing_comes_after_it() -> None:
    async with Patience(0.05):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


async def test_for_as_long_as_the_process_is_held_up_nobody_is_given_up_on() -> None:
    """What had come meanwhile is found afterwards."""
    answered = asyncio.Event()
    asyncio.get_running_loop().call_later(0.08, answered.set)
    async with Patience(0.05):
        await asyncio.sleep(0.02)
        time.sleep(0.1)  # noqa: ASYNC251 - the whole process
        await answered.wait()


async def test_to_be_held_up_again_and_again_takes_nothing_of_the_time() -> None:
    """More often than there are slices: none of those counts that end while nobody could have listened."""
    async with Patience(0.05):
        for _ in range(3 * SLICES):
            time.sleep(0.03)  # noqa: ASYNC251 - the whole process
            await asyncio.sleep(0)


async def test_a_process_that_is_held_up_all_the_time_gives_up_too() -> None:
    """After four times the time: whoever waits is not to wait for ever."""
    busy = True

    async def hold_up() -> None:
        while busy:
            time.sleep(0.02)  # noqa: ASYNC251 - twice as long as each slice is
            await asyncio.sleep(0)

    holding_up = asyncio.create_task(hold_up())
    with pytest.raises(TimeoutError):
        async with Patience(0.05):
            await asyncio.Event().wait()
    busy = False
    await holding_up


async def test_whoever_is_cancelled_is_cancelled() -> None:
    async def wait() -> None:
        async with Patience(0.05):
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
