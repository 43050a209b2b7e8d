"""The rows of the comparison: name, what it is, and the paper it comes from.

Families share what they are made from; a family's file makes its rows in this order. Knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """What a row is made from."""

    BASELINE = "baseline"
    """Adapters of the study as they are."""
    MERGE = "merge"
    """One adapter out of the languages' adapters."""
    ROUTER = "router"
    """Weights for the languages' adapters, by question, layer or token."""
    REFERENCE = "reference"
    """AdaMergeX: the language's gap on a reference task, added to the source language's adapter."""
    CROSS_LINGUAL = "cross-lingual"
    """Training on, or translating, the target language's questions."""


@dataclass(frozen=True, slots=True)
class Row:
    """`what` is one line for a reader. A row with `target_only` answers in the target language alone."""

    name: str
    family: Family
    what: str
    paper: str
    target_only: bool = False


def _rows() -> tuple[Row, ...]:
    baseline, merge, router = Family.BASELINE, Family.MERGE, Family.ROUTER
    reference, cross = Family.REFERENCE, Family.CROSS_LINGUAL
    fusion, text = "arXiv 2601.16097", "arXiv 2501.06892"
    return (
        Row("base", baseline, "the base model without an adapter", fusion),
        Row("joint", baseline, "one adapter trained on the study's languages together", fusion),
        Row("adapter-target", baseline, "an adapter trained on the target's questions", fusion),
        Row("linear-factor", merge, "uniform mean of the adapters' factors", fusion),
        Row("linear-exact", merge, "uniform mean of the adapters' updates", "arXiv 2212.04089"),
        Row("linear-peft", merge, "PEFT's linear merge", "PEFT"),
        Row("ties", merge, "trim, elect a sign, average what agrees", "arXiv 2306.01708"),
        Row("dare-linear", merge, "drop at random, rescale, sum", "arXiv 2311.03099"),
        Row("dare-ties", merge, "drop at random, rescale, elect, average", "arXiv 2311.03099"),
        Row("magnitude-prune", merge, "keep the largest, sum", "arXiv 2212.04089"),
        Row("svd", merge, "the mean update, cut to the rank of one adapter", "arXiv 2212.04089"),
        Row("stack", merge, "updates by the adapters' shares of examples", "arXiv 2409.05976"),
        Row("lora-soups", merge, "a weight for each adapter and module, by gradient", "arXiv 2410.13025"),
        Row("lorahub", merge, "a weight for each adapter, searched without gradients", "arXiv 2307.13269"),
        Row("language-id", router, "the adapter of the detected language", "arXiv 2503.01743"),
        Row("gate-mlp", router, "the paper's gate, logits fused", fusion),
        Row("gate-shared-scorer", router, "one small network scores each adapter, logits fused", fusion),
        Row("x-lora", router, "weights by token and layer from a first pass' states", "arXiv 2402.07148"),
        Row(
            "arrow",
            router,
            "likeness to each update's first singular vector; untrained",
            "arXiv 2405.11157",
        ),
        Row("meteora", router, "a sparse gate in every adapted layer, by token", "arXiv 2405.13053"),
        Row("mixlora", router, "a sparse gate a block with a load-balance loss", "arXiv 2404.15159"),
        Row("adapter-fusion", router, "attention over the adapters' outputs, by token", "arXiv 2005.00247"),
        Row(
            "adamergex-lora",
            reference,
            "A and B plus the reference gap",
            "arXiv 2402.18913",
            True,
        ),
        Row("adamergex-lora-exact", reference, "the same on the updates", "arXiv 2402.18913", True),
        Row("adamergex-ia3", reference, "(IA)³ vectors times the ratio", "arXiv 2402.18913", True),
        Row(
            "adamergex-ia3-additive",
            reference,
            "negative control: (IA)³ vectors with LoRA's operator",
            "arXiv 2402.18913",
            True,
        ),
        Row("adamergex-prefix", reference, "prefix times projection (unverified)", "arXiv 2402.18913", True),
        Row("ia3-source", reference, "the source task's (IA)³ vectors as they are", "arXiv 2205.05638", True),
        Row("prefix-source", reference, "the source task's prefix as it is", "arXiv 2101.00190", True),
        Row("zero-shot", cross, "the source language's adapter on the question as it is", text),
        Row("translate-test", cross, "the same on the question in the source language", text),
        Row("translate-train", cross, "an adapter trained on the target's questions", text, True),
        Row("input-fusion", cross, "the same with both texts in the prompt", text, True),
        Row("flare-add", cross, "source and target added in the bottleneck", text, True),
        Row("flare-mul", cross, "multiplied", text, True),
        Row("flare-add-relu", cross, "rectified, then added", text, True),
        Row("flare-cross-attention", cross, "the target attends to the source", text, True),
        Row("flare-mt", cross, "the source's states from a translation model's encoder", text, True),
    )


ROWS: Mapping[str, Row] = {row.name: row for row in _rows()}
"""Every row by name, in the table's order."""
