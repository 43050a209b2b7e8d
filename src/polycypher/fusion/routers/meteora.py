"""MeteoRA: a gate in every LoRA layer chooses adapters token by token.

Xu et al., arXiv 2405.13053, §3; the released `MoELinear`. At each adapted layer, with its input x,

    p = softmax(G x)        w = the k largest of p, scaled to the sum one

and G [K, in] alone is trained: the cross-entropy of the answer tokens, and, times `identification` of the
training, −log p of the adapter that the question belongs to, at every layer (the paper's loss of the gating
networks). What differs: the released code computes the chosen adapters alone with kernels of its own; with a
handful of adapters the stacked product computes all, and the others' weights are zero. Knows nothing of
training.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from polycypher.errors import UsageError
from polycypher.fusion.routers.router import Granularity, Shape, TokenRouter, largest
from polycypher.fusion.stacked import StackedLinear


class MeteoraRouter(TokenRouter):
    """Token × layer weights from a linear gate a layer."""

    granularity = Granularity.TOKEN_AND_LAYER

    def __init__(self, shape: Shape, *, top_k: int = 2) -> None:
        """`top_k`: adapters that a token uses (2 in the paper), at most all of them.

        With one, the weight is one whatever the gate says, so only the identification loss trains it.

        Raises:
            UsageError: `top_k` is not positive.
        """
        super().__init__(shape, top_k=top_k)
        if top_k < 1:
            raise UsageError("MeteoRA's top_k is positive")
        self._top_k = top_k
        self.gates = nn.ModuleList(
            nn.Linear(site.size_in, shape.adapters, bias=False) for site in shape.sites
        )

    def weights(self, layer: StackedLinear, x: Tensor, low: Tensor) -> Tensor:
        """See `TokenRouter`."""
        probabilities = torch.softmax(self.gates[layer.site.number](x), -1)
        self.note(probabilities)
        return largest(probabilities, self._top_k)

    def multiply_adds(self) -> int:
        """See `Router`."""
        return self.parameters_count
