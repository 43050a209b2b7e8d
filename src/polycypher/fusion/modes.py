"""Modes of fused decoding: from the gate's weights to the rows that run and how they are mixed.

A row is one pass through the base with its own gate vector; w ∈ Δ^K are the question's weights, L_i the
logits of adapter i, ΔW_i its update, e_i the i-th unit vector. The next token is the best of Σ_r m_r L_r
over the rows r:

| mode     | rows (gate vectors)          | m           | what it computes                              |
|----------|------------------------------|-------------|-----------------------------------------------|
| `logits` | e_i with w_i ≠ 0             | w_i         | Σ_i w_i L_i: arXiv 2601.16097, §3             |
| `pruned` | e_i with w_i ≥ τ (and the    | w_i / Σ w_j | the paper's without its small weights         |
|          | largest)                     |             |                                               |
| `merged` | w                            | 1           | one pass with ΔW = Σ_i w_i ΔW_i               |
| `top1`   | e_argmax                     | 1           | hard routing by the gate                      |
| `early`  | as `pruned`                  | as `pruned` | weights from a gate that needs no previews    |

**Bound for `pruned`.** Let s be the sum of the dropped weights, F the fused logits and F' the pruned ones.
F' − F = s · (Σ_kept m_i L_i − Σ_dropped (w_j / s) L_j), a difference of two convex combinations, so in
every entry |F' − F| ≤ s · max_ij |L_i − L_j| =: s · D, and s ≤ (K − 1) τ. The fused distribution then
changes by a factor of at most exp(±2 s D) in every entry. Knows nothing of models or languages.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who only names a mode should not wait for PyTorch
    from torch import Tensor

THRESHOLD = 0.05
"""Weights below are dropped by `pruned` and `early`."""


class Mode(StrEnum):
    """How the adapters are combined for a question; see the module."""

    LOGITS = "logits"
    PRUNED = "pruned"
    MERGED = "merged"
    TOP1 = "top1"
    EARLY = "early"


def rows_of(weights: Tensor, mode: Mode, threshold: float = THRESHOLD) -> tuple[Tensor, Tensor]:
    """The rows that answer one question.

    Args:
        weights: of the question, [K]; from the gate they sum to one, others are allowed for `logits` and
            `merged`.
        mode: see the module.
        threshold: τ of `pruned` and `early`.

    Returns:
        Gate vectors [R, K] and how much each row counts [R].

    Raises:
        ValueError: no adapter counts.
    """
    import torch

    count = weights.shape[0]
    if mode is Mode.MERGED:
        return weights[None], weights.new_ones(1)
    units = torch.eye(count, dtype=weights.dtype, device=weights.device)
    if mode is Mode.LOGITS:
        counted = weights != 0.0  # a row without weight adds nothing
        if not bool(counted.any()):
            raise ValueError("all weights are zero: no adapter would answer")
        return units[counted], weights[counted]
    largest = torch.arange(count, device=weights.device) == weights.argmax()
    if mode is Mode.TOP1:
        return units[largest], weights.new_ones(1)
    kept = largest | (weights >= threshold)
    return units[kept], weights[kept] / weights[kept].sum()
