"""What a router costs: multiply-adds of one decoded token, counted by formula.

For a base with weights W of its linear layers (L without the output layer), adapters of ranks r_i at sites of
sizes in → out, and the router's own work,

    one adapter   W + mean r · Σ_sites (in + out)
    a router      W + extra passes · L + extra rows · (L + S) + S + own        S = Σr · Σ_sites (in + out)

All ranks count, whatever the weights: the stacked product computes them all. Attention over earlier tokens is
left out on both sides, as is the prompt. Knows nothing of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from polycypher.fusion.routers.router import Router


@dataclass(frozen=True, slots=True)
class TokenCost:
    """Multiply-adds of one decoded token: `base` alone, what one `adapter` and what the `router` add."""

    base: int
    adapter: int
    router: int

    @property
    def relative(self) -> float:
        """The router's token in tokens of one plain adapter."""
        return (self.base + self.router) / (self.base + self.adapter)


def cost_of(router: Router, model: Any) -> TokenCost:
    """The cost of a token with `router` on a causal language model with its stacked adapters."""
    base = sum(
        module.in_features * module.out_features
        for module in model.modules()
        if isinstance(module, nn.Linear)
    )
    layers = base - model.lm_head.weight.numel()
    shape = router.shape
    sizes = sum(site.size_in + site.size_out for site in shape.sites)
    stacked = sum(shape.ranks) * sizes
    return TokenCost(
        base,
        round(stacked / shape.adapters),
        router.extra_passes * layers
        + router.extra_rows * (layers + stacked)
        + stacked
        + router.multiply_adds(),
    )
