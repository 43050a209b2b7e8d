"""X-LoRA: weights by token and layer, from the states of a first pass without adapters.

Buehler and Buehler, arXiv 2402.07148; PEFT's `XLoraModel`. A head reads the base's last hidden state h_t of
every token (adapters off) and gives K weights for each adapted layer l:

    w_{t,l} = softmax(head(h_t)_l / τ)        head: one linear map, or linear and ReLU maps of `width`

The paper trains the head alone, as here. What differs: every token goes through the model twice, in decoding
too, with keys and values of its own in each pass (PEFT's generation runs without them). `layerwise=False` is
PEFT's default, one vector for all layers. Knows nothing of training.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from polycypher.errors import UsageError
from polycypher.fusion.routers.router import Granularity, Shape, TokenRouter
from polycypher.fusion.stacked import StackedLinear


class XLoraRouter(TokenRouter):
    """Token × layer weights from adapters-off states."""

    granularity = Granularity.TOKEN_AND_LAYER
    base_states = True

    def __init__(
        self,
        shape: Shape,
        *,
        layerwise: bool = True,
        depth: int = 1,
        width: int = 256,
        temperature: float = 1.0,
    ) -> None:
        """
        Args:
            shape: of the stacked adapters.
            layerwise: weights for each layer, or one vector for all.
            depth: linear maps of the head.
            width: between them.
            temperature: τ.

        Raises:
            UsageError: a depth, width or temperature that is not positive.
        """
        super().__init__(shape, layerwise=layerwise, depth=depth, width=width, temperature=temperature)
        if depth < 1 or width < 1 or temperature <= 0:
            raise UsageError("X-LoRA's depth, width and temperature are positive")
        self._layers = len(shape.sites) if layerwise else 1
        self._temperature = temperature
        sizes = [shape.hidden, *[width] * (depth - 1), self._layers * shape.adapters]
        maps: list[nn.Module] = []
        for before, after in pairwise(sizes):
            maps += [nn.Linear(before, after), nn.ReLU()]
        self.head = nn.Sequential(*maps[:-1])
        self._weights: Tensor | None = None

    def begin(self, states: Tensor | None, seen: Tensor | None = None) -> None:
        """See `TokenRouter`: all layers' weights are made here, [rows, tokens, layers, K]."""
        super().begin(states, seen)
        if states is None:
            raise ValueError("X-LoRA routes by the states of a pass without adapters")
        with torch.autocast(states.device.type, enabled=False):
            scores = self.head(states.float()).unflatten(-1, (self._layers, self.shape.adapters))
            self._weights = torch.softmax(scores / self._temperature, -1)
        for weights in self._weights.unbind(2):
            self.note(weights)

    def weights(self, layer: StackedLinear, x: Tensor, low: Tensor) -> Tensor:
        """See `TokenRouter`."""
        if self._weights is None:
            raise ValueError("X-LoRA was not told of the tokens")
        return self._weights[:, :, layer.site.number if self._layers > 1 else 0]

    def multiply_adds(self) -> int:
        """See `Router`."""
        return sum(module.weight.numel() for module in self.head if isinstance(module, nn.Linear))
