"""The stacked adapter: K LoRAs in one pair of matrices, mixed row by row by a gate vector.

For a linear layer W₀ with adapters (A_i, B_i), scale s_i = alpha_i / r_i:

    A = [A_1; …; A_K]  [Σr, in]      B = [B_1, …, B_K]  [out, Σr]
    y = W₀ x + B · (g ⊙ (A x))       g = (w_1 s_1 ×r_1, …, w_K s_K ×r_K)  [Σr]

Each row of a batch has its own g: one-hot weights give adapter i alone, so K rows give all K adapters'
outputs in one pass (the paper's logits fusion); the gate's weights give Σ w_i ΔW_i, exact fusion of the
updates, in one row. Ranks may differ. Knows nothing of languages or databases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from polycypher.adapters.lora import LoraAdapter
from polycypher.errors import AdapterError


class _Gates:
    """The gate vectors of the batch in flight, seen by every stacked layer: [rows, Σr] or None."""

    def __init__(self) -> None:
        self.vectors: Tensor | None = None


class StackedLinear(nn.Module):
    """A linear layer and its stacked adapters: input [rows, seq, in] to output [rows, seq, out]."""

    def __init__(self, base: nn.Module, a: Tensor, b: Tensor, gates: _Gates) -> None:
        super().__init__()
        self.base = base
        self.register_buffer("a", a, persistent=False)
        self.register_buffer("b", b, persistent=False)
        self._gates = gates

    def forward(self, x: Tensor) -> Tensor:
        """W₀ x + B (g ⊙ (A x)); without gate vectors, W₀ x."""
        y: Tensor = self.base(x)
        g = self._gates.vectors
        if g is None:
            return y
        low = nn.functional.linear(x, self.a)  # type: ignore[arg-type]
        return y + nn.functional.linear(low * g[:, None, :], self.b)  # type: ignore[arg-type]


class StackedAdapter:
    """K adapters installed in a model. The base weights are not touched.

    Without gate vectors set (`set_weights(None)`), the model is the base alone.
    """

    def __init__(self, model: nn.Module, adapters: Sequence[LoraAdapter]) -> None:
        """Install `adapters` into `model`, in order.

        Raises:
            AdapterError: no adapter, or one names a module the model lacks or of another size.
        """
        if not adapters:
            raise AdapterError("no adapter to stack; a bundle needs at least one language")
        self.count = len(adapters)
        self._gates = _Gates()
        reference = next(model.parameters())
        names = sorted({name for adapter in adapters for name in adapter.factors})
        ranks = [adapter.rank for adapter in adapters]
        scales = [torch.full((adapter.rank,), adapter.scale) for adapter in adapters]
        self._scales = torch.cat(scales).to(reference.device, reference.dtype)
        self._owner = torch.repeat_interleave(torch.arange(self.count), torch.tensor(ranks)).to(
            reference.device
        )
        for name in names:
            parent, _, leaf = name.rpartition(".")
            try:
                holder: Any = model.get_submodule(parent)
                base = getattr(holder, leaf)
                size_out, size_in = base.weight.shape
            except AttributeError:
                raise AdapterError(f"an adapter changes {name}, which the base model does not have") from None
            a, b = [], []
            for adapter in adapters:
                empty = (torch.zeros(adapter.rank, size_in), torch.zeros(size_out, adapter.rank))
                one, two = adapter.factors.get(name, empty)
                if one.shape[1] != size_in or two.shape[0] != size_out or one.shape[0] != adapter.rank:
                    raise AdapterError(
                        f"the adapter '{adapter.language}' does not fit {name}: it is for another base"
                    )
                a.append(one.to(reference.device, reference.dtype))
                b.append(two.to(reference.device, reference.dtype))
            setattr(holder, leaf, StackedLinear(base, torch.cat(a), torch.cat(b, 1), self._gates))

    def set_weights(self, weights: Tensor | None) -> None:
        """Mix the adapters by `weights` [rows, K] from now on; None switches them off."""
        if weights is None:
            self._gates.vectors = None
        else:
            self._gates.vectors = weights.to(self._scales)[:, self._owner] * self._scales

    @property
    def vectors(self) -> Tensor | None:
        """The gate vectors that are set, [rows, Σr]; None while the adapters are off."""
        return self._gates.vectors

    def one_hot(self) -> Tensor:
        """The weights that give each adapter its own row: the identity [K, K]."""
        return torch.eye(self.count, device=self._scales.device)
