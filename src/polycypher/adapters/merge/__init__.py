"""Merges: several adapters become one, by pure functions, a file a family; `registry` names them."""

from polycypher.adapters.merge.linear import exact, factor, peft
from polycypher.adapters.merge.lorahub import lorahub
from polycypher.adapters.merge.registry import MERGES, TRANSFERS, Merge, Transfer
from polycypher.adapters.merge.soups import lora_soups
from polycypher.adapters.merge.stacking import stack, svd

__all__ = [
    "MERGES",
    "TRANSFERS",
    "Merge",
    "Transfer",
    "exact",
    "factor",
    "lora_soups",
    "lorahub",
    "peft",
    "stack",
    "svd",
]
