"""Low-rank approximation of updates, with what it loses (Eckart and Young, 1936).

The best approximation of rank R of a matrix keeps its R largest singular values; ‖what is left out‖² is the
sum of the squares of the others. Knows nothing of adapters: it takes and gives factors A [R, in], B [out, R]
whose product is the update.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from polycypher.adapters.merge.common import Factors
from polycypher.errors import AdapterError


@dataclass(frozen=True, slots=True)
class Cut:
    """One matrix after truncation: its factors, ‖what is left out‖ and ‖what was there‖ (Frobenius)."""

    a: Tensor
    b: Tensor
    lost: float
    norm: float


def check_rank(rank: int, whole: int) -> None:
    """Check that an update of rank `whole` can be cut to `rank`.

    Raises:
        AdapterError: `rank` is not in 1 … `whole`.
    """
    if not 1 <= rank <= whole:
        raise AdapterError(
            f"the merged adapter has rank {whole} and cannot be cut to {rank}; give 1 to {whole}"
        )


def truncated(factors: Factors, rank: int) -> tuple[Factors, dict[str, float]]:
    """Each B·A at rank `rank`, and what that loses (see `losses`)."""
    cuts = {name: cut_product(a, b, rank) for name, (a, b) in factors.items()}
    return {name: (cut.a, cut.b) for name, cut in cuts.items()}, losses(cuts, rank)


def losses(cuts: Mapping[str, Cut], rank: int) -> dict[str, float]:
    """`rank`; `relative_error`, ‖ΔW − ΔW_rank‖ / ‖ΔW‖ in the Frobenius norm over all matrices; and
    `worst_error`, the largest of a single matrix."""
    return {
        "rank": rank,
        "relative_error": _ratio(
            math.hypot(*(cut.lost for cut in cuts.values())), math.hypot(*(cut.norm for cut in cuts.values()))
        ),
        "worst_error": max(_ratio(cut.lost, cut.norm) for cut in cuts.values()),
    }


def cut_product(a: Tensor, b: Tensor, rank: int) -> Cut:
    """B·A at rank `rank`, without forming it.

    A [R, in] and B [out, R] are each reduced by QR first, so that the SVD is of a matrix no larger than
    R × R.
    """
    q_b, r_b = torch.linalg.qr(b.double())
    q_a, r_a = torch.linalg.qr(a.double().T)
    u, s, vh = torch.linalg.svd(r_b @ r_a.T, full_matrices=False)
    return _cut(q_b @ u, s, vh @ q_a.T, rank, a.dtype)


def cut_matrix(update: Tensor, rank: int) -> Cut:
    """A full update [out, in] at rank `rank`."""
    u, s, vh = torch.linalg.svd(update, full_matrices=False)
    return _cut(u, s, vh, rank, update.dtype)


def _cut(u: Tensor, s: Tensor, vh: Tensor, rank: int, dtype: torch.dtype) -> Cut:
    """Factors that share the singular values evenly; where there are fewer than `rank`, the rest is zero."""
    kept = min(rank, len(s))
    root = s[:kept].sqrt()
    a, b = vh.new_zeros(rank, vh.shape[1], dtype=dtype), u.new_zeros(u.shape[0], rank, dtype=dtype)
    a[:kept] = (root[:, None] * vh[:kept]).to(dtype)
    b[:, :kept] = (u[:, :kept] * root).to(dtype)
    return Cut(a, b, lost=float(s[kept:].norm()), norm=float(s.norm()))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
