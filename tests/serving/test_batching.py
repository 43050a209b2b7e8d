"""The thread that owns the model: who waits together, who fails alone, who is dropped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from polycypher.errors import ModelError, PolycypherError, UsageError
from polycypher.fusion.modes import Mode
from polycypher.schema import GraphSchema
from polycypher.serving.batching import Batcher
from polycypher.translator.translator import Request, Translation

SCHEMA = GraphSchema({"Movie": {"title": "STRING"}})


def _request(question: str) -> Request:
    return Request(question, SCHEMA)


def _made(request: Request) -> Translation:
    return Translation(
        request.question, f"RETURN '{request.question}'", {"en": 1.0}, Mode.TOP1, 1, True, (), 0, 0, 0
    )


class Model:
    """Stands where a model would: translates when it is let, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.let = threading.Event()

    def translate_batch(self, requests: Sequence[Request]) -> list[Translation | PolycypherError]:
        self.batches.append([request.question for request in requests])
        assert self.let.wait(30)
        made: list[Translation | PolycypherError] = []
        for request in requests:
            if request.question == "crash":
                raise RuntimeError("the model fell over")
            made.append(UsageError("bad") if request.question == "bad" else _made(request))
        return made


async def _until(happened: Callable[[], bool]) -> None:
    while not happened():
        await asyncio.sleep(0.005)


def test_what_waits_is_translated_together_up_to_the_size() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.translate_batch, size=4)
        first = asyncio.create_task(batcher.translate(_request("0")))
        await _until(lambda: bool(model.batches))
        others = [asyncio.create_task(batcher.translate(_request(str(n)))) for n in range(1, 8)]
        await _until(lambda: batcher.waiting == 7)
        model.let.set()
        made = await asyncio.gather(first, *others)
        assert [one.cypher for one in made] == [f"RETURN '{n}'" for n in range(8)]
        assert model.batches == [["0"], ["1", "2", "3", "4"], ["5", "6", "7"]]
        batcher.close()

    asyncio.run(work())


def test_a_bad_question_fails_alone_also_if_it_brings_the_model_down() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.translate_batch, size=8)
        tasks = [asyncio.create_task(batcher.translate(_request(q))) for q in ("a", "bad", "crash", "b")]
        await asyncio.sleep(0)
        model.let.set()
        a, bad, crash, b = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(a, Translation)
        assert isinstance(b, Translation)
        assert isinstance(bad, UsageError)
        assert isinstance(crash, ModelError)
        assert "fell over" not in str(crash)
        assert batcher.alive
        batcher.close()

    asyncio.run(work())


def test_a_question_nobody_waits_for_is_not_translated() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.translate_batch, size=1)
        first = asyncio.create_task(batcher.translate(_request("first")))
        await _until(lambda: bool(model.batches))
        dropped = asyncio.create_task(batcher.translate(_request("dropped")))
        last = asyncio.create_task(batcher.translate(_request("last")))
        await _until(lambda: batcher.waiting == 2)
        dropped.cancel()
        await asyncio.sleep(0)
        model.let.set()
        await asyncio.gather(first, last)
        assert model.batches == [["first"], ["last"]]
        batcher.close()

    asyncio.run(work())


def test_closing_drops_what_waits_and_takes_no_more() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.translate_batch, size=1)
        first = asyncio.create_task(batcher.translate(_request("first")))
        await _until(lambda: bool(model.batches))
        waiting = asyncio.create_task(batcher.translate(_request("waiting")))
        await _until(lambda: batcher.waiting == 1)
        closing = asyncio.get_running_loop().run_in_executor(None, batcher.close, 60)
        await _until(lambda: batcher.waiting == 0)
        model.let.set()
        await closing
        assert isinstance(await first, Translation), "the batch in work ends"
        with pytest.raises(ModelError):
            await waiting
        with pytest.raises(ModelError):
            await batcher.translate(_request("late"))
        assert not batcher.alive

    asyncio.run(work())


def test_batches_are_told_with_the_times_waited() -> None:
    async def work() -> None:
        model = Model()
        told: list[tuple[int, int]] = []
        batcher = Batcher(
            model.translate_batch, size=8, watch=lambda size, waits: told.append((size, len(waits)))
        )
        model.let.set()
        taken: list[bool] = []
        await batcher.translate(_request("a"), lambda: taken.append(True))
        assert told == [(1, 1)]
        assert taken == [True]
        assert batcher.seconds_each > 0
        batcher.close()

    asyncio.run(work())
