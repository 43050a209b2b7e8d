"""The gate's inputs: previews and an embedding, from the states of a prompt.

arXiv 2601.16097, §3. One place for all who need them: decoding, training of the gate, measurement. Knows
nothing of the gate's network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.gate import Embedding, GateConfig
from polycypher.fusion.previews import Projection, Reduction, reduce_previews


@dataclass(frozen=True, slots=True)
class PromptStates:
    """Last hidden states of a prompt's two parts, [rows, S, hidden] each."""

    prefix: Tensor
    suffix: Tensor


class GateInputs:
    """Makes the inputs that a gate's configuration asks for."""

    def __init__(self, model: Any, config: GateConfig) -> None:
        """`model` is the causal language model that the adapters are installed in."""
        self.model = model
        self.config = config
        self._projection: Projection | None = None
        if config.reduction is Reduction.PROJECTION:
            self._projection = Projection(model.config.vocab_size, config.preview, config.projection_seed)

    @torch.inference_mode()
    def __call__(self, prompt: PromptTokens, states: PromptStates) -> tuple[Tensor, Tensor]:
        """From the prompt's states through K adapters: previews [K, D] and the embedding [E]."""
        config = self.config
        before = len(prompt.prefix)
        ids = torch.tensor(prompt.ids, device=states.suffix.device)
        start, stop = config.window.span(before, len(prompt.suffix), prompt.question)
        if start >= before:
            # In one piece, because a product with a slice takes twice as long.
            window = states.suffix[:, start - before : stop - before].contiguous()
        else:
            window = torch.cat([states.prefix, states.suffix], 1)[:, start:stop]
        logits = self.model.lm_head(window) if config.reduction is not Reduction.HIDDEN else window
        previews = reduce_previews(window, logits, ids[start:stop], config.reduction, self._projection)
        if config.embedding is Embedding.QUESTION:
            return previews.float(), question_embedding(self.model, prompt)
        return previews.float(), self.model.get_input_embeddings()(ids).float().mean(0)


def question_embedding(model: Any, prompt: PromptTokens) -> Tensor:
    """The mean of the base's input embeddings over the question's tokens, [hidden]; no pass is needed."""
    first, last = prompt.question
    embeddings = model.get_input_embeddings()
    ids = torch.tensor(prompt.suffix[first : max(last, first + 1)], device=embeddings.weight.device)
    mean: Tensor = embeddings(ids).float().mean(0)
    return mean
