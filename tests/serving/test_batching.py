"""The thread that owns the model: who waits together, who fails alone, who is dropped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence

import pytest

from polycypher.errors import ModelError, UsageError
from polycypher.fusion.modes import Mode
from polycypher.schema import GraphSchema
from polycypher.serving.batching import Batcher
from polycypher.translator.translating import Outcome
from polycypher.translator.translator import Request, Translation

SCHEMA = GraphSchema({"Movie": {"title": "STRING"}})


def _request(question: str) -> Request:
    return Request(question, SCHEMA)


def _made(request: Request) -> Translation:
    return Translation(
        request.question, f"RETURN '{request.question}'", {"en": 1.0}, Mode.TOP1, 1, True, (), 0, 0, 0
    )


class Model:
    """Stands where a model would: writes a letter of each question a step once it is let, and remembers who
    was in work together."""

    def __init__(self) -> None:
        self.joined: list[list[str]] = []
        self.together: list[list[str]] = []
        self.let = threading.Event()
        self.crash_when_dropped = False

    def start(self) -> Writing:
        return Writing(self)


class Writing:
    """The model's work: see `polycypher.serving.batching.Work`."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._inside: dict[int, tuple[Request, int]] = {}
        self._count = 0

    @property
    def requests(self) -> int:
        return len(self._inside)

    def add(self, requests: Sequence[Request]) -> tuple[list[int], list[tuple[int, Outcome]]]:
        self._model.joined.append([request.question for request in requests])
        assert self._model.let.wait(30)
        numbers = list(range(self._count, self._count + len(requests)))
        self._count += len(requests)
        finished: list[tuple[int, Outcome]] = []
        for number, request in zip(numbers, requests, strict=True):
            if request.question == "bad":
                finished.append((number, UsageError("bad")))
            else:
                self._inside[number] = request, len(request.question)
        return numbers, finished

    def step(self) -> list[tuple[int, Outcome]]:
        assert self._model.let.wait(30)
        self._model.together.append([request.question for request, _ in self._inside.values()])
        if any(request.question == "crash" for request, _ in self._inside.values()):
            raise RuntimeError("the model fell over")
        self._inside = {number: (request, left - 1) for number, (request, left) in self._inside.items()}
        ended = [number for number, (_, left) in self._inside.items() if not left]
        return [(number, _made(self._inside.pop(number)[0])) for number in ended]

    def drop(self, numbers: Collection[int]) -> None:
        for number in numbers:
            del self._inside[number]
        if self._model.crash_when_dropped:
            raise RuntimeError("the model fell over")

    def close(self) -> None:
        pass


async def _until(happened: Callable[[], bool]) -> None:
    while not happened():
        await asyncio.sleep(0.005)


def test_what_waits_is_translated_together_up_to_the_size() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.start, size=4)
        first = asyncio.create_task(batcher.translate(_request("0")))
        await _until(lambda: bool(model.joined))
        others = [asyncio.create_task(batcher.translate(_request(str(n)))) for n in range(1, 8)]
        await _until(lambda: batcher.waiting == 7)
        model.let.set()
        made = await asyncio.gather(first, *others)
        assert [one.cypher for one in made] == [f"RETURN '{n}'" for n in range(8)]
        assert model.joined == [["0"], ["1", "2", "3", "4"], ["5", "6", "7"]]
        batcher.close()

    asyncio.run(work())


def test_a_bad_question_fails_alone_also_if_it_brings_the_model_down() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.start, size=8)
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
        batcher = Batcher(model.start, size=1)
        first = asyncio.create_task(batcher.translate(_request("first")))
        await _until(lambda: bool(model.joined))
        dropped = asyncio.create_task(batcher.translate(_request("dropped")))
        last = asyncio.create_task(batcher.translate(_request("last")))
        await _until(lambda: batcher.waiting == 2)
        dropped.cancel()
        await asyncio.sleep(0)
        model.let.set()
        await asyncio.gather(first, last)
        assert model.joined == [["first"], ["last"]]
        batcher.close()

    asyncio.run(work())


def test_closing_drops_what_waits_and_takes_no_more() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.start, size=1)
        first = asyncio.create_task(batcher.translate(_request("first")))
        await _until(lambda: bool(model.joined))
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


def test_questions_join_and_leave_what_is_in_work() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.start, size=2)
        long = asyncio.create_task(batcher.translate(_request("longest")))
        await _until(lambda: bool(model.joined))
        others = [asyncio.create_task(batcher.translate(_request(q))) for q in ("ab", "c", "de")]
        await _until(lambda: batcher.waiting == 3)
        model.let.set()
        await asyncio.gather(*others)
        await long
        assert model.joined == [["longest"], ["ab"], ["c"], ["de"]]
        beside = [next((q for q in questions if q != "longest"), "") for questions in model.together]
        assert beside == ["", "ab", "ab", "c", "de", "de", ""]
        batcher.close()

    asyncio.run(work())


def test_a_question_nobody_waits_for_any_more_gives_up_its_place() -> None:
    async def work() -> None:
        model = Model()
        batcher = Batcher(model.start, size=2)
        left = asyncio.create_task(batcher.translate(_request("nobody waits for this one")))
        await _until(lambda: bool(model.joined))
        stays = asyncio.create_task(batcher.translate(_request("stays")))
        await _until(lambda: batcher.waiting == 1)
        left.cancel()
        await asyncio.sleep(0)
        model.let.set()
        assert isinstance(await stays, Translation)
        assert [len(questions) for questions in model.together][-4:] == [1, 1, 1, 1]
        batcher.close()

    asyncio.run(work())


def test_joining_is_told_with_the_times_waited() -> None:
    async def work() -> None:
        model = Model()
        told: list[tuple[int, int]] = []
        batcher = Batcher(model.start, size=8, watch=lambda size, waits: told.append((size, len(waits))))
        model.let.set()
        taken: list[bool] = []
        await batcher.translate(_request("a"), lambda: taken.append(True))
        assert told == [(1, 1)]
        assert taken == [True]
        assert batcher.seconds_each > 0
        batcher.close()

    asyncio.run(work())


def test_who_brings_the_others_down_is_told_and_they_are_worked_on_again() -> None:
    """Also where the one to blame has left meanwhile, and where only one other is there."""

    async def work() -> None:
        model = Model()
        batcher = Batcher(model.start, size=4)
        left = asyncio.create_task(batcher.translate(_request("crash")))
        await _until(lambda: bool(model.joined))
        stays = asyncio.create_task(batcher.translate(_request("stays")))
        await _until(lambda: batcher.waiting == 1)
        model.crash_when_dropped = True
        left.cancel()
        await asyncio.sleep(0)
        model.let.set()
        assert isinstance(await stays, Translation)
        batcher.close()

    asyncio.run(work())


def test_what_counts_the_batches_cannot_end_the_thread() -> None:
    async def work() -> None:
        model = Model()
        model.let.set()
        calls: list[int] = []

        def watch(size: int, waits: Sequence[float]) -> None:
            calls.append(size)
            if len(calls) == 1:
                raise RuntimeError("the counter fell over")

        batcher = Batcher(model.start, size=4, watch=watch)
        with pytest.raises(ModelError):
            await batcher.translate(_request("a"))
        assert isinstance(await batcher.translate(_request("b")), Translation)
        batcher.close()

    asyncio.run(work())
