"""What every merge checks before it adds adapters, and what it writes down afterwards.

Knows nothing of how factors are combined, of models or of files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.errors import AdapterError

Factors = Mapping[str, tuple[Tensor, Tensor]]


def merge_weights(adapters: Sequence[LoraAdapter], weights: Sequence[float] | None) -> list[float]:
    """One weight an adapter; without `weights`, 1/K each.

    Raises:
        AdapterError: no adapter, another number of weights than adapters, or a weight that is not finite.
    """
    if not adapters:
        raise AdapterError("no adapter to merge; give at least one")
    if weights is None:
        return [1.0 / len(adapters)] * len(adapters)
    found = [float(weight) for weight in weights]
    if len(found) != len(adapters):
        raise AdapterError(f"{len(found)} weights for {len(adapters)} adapters; give one an adapter")
    if not all(map(math.isfinite, found)):
        raise AdapterError(f"a merge weight must be a number, not {found}")
    return found


def check_alike(
    adapters: Sequence[LoraAdapter], *, same_rank: bool = False, same_prompt: bool = True
) -> None:
    """Check that the adapters were trained on one base, with one prompt, and change the same matrices, and
    that every number in them is one.

    With `same_rank` also that their ranks are equal, for merges that add A to A and B to B. Without
    `same_prompt`, adapters of different tasks pass.

    Raises:
        AdapterError: two differ, or one holds a NaN or infinity; the message names them and what is wrong.
    """
    for place in range(len(adapters)):
        _check_finite(adapters, place)
    first = adapters[0]
    for place, other in enumerate(adapters[1:], 1):
        pair = f"{_name(adapters, 0)} and {_name(adapters, place)}"
        for what, one, two, remedy, wanted in (
            ("prompt", first.prompt_hash, other.prompt_hash, "train them with one prompt", same_prompt),
            ("base model", base_of(first), base_of(other), "train them on one base", True),
        ):
            if wanted and one != two:
                raise AdapterError(
                    f"the adapters {pair} have another {what} ({one or 'none given'} and "
                    f"{two or 'none given'}); {remedy}"
                )
        if only := first.factors.keys() ^ other.factors.keys():
            raise AdapterError(
                f"of the adapters {pair} only one changes {min(only)}; train them on the same modules"
            )
        for name, (a, b) in first.factors.items():
            a_other, b_other = other.factors[name]
            if a.shape[1] != a_other.shape[1] or b.shape[0] != b_other.shape[0]:
                raise AdapterError(f"the adapters {pair} have other sizes of {name}; train them on one base")
        if same_rank and first.rank != other.rank:
            raise AdapterError(
                f"the adapters {pair} have ranks {first.rank} and {other.rank}, whose factors do not add; "
                "merge them with `exact`"
            )


def merged(
    adapters: Sequence[LoraAdapter],
    factors: Factors,
    *,
    rank: int,
    alpha: float,
    method: str,
    weights: Sequence[float],
    details: Mapping[str, Any] | None = None,
    language: str | None = None,
) -> LoraAdapter:
    """The merged adapter: `factors` with base, prompt and the record of what went in.

    Without `language`, its language joins those of the adapters with a weight (`en+es+tr`). Base and prompt
    are the first adapter's. `record["merge"]` holds method, weights, `details` and, of each adapter,
    language, rank, alpha and its own record. Tensors are detached.
    """
    first = adapters[0]
    heard = [one.language for one, weight in zip(adapters, weights, strict=True) if weight and one.language]
    return LoraAdapter(
        factors={name: (a.detach(), b.detach()) for name, (a, b) in factors.items()},
        rank=rank,
        alpha=alpha,
        base=first.base,
        language="+".join(dict.fromkeys(heard)) if language is None else language,
        prompt_hash=first.prompt_hash,
        base_fingerprint=first.base_fingerprint,
        record={
            "merge": {
                "method": method,
                "weights": list(weights),
                **(details or {}),
                "adapters": [
                    {
                        "language": one.language,
                        "rank": one.rank,
                        "alpha": one.alpha,
                        **({"record": dict(one.record)} if one.record else {}),
                    }
                    for one in adapters
                ],
            }
        },
    )


def wide(tensor: Tensor) -> Tensor:
    """The tensor in single precision or its own, if that is wider: merges never round to half."""
    return tensor.detach().to(torch.promote_types(tensor.dtype, torch.float32))


def weighted_sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Σ w_i T_i over tensors of one shape."""
    return torch.stack([weight * wide(one) for weight, one in zip(weights, tensors, strict=True)]).sum(0)


def concatenated(adapters: Sequence[LoraAdapter], weights: Sequence[float]) -> Factors:
    """Factors of Σ w_i s_i B_i A_i: A = [A_1; …; A_K] [Σr, in] and B = [w_1 s_1 B_1, …] [out, Σr]."""
    scales = [weight * one.scale for weight, one in zip(weights, adapters, strict=True)]
    return {
        name: (
            torch.cat([wide(one.factors[name][0]) for one in adapters]),
            torch.cat([s * wide(one.factors[name][1]) for s, one in zip(scales, adapters, strict=True)], 1),
        )
        for name in adapters[0].factors
    }


def base_of(adapter: LoraAdapter) -> str:
    """What tells the base: its fingerprint, or its name where an adapter from elsewhere has none."""
    return adapter.base_fingerprint or adapter.base


def _check_finite(adapters: Sequence[LoraAdapter], place: int) -> None:
    one = adapters[place]
    for name, pair in one.factors.items():
        if not all(bool(tensor.isfinite().all()) for tensor in pair):
            raise AdapterError(
                f"the adapter {_name(adapters, place)} holds a value that is no number in {name}; "
                "train it again"
            )
    if not math.isfinite(one.alpha):
        raise AdapterError(f"the adapter {_name(adapters, place)} has alpha {one.alpha}; it must be a number")


def _name(adapters: Sequence[LoraAdapter], place: int) -> str:
    """How a message calls an adapter: its number and its language, where it has one."""
    language = adapters[place].language
    return f"{place + 1} ({language})" if language else str(place + 1)
