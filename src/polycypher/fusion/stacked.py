"""The stacked adapter: K LoRAs in one pair of matrices, mixed row by row by a gate vector.

For a linear layer W₀ with adapters (A_i, B_i), scale s_i = alpha_i / r_i:

    A = [A_1; …; A_K]  [Σr, in]      B = [B_1, …, B_K]  [out, Σr]
    y = W₀ x + B · (g ⊙ (A x))       g = (w_1 s_1 ×r_1, …, w_K s_K ×r_K)  [Σr]

Each row of a batch has its own g: one-hot weights give adapter i alone, so K rows give all K adapters'
outputs in one pass (the paper's logits fusion); the gate's weights give Σ w_i ΔW_i, exact fusion of the
updates, in one row. Ranks may differ. Where weights are to differ by token or layer, a `LayerRouter` makes
each layer's change (`StackedAdapter.routed`). Knows nothing of languages or databases.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from polycypher.adapters.lora import LoraAdapter
from polycypher.errors import AdapterError


@dataclass(frozen=True, slots=True)
class Site:
    """Where a stacked layer is: its module's name, its number among the stacked layers (-1 if no adapter
    changes it), the model's block that it belongs to (-1 outside of all), and its sizes."""

    name: str
    number: int
    block: int
    size_in: int
    size_out: int

    @property
    def leaf(self) -> str:
        """The last part of the name, such as `q_proj`."""
        return self.name.rpartition(".")[2]


class LayerRouter(Protocol):
    """Makes the change of every stacked layer in place of fixed gate vectors."""

    @property
    def opens(self) -> Sequence[str]:
        """Linear layers that it changes although no adapter does."""
        ...

    def update(self, layer: StackedLinear, x: Tensor) -> Tensor:
        """What is added to the layer's output [rows, seq, out] for its input [rows, seq, in]."""
        ...


class _Gates(threading.local):
    """What every stacked layer sees, each thread for itself: the gate vectors of the batch in flight,
    [rows, Σr] or None, or a router in their place; each adapter's place on the ranks, `owner` [Σr], and its
    scale there."""

    def __init__(self, owner: Tensor, scales: Tensor) -> None:
        self.vectors: Tensor | None = None
        self.router: LayerRouter | None = None
        self.owner = owner
        self.scales = scales


class StackedLinear(nn.Module):
    """A linear layer and its stacked adapters: input [rows, seq, in] to output [rows, seq, out]."""

    a: Tensor
    b: Tensor

    def __init__(self, base: nn.Module, a: Tensor, b: Tensor, gates: _Gates, site: Site) -> None:
        super().__init__()
        self.base = base
        self.register_buffer("a", a, persistent=False)
        self.register_buffer("b", b, persistent=False)
        self.site = site
        self._gates = gates

    def mixed(self, low: Tensor, weights: Tensor) -> Tensor:
        """B (g ⊙ low) for `low` = A x [rows, seq, Σr] and weights [rows or 1, seq or 1, K]."""
        g = weights[..., self._gates.owner] * self._gates.scales
        return nn.functional.linear(low * g.to(low.dtype), self.b)

    @property
    def owner(self) -> Tensor:
        """Which adapter each rank belongs to, [Σr]."""
        return self._gates.owner

    @property
    def scales(self) -> Tensor:
        """alpha / r of each rank's adapter, [Σr]."""
        return self._gates.scales

    def forward(self, x: Tensor) -> Tensor:
        """W₀ x + B (g ⊙ (A x)); without gate vectors or a router, W₀ x."""
        y: Tensor = self.base(x)
        if self._gates.router is not None:
            return y + self._gates.router.update(self, x)
        g = self._gates.vectors
        if g is None:
            return y
        low = nn.functional.linear(x, self.a)
        return y + nn.functional.linear(low * g[:, None, :], self.b)


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
        self._model = model
        reference = next(model.parameters())
        names = sorted({name for adapter in adapters for name in adapter.factors})
        ranks = [adapter.rank for adapter in adapters]
        scales = torch.cat([torch.full((adapter.rank,), adapter.scale) for adapter in adapters])
        owner = torch.repeat_interleave(torch.arange(self.count), torch.tensor(ranks))
        self._gates = _Gates(owner.to(reference.device), scales.to(reference.device, reference.dtype))
        self.layers: list[StackedLinear] = []
        for number, name in enumerate(names):
            holder, leaf, base = _found(model, name)
            size_out, size_in = base.weight.shape
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
            site = Site(name, number, _block(name), size_in, size_out)
            self.layers.append(StackedLinear(base, torch.cat(a), torch.cat(b, 1), self._gates, site))
            setattr(holder, leaf, self.layers[-1])

    def set_weights(self, weights: Tensor | None) -> None:
        """Mix the adapters by `weights` [rows, K] from now on; None switches them off."""
        self._gates.vectors = None if weights is None else self.vectors_of(weights)

    def vectors_of(self, weights: Tensor) -> Tensor:
        """The gate vectors g [rows, Σr] of weights [rows, K]."""
        gates = self._gates
        return weights.to(gates.scales)[:, gates.owner] * gates.scales

    def use_vectors(self, vectors: Tensor) -> None:
        """`set_weights` with what `vectors_of` gave."""
        self._gates.vectors = vectors

    @contextmanager
    def routed(self, router: LayerRouter | None) -> Iterator[None]:
        """Within, `router` makes every layer's change, whatever gate vectors are set; None switches all
        adapters off. Layers that it changes besides are stacked layers without ranks for so long.

        Raises:
            AdapterError: it changes a module that the model lacks.
        """
        gates, opened = self._gates, []
        before = gates.router, gates.vectors
        try:
            stacked = {layer.site.name for layer in self.layers}
            for name in router.opens if router is not None else ():
                if name in stacked:
                    continue
                holder, leaf, base = _found(self._model, name)
                size_out, size_in = base.weight.shape
                site = Site(name, -1, _block(name), size_in, size_out)
                none = base.weight.new_empty(0)
                layer = StackedLinear(base, none.view(0, size_in), none.view(size_out, 0), gates, site)
                setattr(holder, leaf, layer)
                opened.append((holder, leaf, base))
            gates.router, gates.vectors = router, None
            yield
        finally:
            gates.router, gates.vectors = before
            for holder, leaf, base in opened:
                setattr(holder, leaf, base)

    @property
    def vectors(self) -> Tensor | None:
        """The gate vectors that are set, [rows, Σr]; None while the adapters are off."""
        return self._gates.vectors

    def one_hot(self) -> Tensor:
        """The weights that give each adapter its own row: the identity [K, K]."""
        return torch.eye(self.count, device=self._gates.scales.device)

    @property
    def sites(self) -> tuple[Site, ...]:
        """Where the stacked layers are, in the order of their numbers."""
        return tuple(layer.site for layer in self.layers)


def _found(model: nn.Module, name: str) -> tuple[Any, str, Any]:
    """A linear layer: what holds it, under which name, and itself."""
    parent, _, leaf = name.rpartition(".")
    try:
        holder: Any = model.get_submodule(parent)
        base = getattr(holder, leaf)
        _, _ = base.weight.shape
    except (AttributeError, ValueError):
        raise AdapterError(f"an adapter changes {name}, which the base model does not have") from None
    return holder, leaf, base


def _block(name: str) -> int:
    """The number of the model's block that a module belongs to; -1 where its name holds none."""
    found = re.search(r"\.(\d+)\.", name)
    return -1 if found is None else int(found[1])
