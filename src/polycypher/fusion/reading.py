"""`Reader`: prompts run through the rows that write their answers, chosen by a gate.

The first half of fused decoding: K rows for the gate's previews where it is asked, then only the rows that
the question's mode leaves. Knows nothing of Cypher, databases or languages by name.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Reading:
    """Prompts after their run, ready to be answered: which of the questions they are, their weights [K] each,
    their rows and how much each of those counts [rows], and when the weights were known."""

    places: list[int]
    weights: list[tuple[float, ...]]
    states: RowStates
    mixes: Tensor
    gated: float


class Reader:
    """Runs prompts."""

    def __init__(self, runner: Runner, weigher: Weigher) -> None:
        self._runner = runner
        self._weigher = weigher

    @torch.inference_mode()
    def known(self, questions: Sequence[Question]) -> list[Tensor | None]:
        """Weights that need no pass of the prompts; raises as `Weigher.known`."""
        return [self._weigher.known(question) for question in questions]

    def together(self, questions: Sequence[Question], known: Sequence[Tensor | None]) -> Iterator[list[int]]:
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

    @torch.inference_mode()
    def read(self, questions: Sequence[Question], known: Sequence[Tensor | None]) -> list[Reading]:
        """Run prompts; the gate is asked for all of them or for none.

        Returns:
            One reading, or two where a mixture that the gate made runs in rows of its own.
        """
        places = list(range(len(questions)))
        given = [weights for weights in known if weights is not None]
        if given:
            weights = torch.stack(given)
            plans = self._plans(questions, weights)
            states = self._run(questions, [rows for rows, _ in plans])
            return [self._reading(places, weights, plans, states)]
        states = self._run(questions, [self._runner.stacked.one_hot()] * len(questions))
        weights = self._weigher.gated(questions, states)
        plans = self._plans(questions, weights)
        merged = [place for place in places if questions[place].mode is Mode.MERGED]
        read = []
        if left := [place for place in places if place not in merged]:
            _narrow(states, left, [rows for rows, _ in plans])
            read.append(self._reading(left, weights, plans, states))
        if merged:  # what is known only now makes rows that did not run yet
            anew = self._run([questions[place] for place in merged], [plans[place][0] for place in merged])
            read.append(self._reading(merged, weights, plans, anew))
        return read

    def _plans(self, questions: Sequence[Question], weights: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Of each question the rows' gate vectors, and how much each counts."""
        threshold = self._weigher.threshold
        return [rows_of(own, one.mode, threshold) for own, one in zip(weights, questions, strict=True)]

    def _run(self, questions: Sequence[Question], rows: Sequence[Tensor]) -> RowStates:
        """Run prompts, each in rows of its own."""
        owners = [place for place, own in enumerate(rows) for _ in range(len(own))]
        prompts = [(question.prompt.prefix, question.prompt.suffix) for question in questions]
        return self._runner.run(prompts, torch.cat(list(rows)), owners)

    @staticmethod
    def _reading(
        places: list[int], weights: Tensor, plans: Sequence[tuple[Tensor, Tensor]], states: RowStates
    ) -> Reading:
        return Reading(
            places,
            [tuple(weights[place].tolist()) for place in places],
            states,
            torch.cat([plans[place][1] for place in places]),
            time.perf_counter(),
        )


def _narrow(states: RowStates, kept: Sequence[int], plans: Sequence[Tensor]) -> None:
    """Leave only the rows of `kept` questions that their plans (one-hot) name, of a row an adapter."""
    count = len(states.owners) // len(plans)
    states.select([place * count + int(unit.argmax()) for place in kept for unit in plans[place]])
    places = {place: number for number, place in enumerate(kept)}
    states.owners = [places[owner] for owner in states.owners]
    states.lengths = [states.lengths[place] for place in kept]
