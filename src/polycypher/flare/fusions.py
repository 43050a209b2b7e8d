"""φ: how a source state and a target state become one in a LoRA's bottleneck (arXiv 2501.06892, §3).

With S = A·s and T = A·t, the states of one place behind the shared down-projection, [.., r]:

    add              S + T
    mul              S ⊙ T
    add-relu         ReLU(S) + ReLU(T)
    cross-attention  softmax(T W_q (S W_k)ᵀ / √r + M) S W_v

M lets a target token look at the source tokens up to its own place and at no padding. Where there is no
source token, φ is T: the layer is a plain LoRA there. A new φ is one class here and one line in `FUSIONS`.
Knows nothing of models, prompts or where the states come from.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from polycypher.errors import UsageError
from polycypher.flare.alignment import Alignment


class Fusion(nn.Module):
    """One φ. `attends` tells whether it looks at `Alignment.seen`."""

    attends: ClassVar[bool] = False

    def __init__(self, rank: int) -> None:
        super().__init__()
        self.rank = rank

    @abstractmethod
    def forward(self, source: Tensor, target: Tensor, alignment: Alignment) -> Tensor:
        """S [rows, source tokens, r] and T [rows, new, r] to φ [rows, new, r]."""


class _Elementwise(Fusion):
    """A φ of the two states of one place."""

    def forward(self, source: Tensor, target: Tensor, alignment: Alignment) -> Tensor:
        """See `Fusion`."""
        places = alignment.places[..., None]
        if source.shape[1] == 0:
            return target
        beside = source.gather(1, places.clamp_min(0).expand(-1, -1, source.shape[-1]))
        return torch.where(places >= 0, self.combine(beside, target), target)

    @abstractmethod
    def combine(self, source: Tensor, target: Tensor) -> Tensor:
        """S and T of the same places, [rows, new, r] each."""


class Add(_Elementwise):
    """S + T."""

    def combine(self, source: Tensor, target: Tensor) -> Tensor:
        """See `_Elementwise`."""
        return source + target


class Multiply(_Elementwise):
    """S ⊙ T."""

    def combine(self, source: Tensor, target: Tensor) -> Tensor:
        """See `_Elementwise`."""
        return source * target


class AddReLU(_Elementwise):
    """ReLU(S) + ReLU(T), the paper's best."""

    def combine(self, source: Tensor, target: Tensor) -> Tensor:
        """See `_Elementwise`."""
        return torch.relu(source) + torch.relu(target)


class CrossAttention(Fusion):
    """One head of r dimensions: the target asks, the source answers."""

    attends = True

    def __init__(self, rank: int) -> None:
        super().__init__(rank)
        self.query = nn.Linear(rank, rank, bias=False)
        self.key = nn.Linear(rank, rank, bias=False)
        self.value = nn.Linear(rank, rank, bias=False)

    def forward(self, source: Tensor, target: Tensor, alignment: Alignment) -> Tensor:
        """See `Fusion`."""
        seen = alignment.seen
        assert seen is not None
        if source.shape[1] == 0:
            return target
        found = seen.any(-1, keepdim=True)
        # A row of the softmax that is masked whole would be no number; what it gives is not used.
        mask = seen | ~found
        answered = nn.functional.scaled_dot_product_attention(
            self.query(target), self.key(source), self.value(source), attn_mask=mask
        )
        return torch.where(found, answered, target)


FUSIONS: dict[str, type[Fusion]] = {
    "add": Add,
    "mul": Multiply,
    "add-relu": AddReLU,
    "cross-attention": CrossAttention,
}
"""Fusions by name."""


def fusion_named(name: str, rank: int) -> Fusion:
    """A φ with fresh weights, if it has any.

    Raises:
        UsageError: none has the name.
    """
    if name not in FUSIONS:
        raise UsageError(f"no fusion is named '{name}'; there are {', '.join(FUSIONS)}")
    return FUSIONS[name](rank)
