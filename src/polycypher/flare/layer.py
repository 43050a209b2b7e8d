"""`FlareLayer`: a LoRA beside one linear layer, in whose bottleneck a source is fused with the target.

    h = W₀ t + (alpha/r) · B · φ(A s, A t)                                     arXiv 2501.06892, §3

It is a forward hook on the layer, so any decoder of `transformers` takes it as it is. W₀ t is whatever the
layer gives, with the task adapter that is stacked on it. s and t are both what the layer reads: a source's
states have gone through the norm before it, as the target's have. Knows nothing of prompts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from polycypher.flare.alignment import Alignment
from polycypher.flare.fusions import Fusion


@dataclass(slots=True)
class Flow:
    """What all layers of a model do in the pass in flight.

    By default nothing. With `recorded`, they keep what they read, by name. With `fusing`, they add their
    part: of `sources` [rows, S, r] by name, placed by `alignment`, or, where these are None, of the target
    alone.
    """

    recorded: dict[str, Tensor] | None = None
    fusing: bool = False
    sources: Mapping[str, Tensor] | None = None
    alignment: Alignment | None = None


class FlareLayer(nn.Module):
    """A [r, in], B [out, r] and φ beside the layer `name`; B = 0 at first, so that nothing is changed."""

    def __init__(
        self,
        name: str,
        size_in: int,
        size_out: int,
        *,
        alpha: float,
        fusion: Fusion,
        flow: Flow,
        device: torch.device,
    ) -> None:
        """`flow` is shared by the layers of a model; weights are drawn as PEFT draws those of a LoRA."""
        super().__init__()
        self.name = name
        self.scale = alpha / fusion.rank
        self.a = nn.Parameter(torch.empty(fusion.rank, size_in, device=device))
        self.b = nn.Parameter(torch.zeros(size_out, fusion.rank, device=device))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))
        self.fusion = fusion.to(device)
        self._flow = flow

    def down(self, states: Tensor) -> Tensor:
        """A s: states [.., in] to [.., r]."""
        return nn.functional.linear(states.to(self.a.dtype), self.a)

    def forward(self, target: Tensor) -> Tensor:
        """What is added to W₀ t: target [rows, new, in] to [rows, new, out]."""
        low = self.down(target)
        flow = self._flow
        if flow.sources is not None and flow.alignment is not None:
            low = self.fusion(flow.sources[self.name], low, flow.alignment)
        return nn.functional.linear(low * self.scale, self.b)

    def hook(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor | None:
        """Called after the layer has run; returns what takes the output's place, if anything does."""
        flow = self._flow
        if flow.recorded is not None:
            flow.recorded[self.name] = inputs[0]
        if not flow.fusing:
            return None
        added: Tensor = self(inputs[0])
        return output + added.to(output.dtype)
