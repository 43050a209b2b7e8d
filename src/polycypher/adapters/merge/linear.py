"""Uniform and weighted linear merges: one adapter out of several (arXiv 2601.16097, linear merge).

Three different things are called "linear". For adapters (A_i, B_i), scales s_i = alpha_i / r_i and weights
w_i (default 1/K), the merged update is

    factor   s · (Σ w_i B_i) (Σ w_i A_i)                     the paper's formula
    exact    Σ w_i s_i B_i A_i                               task arithmetic on the updates themselves
    peft     (Σ √(w_i s_i) B_i) (Σ √(w_i s_i) A_i)           PEFT's combination_type="linear"

`exact` is stored as a LoRA of rank Σ r_i by concatenation (PEFT's `cat`), or truncated to a smaller rank.
`peft` is here to compare with: it returns K identical adapters scaled by K. All are pure functions: they
read no file, change nothing they are given, and know nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.common import (
    Factors,
    check_alike,
    concatenated,
    merge_weights,
    merged,
    weighted_sum,
)
from polycypher.adapters.merge.truncation import check_rank, truncated
from polycypher.errors import AdapterError


def factor(adapters: Sequence[LoraAdapter], weights: Sequence[float] | None = None) -> LoraAdapter:
    """A = Σ w_i A_i and B = Σ w_i B_i, with the common scale s (the paper's formula).

    The paper's adapters share alpha. Where alphas differ, s is the first adapter's and each factor bears
    √(s_i/s), so that weight 1 on any adapter still gives that adapter's update.

    Raises:
        AdapterError: the adapters differ in rank, prompt, base or modules, or have alphas of unlike sign.
    """
    shares = merge_weights(adapters, weights)
    check_alike(adapters, same_rank=True)
    first = adapters[0]
    return merged(
        adapters,
        summed(adapters, shares),
        rank=first.rank,
        alpha=first.alpha,
        method="factor",
        weights=shares,
    )


def exact(
    adapters: Sequence[LoraAdapter], weights: Sequence[float] | None = None, *, rank: int | None = None
) -> LoraAdapter:
    """ΔW = Σ w_i s_i B_i A_i: A = [A_1; …; A_K], B = [w_1 s_1 B_1, …, w_K s_K B_K], alpha = Σr.

    Ranks and alphas may differ. With `rank`, each ΔW is replaced by its best approximation of that rank
    (truncated SVD); `record["merge"]["relative_error"]` then holds ‖ΔW − ΔW_rank‖ / ‖ΔW‖, the Frobenius
    norm over all matrices, and `worst_error` the largest of a single matrix.

    Raises:
        AdapterError: the adapters differ in prompt, base or modules, or `rank` is not in 1 … Σr.
    """
    shares = merge_weights(adapters, weights)
    check_alike(adapters)
    whole = sum(adapter.rank for adapter in adapters)
    factors = concatenated(adapters, shares)
    details: Mapping[str, float] = {}
    if rank is not None:
        check_rank(rank, whole)
        factors, details = truncated(factors, rank)
    size = rank or whole
    return merged(
        adapters, factors, rank=size, alpha=float(size), method="exact", weights=shares, details=details
    )


def peft(adapters: Sequence[LoraAdapter], weights: Sequence[float] | None = None) -> LoraAdapter:
    """A = Σ √(w_i s_i) A_i and B = Σ √(w_i s_i) B_i, alpha = r: what PEFT calls "linear".

    For a negative weight PEFT takes the root of the absolute value and puts the sign on A alone; so here.

    Raises:
        AdapterError: the adapters differ in rank, prompt, base or modules.
    """
    shares = merge_weights(adapters, weights)
    check_alike(adapters, same_rank=True)
    scales = [share * adapter.scale for share, adapter in zip(shares, adapters, strict=True)]
    on_b = [math.sqrt(abs(scale)) for scale in scales]
    on_a = [math.copysign(root, scale) for root, scale in zip(on_b, scales, strict=True)]
    rank = adapters[0].rank
    factors = {
        name: (
            weighted_sum([adapter.factors[name][0] for adapter in adapters], on_a),
            weighted_sum([adapter.factors[name][1] for adapter in adapters], on_b),
        )
        for name in adapters[0].factors
    }
    return merged(adapters, factors, rank=rank, alpha=float(rank), method="peft", weights=shares)


def summed(adapters: Sequence[LoraAdapter], weights: Sequence[float]) -> Factors:
    """A = Σ w_i √(s_i/s) A_i and B = Σ w_i √(s_i/s) B_i, where s is the first adapter's scale.

    Raises:
        AdapterError: alphas of unlike sign.
    """
    first = adapters[0]
    on_each = []
    for adapter, weight in zip(adapters, weights, strict=True):
        if adapter.alpha != first.alpha and not adapter.alpha * first.alpha > 0:
            raise AdapterError(
                f"alphas {first.alpha:g} and {adapter.alpha:g} have no common scale; merge with `exact`"
            )
        same = adapter.alpha == first.alpha
        on_each.append(weight if same else weight * math.sqrt(adapter.alpha / first.alpha))
    return {
        name: (
            weighted_sum([adapter.factors[name][0] for adapter in adapters], on_each),
            weighted_sum([adapter.factors[name][1] for adapter in adapters], on_each),
        )
        for name in first.factors
    }
