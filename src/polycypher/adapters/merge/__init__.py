"""Merges: several LoRA adapters become one, by pure functions, a file a method; `MERGES` names them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.linear import exact, factor, peft


class Merge(Protocol):
    """Adapters and, optionally, a weight for each (default 1/K), to one adapter."""

    def __call__(
        self, adapters: Sequence[LoraAdapter], weights: Sequence[float] | None = None
    ) -> LoraAdapter: ...


MERGES: Mapping[str, Merge] = {"factor": factor, "exact": exact, "peft": peft}
"""The linear merges by the names that recipes and reports use; see `linear` for what each one means."""

__all__ = ["MERGES", "Merge", "exact", "factor", "peft"]
