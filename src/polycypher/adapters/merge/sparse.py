"""TIES, DARE and magnitude pruning: one algorithm with four steps, chosen by data.

    sparsify   keep a share (`density`) of each adapter's entries: the largest, or drawn at random
    elect      entry by entry, one sign for all adapters; only those that agree take part
    weigh      multiply each adapter's entries by its weight
    combine    sum them, or, where a sign was elected, average those that take part

| name | sparsify | elect | paper |
|---|---|---|---|
| `ties` | magnitude | total | TIES-Merging, Yadav et al., arXiv 2306.01708, Algorithm 1 |
| `dare-linear` | random | – | DARE, Yu et al., arXiv 2311.03099, §3 |
| `dare-ties` | random | total | DARE before TIES, ibid. |
| `magnitude-prune` | magnitude | – | before task arithmetic, Ilharco et al., arXiv 2212.04089, §2 |

Each exists over two spaces. The plain names work on the factors A and B, apart, weighted by √(w_i s_i):
PEFT's `ties`, `dare_linear`, `dare_ties`, `magnitude_prune`. The names with `-svd` work on the updates
s_i B_i A_i themselves, which is what the papers call a task vector, and cut the result to a rank: PEFT's
`…_svd`.

Where PEFT, and so this, differs from the papers: TIES trims each matrix by itself, not the whole task vector;
weights, which TIES has not, multiply entries before the average, after the election; an entry whose values
sum to zero elects plus, where the code of TIES takes the sign of the whole vector. And the plain names
sparsify factors, so that the product of two pruned factors is less dense than `density`. Unlike PEFT, one
adapter alone is sparsified too, a share of nothing is refused (DARE divides by it), and at least one entry is
kept.

Without weights, each method takes those with which K copies of an adapter give that adapter: 1/K where
weighted updates are summed, 1/K² where their square roots are summed on both factors, 1 where agreeing
entries are averaged (the paper's λ = 1). PEFT has no default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.common import Factors, check_alike, merge_weights, merged, wide
from polycypher.adapters.merge.truncation import cut_matrix, losses
from polycypher.errors import AdapterError

DENSITY = 0.5
"""The share of entries kept where none is given. TIES reports 0.2 and DARE 0.1 for whole models; an adapter
of a few ranks has less to spare."""


class Sparsify(StrEnum):
    """Which entries of a matrix are kept."""

    MAGNITUDE = "magnitude"
    """The ⌊density · n⌋ largest by absolute value (TIES, "trim")."""
    RANDOM = "random"
    """Each with probability `density`, then divided by it (DARE, "drop and rescale")."""


class Elect(StrEnum):
    """How the sign of an entry is chosen."""

    NONE = "none"
    """It is not: all adapters take part."""
    TOTAL = "total"
    """The sign of the sum of the values: the greater mass (TIES)."""
    FREQUENCY = "frequency"
    """The sign that more adapters have."""


class Space(StrEnum):
    """What is merged entry by entry."""

    FACTORS = "factors"
    """A and B, each by itself; ranks must be equal."""
    UPDATES = "updates"
    """s·B·A; the result is cut to a rank. Forms every update [out, in] and takes its SVD."""


def sparsify(tensor: Tensor, how: Sparsify, density: float, draw: torch.Generator) -> Tensor:
    """`tensor` with the entries that are not kept set to zero; at density 1 as it is.

    Args:
        tensor: any shape.
        density: the share to keep, in (0, 1].
        draw: where random masks come from.
    """
    if density == 1.0:
        return tensor
    if how is Sparsify.RANDOM:
        chances = torch.full(tensor.shape, density, dtype=tensor.dtype)  # where `draw` is: on the processor
        return tensor * torch.bernoulli(chances, generator=draw).to(tensor.device) / density
    flat = tensor.flatten()
    kept = flat.abs().topk(max(1, int(density * flat.numel()))).indices
    return torch.zeros_like(flat).index_copy(0, kept, flat[kept]).view_as(tensor)


def elect(tensors: Tensor, how: Elect) -> Tensor:
    """Which entries of [K, …] take part: those of the elected sign (zeros never), or all."""
    if how is Elect.NONE:
        return torch.ones_like(tensors, dtype=torch.bool)
    votes = tensors if how is Elect.TOTAL else tensors.sign()
    return tensors.sign() == torch.where(votes.sum(0) >= 0, 1, -1)


def weigh(tensors: Tensor, weights: Sequence[float]) -> Tensor:
    """[K, …] with each of the K multiplied by its weight."""
    return tensors * tensors.new_tensor(list(weights)).view(-1, *[1] * (tensors.dim() - 1))


def combine(tensors: Tensor, part: Tensor, how: Elect) -> Tensor:
    """[K, …] to one: the sum of those that take part, divided by their number where a sign was elected."""
    total = (tensors * part).sum(0)
    return total if how is Elect.NONE else total / part.sum(0).clamp(min=1)


@dataclass(frozen=True, slots=True)
class SparseMerge:
    """One of the methods in the table above: call it as a function of adapters and weights."""

    name: str
    sparsify: Sparsify
    elect: Elect = Elect.NONE
    space: Space = Space.FACTORS

    def __call__(
        self,
        adapters: Sequence[LoraAdapter],
        weights: Sequence[float] | None = None,
        *,
        density: float = DENSITY,
        seed: int = 0,
        rank: int | None = None,
    ) -> LoraAdapter:
        """Merge the adapters.

        Random masks are drawn matrix by matrix in the order of their names, A before B, adapter by adapter;
        with the seed PEFT draws the same ones where a model's modules stand in that order.

        Args:
            adapters: of equal rank where factors are merged.
            weights: one an adapter; without, those that give K copies of an adapter back.
            density: the share of entries kept, in (0, 1].
            seed: of the random masks.
            rank: of the result, for updates: default the largest of the adapters'. The record's
                `relative_error` and `worst_error` tell what the cut loses, as in `svd`.

        Raises:
            AdapterError: the adapters differ in prompt, base, modules or, for factors, rank; hold what is no
                number; or `density` or `rank` is out of range.
        """
        shares = self._weights(adapters, weights)
        check_alike(adapters, same_rank=self.space is Space.FACTORS)
        if not 0.0 < density <= 1.0:
            raise AdapterError(
                f"the density {density:g} is not a share of entries; give more than 0, up to 1"
            )
        if rank is not None and self.space is Space.FACTORS:
            raise AdapterError(
                f"`{self.name}` keeps the adapters' rank {adapters[0].rank}; for another, merge with "
                f"`{self.name}-svd`"
            )
        if rank is not None and rank < 1:
            raise AdapterError(f"an adapter has a rank of 1 or more, not {rank}")
        draw = torch.Generator().manual_seed(seed)
        told: dict[str, float] = {"density": density}
        if self.sparsify is Sparsify.RANDOM and density < 1.0:
            told["seed"] = seed
        size = max(one.rank for one in adapters) if rank is None else rank
        factors: Factors
        if self.space is Space.FACTORS:
            factors = self._factors(adapters, shares, density, draw)
        else:
            factors, lost = self._updates(adapters, shares, density, draw, size)
            told.update(lost)
        return merged(
            adapters,
            factors,
            rank=size,
            alpha=float(size),
            method=self.name,
            weights=shares,
            details=told,
        )

    def _weights(self, adapters: Sequence[LoraAdapter], weights: Sequence[float] | None) -> list[float]:
        shares = merge_weights(adapters, weights)
        if weights is not None:
            return shares
        if self.elect is not Elect.NONE:
            return [1.0] * len(shares)
        return [share**2 for share in shares] if self.space is Space.FACTORS else shares

    def _factors(
        self, adapters: Sequence[LoraAdapter], weights: Sequence[float], density: float, draw: torch.Generator
    ) -> Factors:
        """A and B merged apart, by √|w_i s_i| with the sign on A alone."""
        scales = [weight * one.scale for weight, one in zip(weights, adapters, strict=True)]
        on_b = [math.sqrt(abs(scale)) for scale in scales]
        on_a = [math.copysign(root, scale) for root, scale in zip(on_b, scales, strict=True)]
        found = {}
        for name in sorted(adapters[0].factors):
            a = self._merge([wide(one.factors[name][0]) for one in adapters], on_a, density, draw)
            b = self._merge([wide(one.factors[name][1]) for one in adapters], on_b, density, draw)
            found[name] = (a, b)
        return found

    def _updates(
        self,
        adapters: Sequence[LoraAdapter],
        weights: Sequence[float],
        density: float,
        draw: torch.Generator,
        rank: int,
    ) -> tuple[Factors, Mapping[str, float]]:
        """Updates merged, then cut to `rank`; and what the cut loses."""
        cuts = {}
        for name in sorted(adapters[0].factors):
            updates = [
                one.scale * (wide(one.factors[name][1]) @ wide(one.factors[name][0])) for one in adapters
            ]
            cuts[name] = cut_matrix(self._merge(updates, weights, density, draw), rank)
        return {name: (cut.a, cut.b) for name, cut in cuts.items()}, losses(cuts, rank)

    def _merge(
        self, tensors: Sequence[Tensor], weights: Sequence[float], density: float, draw: torch.Generator
    ) -> Tensor:
        """The four steps over K tensors of one shape."""
        kept = torch.stack([sparsify(one, self.sparsify, density, draw) for one in tensors])
        part = elect(kept, self.elect)
        return combine(weigh(kept, weights), part, self.elect)


TIES = SparseMerge("ties", Sparsify.MAGNITUDE, Elect.TOTAL)
DARE_LINEAR = SparseMerge("dare-linear", Sparsify.RANDOM)
DARE_TIES = SparseMerge("dare-ties", Sparsify.RANDOM, Elect.TOTAL)
MAGNITUDE_PRUNE = SparseMerge("magnitude-prune", Sparsify.MAGNITUDE)
TIES_SVD = SparseMerge("ties-svd", Sparsify.MAGNITUDE, Elect.TOTAL, Space.UPDATES)
DARE_LINEAR_SVD = SparseMerge("dare-linear-svd", Sparsify.RANDOM, space=Space.UPDATES)
DARE_TIES_SVD = SparseMerge("dare-ties-svd", Sparsify.RANDOM, Elect.TOTAL, Space.UPDATES)
MAGNITUDE_PRUNE_SVD = SparseMerge("magnitude-prune-svd", Sparsify.MAGNITUDE, space=Space.UPDATES)
