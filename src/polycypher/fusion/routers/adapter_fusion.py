"""AdapterFusion: attention over the adapters' outputs.

Pfeiffer et al., EACL 2021, arXiv 2005.00247, §3.2; `BertFusion` in the `adapters` library. At each adapted
layer with input x and the adapters' outputs z_i = s_i B_i A_i x,

    w = softmax_i(q · k_i)        q = (Q x + b) / √d        k_i = K z_i        o = Σ_i w_i z_i

What differs: (1) queries and keys have d dimensions instead of the layer's width, because every linear
layer is fused here and not one place a block; the division by √d stands for the paper's temperature. (2) The
value map V, which the paper starts at the identity and trains with a penalty that keeps it there, is the
identity: so the output stays a weighted sum of the frozen adapters, and the stacked adapter computes it.
(3) q reads the layer's input, not its output, of which the adapters are a part. K z_i is computed from A x by
K B_i, so the outputs themselves are never made. Knows nothing of training.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from polycypher.errors import UsageError
from polycypher.fusion.routers.router import Granularity, Shape, TokenRouter
from polycypher.fusion.stacked import StackedLinear


class AdapterFusionRouter(TokenRouter):
    """Token × layer weights from attention over the adapters' outputs."""

    granularity = Granularity.TOKEN_AND_LAYER

    def __init__(self, shape: Shape, *, size: int = 16) -> None:
        """`size`: d. Raises `UsageError` if it is not positive."""
        super().__init__(shape, size=size)
        if size < 1:
            raise UsageError("AdapterFusion's size is positive")
        self._size = size
        self.queries = nn.ModuleList(nn.Linear(site.size_in, size) for site in shape.sites)
        # A bias of the keys would add the same to every score.
        self.keys = nn.ModuleList(nn.Linear(site.size_out, size, bias=False) for site in shape.sites)

    def weights(self, layer: StackedLinear, x: Tensor, low: Tensor) -> Tensor:
        """See `TokenRouter`."""
        number = layer.site.number
        query = self.queries[number](x) / math.sqrt(self._size)
        w: Any = self.keys[number].weight  # a list of modules says nothing of what they are
        to_key = torch.matmul(w, layer.b.float() * layer.scales.float())
        # q · K s_i B_i A_i x is a sum over adapter i's ranks of (q K s B) ⊙ (A x).
        parts = (query @ to_key) * low
        owned = torch.nn.functional.one_hot(layer.owner, self.shape.adapters).to(parts)
        weights = torch.softmax(parts @ owned, -1)
        self.note(weights)
        return weights

    def multiply_adds(self) -> int:
        """See `Router`; K B_i does not depend on the token."""
        ranks = sum(self.shape.ranks)
        return sum(self._size * (site.size_in + ranks) + ranks for site in self.shape.sites)
