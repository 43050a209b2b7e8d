"""A FLARE adapter as an expert of the gate: it answers together with LoRAs.

The next token of a prompt is the best of Σ_i w_i L_i, where L_i = head(h_i) are the logits of expert i and w
the gate's weights (arXiv 2601.16097, §3). A LoRA's h_i comes from the target's text alone, FLARE's also from
the source's. Experts share the base and its output layer; each has keys and values of its own. Knows nothing
of how w is found.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from polycypher.errors import UsageError
from polycypher.flare.alignment import FlarePrompt
from polycypher.flare.decoding import Expert, greedy
from polycypher.fusion.generation import TokenMask


def answer_mixed(
    experts: Sequence[Expert],
    prompts: Sequence[FlarePrompt],
    weights: Tensor,
    *,
    end: int,
    most: int = 256,
    masks: Sequence[TokenMask | None] | None = None,
) -> list[list[int]]:
    """Greedy answers of K experts together, without the end token.

    Args:
        experts: over one base model.
        prompts: answered in one batch.
        weights: the gate's, [prompts, K].
        end: the end token.
        most: tokens an answer may have.
        masks: which tokens may come next, a prompt each; None for free decoding.

    Raises:
        UsageError: experts of different bases, or weights of another shape.
    """
    if weights.shape != (len(prompts), len(experts)):
        raise UsageError(
            f"{len(prompts)} prompts and {len(experts)} experts need weights of that shape, "
            f"not {tuple(weights.shape)}"
        )
    if any(expert.task.model is not experts[0].task.model for expert in experts):
        raise UsageError("the experts have different base models; load them over one")
    running = [expert.start(prompts) for expert in experts]
    return greedy(experts[0].task, running, weights, end=end, most=most, masks=masks)


@torch.inference_mode()
def first_states(experts: Sequence[Expert], prompts: Sequence[FlarePrompt]) -> Tensor:
    """Last hidden states of whole prompts through each expert, [prompts, K, hidden]: what a gate can look
    at."""
    return torch.stack([expert.start(prompts).last for expert in experts], 1)
