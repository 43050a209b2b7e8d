"""LoRA-Soups: one weight for each adapter and module, learned by gradient (CAT; Prabhakar et al., arXiv
2410.13025).

    ΔW_m = Σ_i α_{m,i} s_i B_{m,i} A_{m,i}      for each module m

Only the α are trained, on a few examples of the target; the adapters stay as they are. As in the released
code, the α of a module are a softmax over the adapters; `softmax=False` leaves them free, as the formula is
written. They start uniform (the code draws them at random), so that step 0 is the `exact` merge.

The loss is a callable: from the merged adapter, whose factors carry the gradient, to a number. This file
knows nothing of models, corpora or how the loss is made (`applied` makes one from a model).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.common import check_alike, concatenated, merge_weights, merged
from polycypher.errors import TrainingError

Loss = Callable[[LoraAdapter], Tensor]
"""From a merged adapter to a loss: a tensor with one element that depends on the adapter's factors."""


def lora_soups(
    adapters: Sequence[LoraAdapter],
    loss: Loss,
    *,
    steps: int = 100,
    rate: float = 0.05,
    softmax: bool = True,
    watch: Callable[[int, float], None] | None = None,
) -> LoraAdapter:
    """Learn the weights with Adam and merge; the result has rank Σ r_i.

    `record["merge"]` holds the mean weight of each adapter as `weights`, each module's own as
    `module_weights`, `first_loss` and `last_loss`.

    Args:
        adapters: ranks and alphas may differ.
        loss: called once a step; it may draw another batch each time.
        steps, rate: of Adam, over all α together.
        softmax: whether a module's weights are positive and sum to one.
        watch: called with step and loss.

    Raises:
        AdapterError: the adapters differ in prompt, base or modules, or hold what is no number.
        TrainingError: the loss is no number, or does not depend on the adapter.
    """
    start = merge_weights(adapters, None)
    check_alike(adapters)
    whole = concatenated(adapters, [1.0] * len(adapters))
    owner = torch.repeat_interleave(
        torch.arange(len(adapters)), torch.tensor([one.rank for one in adapters])
    )  # [Σr]: whose rank it is
    names = sorted(whole)
    told = torch.zeros(len(names), len(adapters)) if softmax else torch.tensor([start] * len(names))
    told.requires_grad_()
    optimizer = torch.optim.Adam([told], lr=rate)
    losses: list[float] = []
    for step in range(steps):
        found = loss(_soup(adapters, whole, names, _weights(told, softmax), owner))
        _check(found, step)
        losses.append(found.item())
        if watch is not None:
            watch(step, losses[-1])
        optimizer.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        optimizer.step()
    weights = _weights(told, softmax).detach()
    soup = _soup(adapters, whole, names, weights, owner)
    details: dict[str, Any] = {
        "module_weights": dict(zip(names, weights.tolist(), strict=True)),
        "steps": steps,
        "rate": rate,
        "softmax": softmax,
    }
    if losses:
        details |= {"first_loss": losses[0], "last_loss": losses[-1]}
    return merged(
        adapters,
        soup.factors,
        rank=soup.rank,
        alpha=soup.alpha,
        method="lora-soups",
        weights=weights.mean(0).tolist(),
        details=details,
    )


def _weights(told: Tensor, softmax: bool) -> Tensor:
    """α [modules, K]."""
    return told.softmax(-1) if softmax else told


def _soup(
    adapters: Sequence[LoraAdapter],
    whole: Mapping[str, tuple[Tensor, Tensor]],
    names: Sequence[str],
    weights: Tensor,
    owner: Tensor,
) -> LoraAdapter:
    """The merged adapter at these weights [modules, K], differentiable in them."""
    first = adapters[0]
    rank = len(owner)
    factors = {
        name: (whole[name][0], whole[name][1] * row[owner].to(whole[name][1]))
        for name, row in zip(names, weights, strict=True)
    }
    return LoraAdapter(
        factors,
        rank,
        float(rank),
        base=first.base,
        prompt_hash=first.prompt_hash,
        base_fingerprint=first.base_fingerprint,
    )


def _check(loss: Tensor, step: int) -> None:
    if loss.numel() != 1 or not bool(loss.isfinite().all()):
        raise TrainingError(
            f"the loss of step {step} is no number; check the examples, or take a smaller rate"
        )
    if not loss.requires_grad:
        raise TrainingError(
            "the loss does not depend on the adapter it is given; compute it with the adapter's factors"
        )
