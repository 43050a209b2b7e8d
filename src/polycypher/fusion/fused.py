"""Fused decoding: from prompts to queries, by a gate and a stacked adapter, in any mode.

arXiv 2601.16097, §3: the prompt runs through every adapter (K rows, one-hot gate vectors); its states
give the previews, the gate gives w, and every step takes the greedy token of Σ_i w_i L_i. As the output
layer is linear and shared, Σ_i w_i L_i = head(Σ_i w_i h_i), so the head runs once. What the other modes
compute stands in `modes`. Questions of one batch may have different modes, weights and schemas. Knows
nothing of Cypher, databases or languages by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.decoding import Decoded, Decoding
from polycypher.fusion.gate import Gate
from polycypher.fusion.generation import TokenMask
from polycypher.fusion.inputs import GateInputs, PromptStates, question_embedding
from polycypher.fusion.modes import THRESHOLD, Mode
from polycypher.fusion.reading import Question
from polycypher.fusion.runner import RowStates, Runner
from polycypher.fusion.stacked import StackedAdapter

__all__ = ["Decoded", "FusedDecoder", "Question"]


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
            questions: in any modes.
            most: stop after so many tokens; `complete` is then False.

        Raises:
            ValueError: a question without weights, and no gate for its mode.
        """
        decoding = self.start(most=most)
        try:
            numbers, found = decoding.add(questions)
            while decoding.questions:
                found += decoding.step()
        finally:
            decoding.close()
        answers = dict(found)
        return [answers[number] for number in numbers]

    def start(self, *, most: int = 256, overlap: bool = False) -> Decoding:
        """Decode questions that come and go; see `Decoding` for the arguments."""
        overlap = overlap and self.runner.backbone.concurrent
        return Decoding(self.runner, self, most=most, overlap=overlap)

    def known(self, question: Question) -> Tensor | None:
        """Weights that need no previews, [K]; see `Weigher`."""
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

    def gated(self, questions: Sequence[Question], states: RowStates) -> Tensor:
        """The gate's weights for questions, by their prompts' states through all K adapters: [N, K]."""
        if self.gate is None:
            raise ValueError("decoding without weights needs a gate")
        made = [self.features(question.prompt, states.of(place)) for place, question in enumerate(questions)]
        weights: Tensor = self.gate(torch.stack([p for p, _ in made]), torch.stack([e for _, e in made]))
        return weights
