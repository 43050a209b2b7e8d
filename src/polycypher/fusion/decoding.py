"""`Decoding`: fused decoding of questions that come and go.

A question joins with its prompt (`add`), every `step` writes a token of each, and an answer is there as soon
as it is finished, whatever the others do. The formulas stand in `fused`, what the modes compute in `modes`.
Knows nothing of Cypher, databases or languages by name.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from polycypher.fusion.reading import Question, Reader, Reading, Weigher
from polycypher.fusion.runner import Runner


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded answer: token ids without the end token, the weights [K], and how many rows wrote it.

    Seconds: `gate_seconds` from joining until the weights were known, `first_seconds` from there to the first
    token, `decode_seconds` from there to the end; waiting for others included.
    """

    ids: list[int]
    weights: tuple[float, ...]
    rows: int
    complete: bool
    gate_seconds: float
    first_seconds: float
    decode_seconds: float


@dataclass(slots=True)
class _Begun:
    """A question in the writing: when it joined, when its weights were known, when its first token was."""

    question: Question
    weights: tuple[float, ...]
    rows: int
    joined: float
    gated: float
    first: float = 0.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """Questions whose prompts are being read: their numbers, when they joined, and what becomes of them."""

    numbers: list[int]
    questions: list[Question]
    joined: float
    reading: Future[list[Reading]]


class Decoding:
    """Questions in the decoding; `close` it when done.

    Args:
        runner: the model and its adapters.
        weigher: tells how the adapters count.
        most: tokens of an answer; one that is cut there is not `complete`.
        overlap: read prompts on a thread of their own while answers are written. What is written does not
            depend on it but for rounding: which rows run together is then a matter of time. Only for a
            backbone that bears two threads.
    """

    def __init__(self, runner: Runner, weigher: Weigher, *, most: int, overlap: bool = False) -> None:
        self._reader = Reader(runner, weigher)
        self._most = most
        self._writing = runner.write(most=most)
        # A thread would otherwise ask for as many helpers as the machine has cores.
        threads = (torch.get_num_threads(),)
        self._pool = ThreadPoolExecutor(1, "prompts", torch.set_num_threads, threads) if overlap else None
        self._asked: deque[_Asked] = deque()
        self._begun: dict[int, _Begun] = {}
        self._gone: set[int] = set()
        self._count = 0

    @property
    def questions(self) -> int:
        """How many are in the decoding."""
        return self._writing.questions + sum(len(asked.numbers) for asked in self._asked)

    def add(self, questions: Sequence[Question]) -> tuple[list[int], list[tuple[int, Decoded]]]:
        """Let questions join, in any modes.

        Returns:
            Their numbers, counted from 0 over all that ever joined, and what is finished already, by number.

        Raises:
            ValueError: a question without weights, and no gate for its mode.
        """
        began = time.perf_counter()
        known = self._reader.known(questions)
        numbers = list(range(self._count, self._count + len(questions)))
        self._count += len(questions)
        finished = []
        for places in self._reader.together(questions, known):
            chosen = [questions[place] for place in places]
            reading: Future[list[Reading]] = Future()
            weights = [known[place] for place in places]
            if self._pool is not None:
                reading = self._pool.submit(self._read, chosen, weights)
            else:
                reading.set_result(self._reader.read(chosen, weights))
            asked = _Asked([numbers[place] for place in places], chosen, began, reading)
            if self._pool is not None:
                self._asked.append(asked)
            else:
                finished += self._begin(asked)
        return numbers, finished

    def step(self) -> list[tuple[int, Decoded]]:
        """Write one more token of every answer; returns what is finished, by number.

        Prompts that have been read meanwhile join first; where no answer is in the writing, the next one is
        waited for.
        """
        finished = []
        while self._asked and (self._asked[0].reading.done() or not self._writing.questions):
            finished += self._begin(self._asked.popleft())
        if self._writing.questions:
            finished += self._ended(self._writing.step())
        return finished

    def drop(self, numbers: Collection[int]) -> None:
        """Give up these questions, also while their prompts are being read."""
        self._writing.drop(numbers)
        for number in numbers:
            self._begun.pop(number, None)
        reading = deque[_Asked]()
        for asked in self._asked:
            self._gone.update(set(asked.numbers).intersection(numbers))
            if self._gone.issuperset(asked.numbers):
                asked.reading.cancel()
                self._gone.difference_update(asked.numbers)
            else:
                reading.append(asked)
        self._asked = reading

    def close(self) -> None:
        """Give up what is in the decoding."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _read(self, questions: Sequence[Question], known: Sequence[Tensor | None]) -> list[Reading]:
        """Read prompts on the thread for it, and wait there for their masks: elsewhere all would wait."""
        read = self._reader.read(questions, known)
        for question in questions:
            if question.mask is not None:
                question.mask.allows(0)
        return read

    def _begin(self, asked: _Asked) -> list[tuple[int, Decoded]]:
        """Begin to write the answers of questions once their prompts are read."""
        finished = []
        for reading in asked.reading.result():
            numbers = [asked.numbers[place] for place in reading.places]
            questions = [asked.questions[place] for place in reading.places]
            for place, (number, question) in enumerate(zip(numbers, questions, strict=True)):
                rows = reading.states.owners.count(place)
                self._begun[number] = _Begun(
                    question, reading.weights[place], rows, asked.joined, reading.gated
                )
            written = self._writing.add(
                reading.states,
                reading.mixes,
                numbers=numbers,
                masks=[question.mask for question in questions],
                on_token=self._told,
            )
            finished += [one for one in self._ended(written) if one[0] not in self._gone]
        if gone := self._gone.intersection(asked.numbers):
            self._gone -= gone
            self.drop(gone)
        return finished

    def _told(self, number: int, token: int) -> None:
        begun = self._begun[number]
        begun.first = begun.first or time.perf_counter()
        if begun.question.on_token is not None:
            begun.question.on_token(token)

    def _ended(self, written: Sequence[tuple[int, list[int]]]) -> list[tuple[int, Decoded]]:
        now, ended = time.perf_counter(), []
        for number, ids in written:
            begun = self._begun.pop(number)
            decoded = Decoded(
                ids,
                begun.weights,
                begun.rows,
                len(ids) < self._most,
                begun.gated - begun.joined,
                begun.first - begun.gated if begun.first else 0.0,
                now - begun.gated,
            )
            ended.append((number, decoded))
        return ended
