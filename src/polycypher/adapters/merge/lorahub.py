"""LoraHub: one weight for each adapter, searched without gradients (Huang et al., arXiv 2307.13269, §3).

    A = Σ w_i A_i,  B = Σ w_i B_i       (the `factor` merge)
    minimise  loss(w) + 0.05 · mean |w_i|   over w in [−1.5, 1.5]^K, from 0, in 40 evaluations

The paper names CMA-ES; its code asks `nevergrad` for NGOpt, which picks another method for each size and,
in version 1.0.12, fails with current numpy for some. Here it is nevergrad's CMA (for one adapter, its
one-plus-one search). The best weights tried are taken.

The loss is a callable: from a merged adapter to a number. This file knows nothing of models or corpora.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.common import merge_weights
from polycypher.adapters.merge.linear import factor
from polycypher.errors import AdapterError, TrainingError, UsageError

Combine = Callable[[Sequence[LoraAdapter], Sequence[float]], LoraAdapter]


def lorahub(
    adapters: Sequence[LoraAdapter],
    loss: Callable[[LoraAdapter], float],
    *,
    budget: int = 40,
    seed: int = 0,
    bound: float = 1.5,
    penalty: float = 0.05,
    combine: Combine = factor,
    watch: Callable[[int, float], None] | None = None,
) -> LoraAdapter:
    """Search the weights and merge.

    `record["merge"]` holds the weights, `budget`, `seed`, `bound`, `penalty` and `best_loss`, the loss of the
    merged adapter without the penalty.

    Args:
        adapters: of equal rank, unless `combine` is `exact`.
        loss: called `budget` times with another adapter; lower is better.
        seed: of the search; the same seed and losses give the same weights.
        bound: the largest absolute weight.
        penalty: times the mean absolute weight, added to the loss (the paper's L1 term).
        combine: how weights make an adapter: the paper's `factor`, or `exact`.
        watch: called with the evaluation's number and its loss.

    Raises:
        AdapterError: the adapters cannot be merged by `combine`.
        TrainingError: a loss is no number.
        UsageError: nevergrad is not installed.
    """
    combine(adapters, merge_weights(adapters, None))  # refused before anything long is loaded
    if budget < 1 or bound <= 0:
        raise AdapterError(f"a search of {budget} steps within {bound:g} finds nothing; give both above zero")
    optimizer = _search(len(adapters), budget, seed, bound)
    best: tuple[float, float, list[float]] | None = None
    for step in range(budget):
        asked = _quietly(optimizer.ask)
        weights = [float(weight) for weight in asked.value]
        found = float(loss(combine(adapters, weights)))
        if not math.isfinite(found):
            raise TrainingError(f"the loss of the weights {weights} is no number; check the examples")
        if watch is not None:
            watch(step, found)
        score = found + penalty * sum(map(abs, weights)) / len(weights)
        _quietly(optimizer.tell, asked, score)
        if best is None or score < best[0]:
            best = score, found, weights
    assert best is not None  # a budget is at least one
    made = combine(adapters, best[2])
    told = {"budget": budget, "seed": seed, "bound": bound, "penalty": penalty, "best_loss": best[1]}
    merge = {**made.record["merge"], "combine": made.record["merge"]["method"], "method": "lorahub", **told}
    return replace(made, record={**made.record, "merge": merge})


def _search(size: int, budget: int, seed: int, bound: float) -> Any:
    """A CMA-ES of `size` weights that starts at zero."""
    try:
        import nevergrad  # type: ignore[import-untyped, unused-ignore]  # untyped
    except ImportError:
        raise UsageError(
            "lorahub searches with nevergrad, which is not installed; pip install 'polycypher[study]'"
        ) from None
    space = nevergrad.p.Array(init=[0.0] * size, lower=[-bound] * size, upper=[bound] * size)
    space.random_state.seed(seed)
    return nevergrad.optimizers.CMA(parametrization=space, budget=budget)


def _quietly(call: Callable[..., Any], *arguments: Any) -> Any:
    """nevergrad asks its CMA-ES for one point at a time, of which that library warns on every few."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="orphanated injected")
        return call(*arguments)
