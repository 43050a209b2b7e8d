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
from collections.abc import Sequence

import torch
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.common import check_alike, merge_weights, merged, wide
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
    ratios = []
    for adapter in adapters:
        if adapter.alpha != first.alpha and not adapter.alpha * first.alpha > 0:
            raise AdapterError(
                f"alphas {first.alpha:g} and {adapter.alpha:g} have no common scale; merge with `exact`"
            )
        ratios.append(1.0 if adapter.alpha == first.alpha else math.sqrt(adapter.alpha / first.alpha))
    on_each = [share * ratio for share, ratio in zip(shares, ratios, strict=True)]
    factors = {
        name: (
            _sum([adapter.factors[name][0] for adapter in adapters], on_each),
            _sum([adapter.factors[name][1] for adapter in adapters], on_each),
        )
        for name in first.factors
    }
    return merged(adapters, factors, rank=first.rank, alpha=first.alpha, method="factor", weights=shares)


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
    if rank is not None and not 1 <= rank <= whole:
        raise AdapterError(
            f"the merged adapter has rank {whole} and cannot be cut to {rank}; give 1 to {whole}"
        )
    scales = [share * adapter.scale for share, adapter in zip(shares, adapters, strict=True)]
    factors = {
        name: (
            torch.cat([wide(adapter.factors[name][0]) for adapter in adapters]),
            torch.cat(
                [s * wide(adapter.factors[name][1]) for s, adapter in zip(scales, adapters, strict=True)], 1
            ),
        )
        for name in adapters[0].factors
    }
    details: dict[str, float] = {}
    if rank is not None:
        cut, lost, total = {}, [], []
        for name, (a, b) in factors.items():
            small_a, small_b, left_out, norm = _truncate(a, b, rank)
            cut[name] = (small_a, small_b)
            lost.append(left_out)
            total.append(norm)
        factors = cut
        details = {
            "rank": rank,
            "relative_error": _ratio(math.hypot(*lost), math.hypot(*total)),
            "worst_error": max(_ratio(one, norm) for one, norm in zip(lost, total, strict=True)),
        }
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
            _sum([adapter.factors[name][0] for adapter in adapters], on_a),
            _sum([adapter.factors[name][1] for adapter in adapters], on_b),
        )
        for name in adapters[0].factors
    }
    return merged(adapters, factors, rank=rank, alpha=float(rank), method="peft", weights=shares)


def _sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Σ w_i T_i over tensors of one shape."""
    return torch.stack([weight * wide(one) for weight, one in zip(weights, tensors, strict=True)]).sum(0)


def _truncate(a: Tensor, b: Tensor, rank: int) -> tuple[Tensor, Tensor, float, float]:
    """The best rank-`rank` factors of B·A, ‖what is left out‖ and ‖B·A‖ (Frobenius).

    A [R, in] and B [out, R] are each reduced by QR first, so that the SVD is of a matrix no larger than
    R × R and the full update [out, in] is never formed. Factors share the singular values evenly; where the
    matrix has fewer than `rank` of them, the rest is zero.
    """
    q_b, r_b = torch.linalg.qr(b.double())
    q_a, r_a = torch.linalg.qr(a.double().T)
    u, s, vh = torch.linalg.svd(r_b @ r_a.T, full_matrices=False)
    kept = min(rank, len(s))
    root = s[:kept].sqrt()
    new_a, new_b = a.new_zeros(rank, a.shape[1]), b.new_zeros(b.shape[0], rank)
    new_a[:kept] = (root[:, None] * (vh[:kept] @ q_a.T)).to(a.dtype)
    new_b[:, :kept] = (q_b @ u[:, :kept] * root).to(b.dtype)
    return new_a, new_b, float(s[kept:].norm()), float(s.norm())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
