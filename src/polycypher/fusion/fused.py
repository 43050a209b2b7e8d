"""Fused decoding: from prompts to queries, by a gate and a stacked adapter, in any mode.

arXiv 2601.16097, §3: the prompt runs through every adapter (K rows, one-hot gate vectors); its states
give the previews, the gate gives w, and every step takes the greedy token of Σ_i w_i L_i. As the output
layer is linear and shared, Σ_i w_i L_i = head(Σ_i w_i h_i), so the head runs once. What the other modes
compute stands in `modes`. Questions of one batch may have different modes, weights and schemas. Knows
nothing of Cypher, databases or languages by name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.gate import Gate
from polycypher.fusion.generation import TokenMask
from polycypher.fusion.inputs import GateInputs, PromptStates, question_embedding
from polycypher.fusion.modes import THRESHOLD, Mode, rows_of
from polycypher.fusion.runner import RowStates, Runner
from polycypher.fusion.stacked import StackedAdapter


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

    Seconds, of the batch that the answer was in: `gate_seconds` until the weights were known,
    `first_seconds` from there to this answer's first token, `decode_seconds` from there to the end.
    """

    ids: list[int]
    weights: tuple[float, ...]
    rows: int
    complete: bool
    gate_seconds: float
    first_seconds: float
    decode_seconds: float


class FusedDecoder:
    """A base model, its stacked adapters and a gate."""

    def __init__(
        self,
        model: Any,
        stacked: StackedAdapter,
        gate: Gate | None,
        *,
        end: int,
        early: Gate | None = None,
        threshold: float = THRESHOLD,
    ) -> None:
        """`model` is a Hugging Face causal language model in which `stacked` is installed; `end` its end
        token. Without a gate, weights must be given; `early` is the gate of that mode; `threshold` is
        τ of `pruned` and `early`."""
        self.model = model
        self.stacked = stacked
        self.gate = gate
        self.early = early
        self.threshold = threshold
        self.runner = Runner(model, stacked, end=end)
        self._inputs = None if gate is None else GateInputs(model, gate.config)

    @torch.inference_mode()
    def features(self, prompt: PromptTokens, states: PromptStates) -> tuple[Tensor, Tensor]:
        """The gate's inputs from the prompt's states through all K adapters: [K, D] and [E]."""
        if self._inputs is None:
            raise ValueError("features need a gate")
        return self._inputs(prompt, states)

    def decode(
        self,
        prompt: PromptTokens,
        *,
        mode: Mode = Mode.LOGITS,
        weights: Sequence[float] | None = None,
        mask: TokenMask | None = None,
        most: int = 256,
    ) -> Decoded:
        """Decode one answer greedily; see `Question` and `decode_batch`."""
        return self.decode_batch([Question(prompt, mode, weights, mask)], most=most)[0]

    @torch.inference_mode()
    def decode_batch(self, questions: Sequence[Question], *, most: int = 256) -> list[Decoded]:
        """Decode answers greedily, all together.

        Args:
            questions: in any modes; at least one.
            most: stop after so many tokens; `complete` is then False.

        Raises:
            ValueError: a question without weights, and no gate for its mode.
        """
        began = time.perf_counter()
        known = [self._known(question) for question in questions]
        units = self.stacked.one_hot()
        plans = [
            (units, None) if weights is None else rows_of(weights, question.mode, self.threshold)
            for question, weights in zip(questions, known, strict=True)
        ]
        owners = [number for number, (rows, _) in enumerate(plans) for _ in range(len(rows))]
        prompts = [(question.prompt.prefix, question.prompt.suffix) for question in questions]
        states = self.runner.run(prompts, torch.cat([rows for rows, _ in plans]), owners)
        asked = [number for number, weights in enumerate(known) if weights is None]
        for number, weights in zip(asked, self._gated(questions, asked, states), strict=True):
            known[number] = weights
            plans[number] = rows_of(weights, questions[number].mode, self.threshold)
        gated = time.perf_counter()
        # Weights that are known only now make rows that did not run yet: they run by themselves.
        again = [number for number in asked if questions[number].mode is Mode.MERGED]
        first = [number for number in range(len(questions)) if number not in again]
        firsts = [0.0] * len(questions)
        answers: list[list[int]] = [[] for _ in questions]

        def write(numbers: Sequence[int], states: RowStates) -> None:
            def told(place: int, token: int) -> None:
                number = numbers[place]
                firsts[number] = firsts[number] or time.perf_counter() - gated
                if (on_token := questions[number].on_token) is not None:
                    on_token(token)

            found = self.runner.generate(
                states,
                torch.cat([plans[number][1] for number in numbers]),  # type: ignore[misc]  # plans are pairs of tensors
                most=most,
                masks=[questions[number].mask for number in numbers],
                on_token=told,
            )
            for number, ids in zip(numbers, found, strict=True):
                answers[number] = ids

        if first:
            write(first, self._narrowed(states, first, asked, plans))
        if again:
            rows = torch.cat([plans[number][0] for number in again])
            write(again, self.runner.run([prompts[n] for n in again], rows, range(len(again))))
        ended = time.perf_counter() - gated
        return [
            Decoded(
                ids,
                tuple(map(float, weights)) if weights is not None else (),
                len(rows),
                len(ids) < most,
                gated - began,
                at,
                ended,
            )
            for ids, weights, (rows, _), at in zip(answers, known, plans, firsts, strict=True)
        ]

    def _known(self, question: Question) -> Tensor | None:
        """Weights that need no previews, [K]."""
        if question.weights is not None:
            return torch.tensor(question.weights, dtype=torch.float32, device=self.runner.device)
        if question.mode is Mode.EARLY:
            if self.early is None:
                raise ValueError("the mode `early` needs its gate")
            embedded = question_embedding(self.model, question.prompt)
            weights: Tensor = self.early(None, embedded[None])[0]
            return weights
        if self.gate is None:
            raise ValueError("decoding without weights needs a gate")
        return None

    def _gated(self, questions: Sequence[Question], asked: Sequence[int], states: RowStates) -> Tensor:
        """The gate's weights for the questions `asked`, [N, K]."""
        if not asked or self.gate is None:
            return torch.empty(0)
        made = [self.features(questions[number].prompt, states.of(number)) for number in asked]
        weights: Tensor = self.gate(torch.stack([p for p, _ in made]), torch.stack([e for _, e in made]))
        return weights

    def _narrowed(
        self,
        states: RowStates,
        kept: Sequence[int],
        asked: Sequence[int],
        plans: Sequence[tuple[Tensor, Tensor | None]],
    ) -> RowStates:
        """Only the rows of `kept` questions that their plans name, their owners counted anew."""
        rows = []
        for number in kept:
            own = [row for row, owner in enumerate(states.owners) if owner == number]
            rows += [own[int(unit.argmax())] for unit in plans[number][0]] if number in asked else own
        if len(rows) < len(states.owners):
            states.select(rows)
        places = {number: place for place, number in enumerate(kept)}
        states.owners = [places[owner] for owner in states.owners]
        states.lengths = [states.lengths[number] for number in kept]
        return states
