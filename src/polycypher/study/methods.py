"""The study's methods as rows of one stacked adapter: which adapters run, and how their rows are mixed.

Every method of arXiv 2601.16097 is a choice of gate vectors for the rows of a question and of weights for
their logits, so that one loaded model answers for all. Knows nothing of questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from polycypher.study.train import ENGLISH, JOINT, LINEAR


class Mixing(StrEnum):
    """How the rows of a question are combined."""

    LOGITS = "logits"
    """Σ w_i L_i: the paper's."""
    PROBABILITIES = "probabilities"
    """Σ w_i softmax(L_i)."""
    TOP1 = "top1"
    """The row with the largest weight alone."""
    MERGED = "merged"
    """One row with Σ w_i ΔW_i: the weights mix the adapters' updates instead of their logits."""


@dataclass(frozen=True, slots=True)
class Method:
    """`rows` names an adapter a row ("" is the base alone); `gate` the gate that weighs them, None for
    one row."""

    name: str
    rows: tuple[str, ...]
    gate: str | None = None
    mixing: Mixing = Mixing.LOGITS

    def weights(self, places: Mapping[str, int]) -> Tensor:
        """Gate vectors of the rows [R, A] over A stacked adapters, whose order `places` tells."""
        weights = torch.zeros(len(self.rows), len(places))
        for row, name in enumerate(self.rows):
            if name:
                weights[row, places[name]] = 1.0
        return weights


def methods(languages: Sequence[str], gates: Sequence[str]) -> list[Method]:
    """All methods of the study, in the order of its tables."""
    codes = tuple(languages)
    return [
        Method("base", ("",)),
        Method(ENGLISH, (ENGLISH,)),
        Method(JOINT, (JOINT,)),
        *(Method(name, (name,)) for name in LINEAR),
        *(Method(f"fusion-{kind}", codes, kind) for kind in gates),
        *(
            Method(f"fusion-{mixing}", codes, kind, mixing)
            for kind in gates[:1]
            for mixing in (Mixing.TOP1, Mixing.MERGED)
        ),
        *(Method(f"adapter-{code}", (code,)) for code in codes),
    ]
