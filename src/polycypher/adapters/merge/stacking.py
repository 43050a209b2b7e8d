"""Exact merges stored by concatenation: FLoRA's stack over different ranks, and its truncation by SVD.

    stack   A = [p_1 s_1 A_1; …; p_K s_K A_K],  B = [B_1, …, B_K]     so that B·A = Σ p_i s_i B_i A_i
    svd     the best approximation of that update of rank R, with the lost norm in the record

`stack` is FLoRA's aggregation without noise (Wang et al., arXiv 2409.05976; p_i is the share of the examples
that adapter i was trained on); the adapters' ranks may differ. Its update is that of `exact`: where
the shares are equal, the two rows of a table are one method under two names. `svd` is PEFT's
combination_type="svd"; since 0.21 PEFT applies alpha/r to it once, before that twice. Pure functions, as in
`linear`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.common import check_alike, concatenated, merge_weights, merged, wide
from polycypher.adapters.merge.truncation import check_rank, truncated


def stack(adapters: Sequence[LoraAdapter], weights: Sequence[float] | None = None) -> LoraAdapter:
    """Σ p_i ΔW_i as one LoRA of rank Σ r_i; `weights` are the shares p_i (default 1/K).

    Raises:
        AdapterError: the adapters differ in prompt, base or modules, or hold what is no number.
    """
    shares = merge_weights(adapters, weights)
    check_alike(adapters)
    scales = [share * one.scale for share, one in zip(shares, adapters, strict=True)]
    factors = {
        name: (
            torch.cat([s * wide(one.factors[name][0]) for s, one in zip(scales, adapters, strict=True)]),
            torch.cat([wide(one.factors[name][1]) for one in adapters], 1),
        )
        for name in adapters[0].factors
    }
    rank = sum(one.rank for one in adapters)
    return merged(adapters, factors, rank=rank, alpha=float(rank), method="stack", weights=shares)


def svd(
    adapters: Sequence[LoraAdapter], weights: Sequence[float] | None = None, *, rank: int | None = None
) -> LoraAdapter:
    """Σ w_i ΔW_i cut to `rank` (default the largest of the adapters', as in PEFT).

    `record["merge"]` holds `rank`, `relative_error` (‖ΔW − ΔW_rank‖ / ‖ΔW‖ over all matrices) and
    `worst_error`, the largest of a single matrix.

    Raises:
        AdapterError: the adapters differ in prompt, base or modules, or `rank` is not in 1 … Σr.
    """
    shares = merge_weights(adapters, weights)
    check_alike(adapters)
    size = max(one.rank for one in adapters) if rank is None else rank
    check_rank(size, sum(one.rank for one in adapters))
    factors, details = truncated(concatenated(adapters, shares), size)
    return merged(
        adapters, factors, rank=size, alpha=float(size), method="svd", weights=shares, details=details
    )
