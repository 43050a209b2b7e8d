"""Every merge by its name: the function, the paper it comes from, and what it can be told.

`MERGES` take adapters and weights; `TRANSFERS` take three adapters in fixed roles. Those that learn their
weights from a loss (`lora_soups`, `lorahub`) are called by themselves. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import adamergex, linear, sparse, stacking
from polycypher.adapters.merge.state import IA3, LORA, PREFIX, AdapterState
from polycypher.errors import AdapterError, UsageError


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of LoRA adapters. `options` are those of density, rank and seed that it takes."""

    name: str
    function: Callable[..., LoraAdapter]
    paper: str
    options: frozenset[str] = frozenset()

    def __call__(
        self,
        adapters: Sequence[LoraAdapter],
        weights: Sequence[float] | None = None,
        *,
        density: float | None = None,
        rank: int | None = None,
        seed: int | None = None,
    ) -> LoraAdapter:
        """Merge. Without `weights`, each adapter counts alike; an option left out has the method's default.

        Raises:
            AdapterError: the adapters cannot be merged this way, or an option is out of range.
            UsageError: an option that the method does not take.
        """
        given = _given(self.name, self.options, density=density, rank=rank, seed=seed)
        return self.function(adapters, weights, **given)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A merge of three adapters in the roles of `adamergex.ROLES`, of one `kind` (PEFT's name for it)."""

    name: str
    function: Callable[..., LoraAdapter | AdapterState]
    paper: str
    kind: str
    options: frozenset[str] = frozenset({"scale"})

    def __call__(
        self,
        adapters: Sequence[LoraAdapter | AdapterState],
        *,
        scale: float | None = None,
        rank: int | None = None,
    ) -> LoraAdapter | AdapterState:
        """Merge the adapters of the source task, target reference and source reference.

        Raises:
            AdapterError: not three adapters, or they cannot be merged this way.
            UsageError: an option that the method does not take.
        """
        if len(adapters) != len(adamergex.ROLES):
            raise AdapterError(
                f"`{self.name}` takes three adapters in this order: {', '.join(adamergex.ROLES)}; "
                f"{len(adapters)} given"
            )
        return self.function(*adapters, **_given(self.name, self.options, scale=scale, rank=rank))


def _given(name: str, options: frozenset[str], **values: float | int | None) -> dict[str, float | int]:
    given = {option: value for option, value in values.items() if value is not None}
    if unknown := given.keys() - options:
        takes = ", ".join(sorted(options)) or "weights alone"
        raise UsageError(f"`{name}` takes no {min(unknown)}; it takes {takes}")
    return given


_LINEAR = "arXiv 2601.16097, linear merge"
_ARITHMETIC = "task arithmetic: arXiv 2212.04089, §2"
_PEFT = "none: PEFT, add_weighted_adapter"
_TIES = "arXiv 2306.01708, Algorithm 1"
_DARE = "arXiv 2311.03099, §3"
_FLORA = "arXiv 2409.05976, stacking"
_ADAMERGEX = "arXiv 2402.18913"

_DENSITY, _RANDOM, _RANK = frozenset({"density"}), frozenset({"density", "seed"}), frozenset({"rank"})

MERGES: Mapping[str, Merge] = {
    merge.name: merge
    for merge in (
        Merge("factor", linear.factor, _LINEAR),
        Merge("exact", linear.exact, _ARITHMETIC, _RANK),
        Merge("peft", linear.peft, _PEFT),
        Merge("stack", stacking.stack, _FLORA),
        Merge("svd", stacking.svd, _ARITHMETIC, _RANK),
        Merge("ties", sparse.TIES, _TIES, _DENSITY),
        Merge("dare-linear", sparse.DARE_LINEAR, _DARE, _RANDOM),
        Merge("dare-ties", sparse.DARE_TIES, f"{_DARE}; {_TIES}", _RANDOM),
        Merge("magnitude-prune", sparse.MAGNITUDE_PRUNE, _ARITHMETIC, _DENSITY),
        Merge("ties-svd", sparse.TIES_SVD, _TIES, _DENSITY | _RANK),
        Merge("dare-linear-svd", sparse.DARE_LINEAR_SVD, _DARE, _RANDOM | _RANK),
        Merge("dare-ties-svd", sparse.DARE_TIES_SVD, f"{_DARE}; {_TIES}", _RANDOM | _RANK),
        Merge("magnitude-prune-svd", sparse.MAGNITUDE_PRUNE_SVD, _ARITHMETIC, _DENSITY | _RANK),
    )
}
"""Merges of any number of LoRA adapters, by the names that recipes and reports use."""

TRANSFERS: Mapping[str, Transfer] = {
    transfer.name: transfer
    for transfer in (
        Transfer("adamergex-lora", adamergex.transfer_factors, _ADAMERGEX, LORA),
        Transfer(
            "adamergex-lora-exact",
            adamergex.transfer_updates,
            _ADAMERGEX,
            LORA,
            frozenset({"scale", "rank"}),
        ),
        Transfer("adamergex-ia3", adamergex.transfer_ia3, _ADAMERGEX, IA3),
        Transfer(
            "adamergex-ia3-additive",
            adamergex.transfer_ia3_additive,
            f"{_ADAMERGEX}, the negative control",
            IA3,
        ),
        Transfer(
            "adamergex-prefix",
            adamergex.transfer_prefix,
            f"{_ADAMERGEX}, unverified against the paper",
            PREFIX,
        ),
        Transfer(
            "adamergex-prefix-interpolated",
            adamergex.transfer_prefix_interpolated,
            f"this project, after {_ADAMERGEX}",
            PREFIX,
        ),
    )
}
"""AdaMergeX by the kind of adapter and the operation."""
