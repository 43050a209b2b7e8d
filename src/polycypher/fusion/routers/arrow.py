"""Arrow: an adapter's own direction says which tokens it is for. Nothing is trained.

Ostapenko et al., arXiv 2405.11157, §3.2; PEFT's `ArrowLoraLinearLayer`. At each layer, the prototype v_i of
an adapter is the top right singular vector of its update ΔW_i = B_i A_i, the input direction that it changes
most, and

    c_i = |x · v_i|        w = softmax over the k largest c_i / τ, zero elsewhere

v_i comes from the small factors: with Q_B R_B = B and Q_A R_A = Aᵀ, ΔW = Q_B (R_B R_Aᵀ) Q_Aᵀ, so v = Q_A u
for the top right singular vector u of the r×r matrix in the middle; ΔW is not formed. PEFT finds it by
fifteen power iterations; where they converge, the two agree (tested). An adapter that does not change a layer
has no direction there, and scores zero. Knows nothing of training.
"""

from __future__ import annotations

import torch
from torch import Tensor

from polycypher.errors import UsageError
from polycypher.fusion.routers.router import Granularity, Shape, TokenRouter
from polycypher.fusion.stacked import StackedAdapter, StackedLinear


def prototype(a: Tensor, b: Tensor) -> Tensor:
    """The top right singular vector [in] of B A for A [r, in], B [out, r], up to its sign; zeros if none."""
    q, r_a = torch.linalg.qr(a.double().T)
    r_b = torch.linalg.qr(b.double()).R
    _, values, right = torch.linalg.svd(r_b @ r_a.T)
    direction: Tensor = q @ right[0]
    return (direction if float(values[0]) > 0 else torch.zeros_like(direction)).float()


class ArrowRouter(TokenRouter):
    """Token × layer weights from the adapters' own directions."""

    granularity = Granularity.TOKEN_AND_LAYER

    def __init__(self, shape: Shape, *, top_k: int = 3, temperature: float = 1.0) -> None:
        """
        Args:
            shape: of the stacked adapters.
            top_k: adapters that a token may use; at most all of them.
            temperature: τ. The defaults are PEFT's.

        Raises:
            UsageError: `top_k` or the temperature is not positive.
        """
        super().__init__(shape, top_k=top_k, temperature=temperature)
        if top_k < 1 or temperature <= 0:
            raise UsageError("Arrow's top_k and temperature are positive")
        self._top_k = min(top_k, shape.adapters)
        self._temperature = temperature
        # Made from the adapters themselves (`attach`), so never saved: they cannot be another adapter's.
        self._prototypes: list[Tensor] = []

    def attach(self, stacked: StackedAdapter) -> None:
        """See `Router`: finds the directions, [K, in] a layer."""
        super().attach(stacked)
        owner = stacked.layers[0].owner
        self._prototypes = [
            torch.stack(
                [
                    prototype(layer.a[owner == adapter], layer.b[:, owner == adapter])
                    for adapter in range(stacked.count)
                ]
            )
            for layer in stacked.layers
        ]

    def weights(self, layer: StackedLinear, x: Tensor, low: Tensor) -> Tensor:
        """See `TokenRouter`."""
        scores = (x @ self._prototypes[layer.site.number].T).abs()
        kept, places = scores.topk(self._top_k, -1)
        masked = torch.full_like(scores, float("-inf")).scatter(-1, places, kept)
        return torch.softmax(masked / self._temperature, -1)

    def multiply_adds(self) -> int:
        """See `Router`."""
        return self.shape.adapters * sum(site.size_in for site in self.shape.sites)
