"""`Decoding`: fused decoding of questions that come and go.

A question joins with its prompt (`add`), every `step` writes a token of each, and an answer is there as soon
as it is finished, whatever the others do. The formulas stand in `fused`, what the modes compute in `modes`.
Knows nothing of Cypher, databases or languages by name.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.generation import TokenMask
from polycypher.fusion.modes import Mode, rows_of
from polycypher.fusion.runner import RowStates, Runner

_TOKENS = 512
"""Tokens of second parts that a CPU runs at once: more does not fit its caches, and takes longer for each."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt to be answered.

    `weights` [K] take the gate's place; None asks it. `mask` restricts the next token, `on_token` is told of
    each token as it is chosen.
    """

    prompt: PromptTokens
    mode: Mode = Mode.LOGITS
    weights: Sequence[float] | None = None
    mask: TokenMask | None = None
    on_token: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded answer: token ids without the end token, the weights [K], and how many rows wrote it.

    Seconds: `gate_seconds` from joining until the weights were known, `first_seconds` from there to the first
    token, `decode_seconds` from there to the end.
    """

    ids: list[int]
    weights: tuple[float, ...]
    rows: int
    complete: bool
    gate_seconds: float
    first_seconds: float
    decode_seconds: float


class Weigher(Protocol):
    """Tells how the adapters count for a question."""

    threshold: float

    def known(self, question: Question) -> Tensor | None:
        """Weights that need no pass of the prompt, [K]; None where the states tell.

        Raises:
            ValueError: no weights, and no gate for the question's mode.
        """
        ...

    def gated(self, questions: Sequence[Question], states: RowStates) -> Tensor:
        """Weights by the states of the prompts, [N, K]."""
        ...


@dataclass(slots=True)
class _Begun:
    """A question in the writing: when it joined, when its weights were known, when its first token was."""

    question: Question
    weights: tuple[float, ...]
    rows: int
    joined: float
    gated: float
    first: float = 0.0


class Decoding:
    """Questions in the decoding; `close` it when done.

    Args:
        runner: the model and its adapters.
        weigher: tells how the adapters count.
        most: tokens of an answer; one that is cut there is not `complete`.
    """

    def __init__(self, runner: Runner, weigher: Weigher, *, most: int) -> None:
        self._runner = runner
        self._weigher = weigher
        self._most = most
        self._writing = runner.write(most=most)
        self._begun: dict[int, _Begun] = {}
        self._count = 0

    @property
    def questions(self) -> int:
        """How many are in the decoding."""
        return self._writing.questions

    @torch.inference_mode()
    def add(self, questions: Sequence[Question]) -> tuple[list[int], list[tuple[int, Decoded]]]:
        """Let questions join, in any modes.

        Returns:
            Their numbers, counted from 0 over all that ever joined, and what is finished already, by number.

        Raises:
            ValueError: a question without weights, and no gate for its mode.
        """
        began = time.perf_counter()
        numbers = list(range(self._count, self._count + len(questions)))
        known = [self._weigher.known(question) for question in questions]
        self._count += len(questions)
        finished = []
        for places in self._together(questions, known):
            chosen = [questions[place] for place in places]
            written = self._run([numbers[p] for p in places], chosen, [known[p] for p in places], began)
            finished += written
        return numbers, finished

    @torch.inference_mode()
    def step(self) -> list[tuple[int, Decoded]]:
        """Write one more token of every answer; returns what is finished, by number."""
        return self._ended(self._writing.step())

    def drop(self, numbers: Collection[int]) -> None:
        """Give up these questions."""
        self._writing.drop(numbers)
        for number in numbers:
            self._begun.pop(number, None)

    def close(self) -> None:
        """Give up what is in the decoding."""
        self._writing.close()

    def _together(self, questions: Sequence[Question], known: Sequence[Tensor | None]) -> Iterator[list[int]]:
        """Places of questions to run at once: the gate is asked for all of them or for none, and on a CPU
        they are of like length and as many as its caches bear."""
        most = _TOKENS if self._runner.device.type == "cpu" else sys.maxsize
        for asked in (False, True):
            rows = self._runner.stacked.count if asked else 1
            places = [place for place, given in enumerate(known) if (given is None) is asked]
            places.sort(key=lambda place: len(questions[place].prompt.suffix))
            group: list[int] = []
            for place in places:
                if group and (len(group) + 1) * rows * len(questions[place].prompt.suffix) > most:
                    yield group
                    group = []
                group.append(place)
            if group:
                yield group

    def _run(
        self,
        numbers: Sequence[int],
        questions: Sequence[Question],
        known: Sequence[Tensor | None],
        began: float,
    ) -> list[tuple[int, Decoded]]:
        """Run prompts and write their first tokens; the gate is asked for all of them or for none."""
        asked = known[0] is None
        prompts = [(question.prompt.prefix, question.prompt.suffix) for question in questions]
        if asked:
            states = self._prompted(prompts, [self._runner.stacked.one_hot()] * len(prompts))
            weights = self._weigher.gated(questions, states)
        else:
            weights = torch.stack([given for given in known if given is not None])
        plans = [
            rows_of(given, question.mode, self._weigher.threshold)
            for question, given in zip(questions, weights, strict=True)
        ]
        if not asked:
            states = self._prompted(prompts, [rows for rows, _ in plans])
        now = time.perf_counter()
        for number, question, given, (rows, _) in zip(numbers, questions, weights, plans, strict=True):
            self._begun[number] = _Begun(question, tuple(given.tolist()), len(rows), began, now)
        # A mixture that is known only now makes rows that did not run yet: they run by themselves.
        again = [place for place, one in enumerate(questions) if asked and one.mode is Mode.MERGED]
        written = []
        if len(again) < len(questions):
            first = [place for place in range(len(questions)) if place not in again]
            if asked:
                _narrow(states, first, [rows for rows, _ in plans])
            written += self._write(numbers, questions, first, states, plans)
        if again:
            states = self._prompted([prompts[place] for place in again], [plans[place][0] for place in again])
            written += self._write(numbers, questions, again, states, plans)
        return written

    def _prompted(
        self, prompts: Sequence[tuple[Sequence[int], Sequence[int]]], rows: Sequence[Tensor]
    ) -> RowStates:
        """Prompts after their run, each in rows of its own."""
        owners = [place for place, own in enumerate(rows) for _ in range(len(own))]
        return self._runner.run(prompts, torch.cat(list(rows)), owners)

    def _write(
        self,
        numbers: Sequence[int],
        questions: Sequence[Question],
        places: Sequence[int],
        states: RowStates,
        plans: Sequence[tuple[Tensor, Tensor]],
    ) -> list[tuple[int, Decoded]]:
        """Begin to write the answers of the questions at `places`."""
        return self._ended(
            self._writing.add(
                states,
                torch.cat([plans[place][1] for place in places]),
                numbers=[numbers[place] for place in places],
                masks=[questions[place].mask for place in places],
                on_token=self._told,
            )
        )

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


def _narrow(states: RowStates, kept: Sequence[int], plans: Sequence[Tensor]) -> None:
    """Leave only the rows of `kept` questions that their plans (one-hot) name, of a row an adapter."""
    count = len(states.owners) // len(plans)
    states.select([place * count + int(unit.argmax()) for place in kept for unit in plans[place]])
    places = {place: number for number, place in enumerate(kept)}
    states.owners = [places[owner] for owner in states.owners]
    states.lengths = [states.lengths[place] for place in kept]
