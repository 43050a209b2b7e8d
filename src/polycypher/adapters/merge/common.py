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


def check_alike(adapters: Sequence[LoraAdapter], *, same_rank: bool = False) -> None:
    """Check that the adapters were trained on one base, with one prompt, and change the same matrices.

    With `same_rank` also that their ranks are equal, for merges that add A to A and B to B.

    Raises:
        AdapterError: two differ; the message names both and what differs.
    """
    first = adapters[0]
    for place, other in enumerate(adapters[1:], 1):
        pair = f"{_name(adapters, 0)} and {_name(adapters, place)}"
        for what, one, two, remedy in (
            ("prompt", first.prompt_hash, other.prompt_hash, "train them with one prompt"),
            ("base model", _base(first), _base(other), "train them on one base"),
        ):
            if one != two:
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
) -> LoraAdapter:
    """The merged adapter: `factors` with base, prompt and the record of what went in.

    Its language joins those of the adapters with a weight (`en+es+tr`). `record["merge"]` holds method,
    weights, `details` and, of each adapter, language, rank, alpha and its own record. Tensors are detached.
    """
    first = adapters[0]
    heard = [one.language for one, weight in zip(adapters, weights, strict=True) if weight and one.language]
    return LoraAdapter(
        factors={name: (a.detach(), b.detach()) for name, (a, b) in factors.items()},
        rank=rank,
        alpha=alpha,
        base=first.base,
        language="+".join(dict.fromkeys(heard)),
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


def _base(adapter: LoraAdapter) -> str:
    """What tells the base: its fingerprint, or its name where an adapter from elsewhere has none."""
    return adapter.base_fingerprint or adapter.base


def _name(adapters: Sequence[LoraAdapter], place: int) -> str:
    """How a message calls an adapter: its number and its language, where it has one."""
    language = adapters[place].language
    return f"{place + 1} ({language})" if language else str(place + 1)
