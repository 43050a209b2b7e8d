"""Rows of one adapter: those of the study as they are, and merges of its languages' adapters.

Uniform weights; what sparsifies keeps the recipe's density. LoRA-Soups and LoraHub learn their weights on the
gate's questions, by the loss of the gold answers. Knows nothing of routing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import MERGES, lora_soups, lorahub
from polycypher.adapters.merge.applied import applied
from polycypher.adapters.train.loop import AnswerLoss
from polycypher.adapters.train.order import Order, Pack
from polycypher.adapters.train.packing import pack
from polycypher.evaluation import Prediction
from polycypher.study.methods import Method
from polycypher.study.predict import Asked
from polycypher.study.train import JOINT
from polycypher.study.transfer.comparison import Comparison, Cost, Made, row_folder

MERGED = {
    "linear-factor": "factor",
    "linear-exact": "exact",
    "linear-peft": "peft",
    "ties": "ties",
    "dare-linear": "dare-linear",
    "dare-ties": "dare-ties",
    "magnitude-prune": "magnitude-prune",
    "svd": "svd",
    "stack": "stack",
}
"""Row → merge."""
LEARNED = ("lora-soups", "lorahub")


def baselines(comparison: Comparison) -> Iterator[Made]:
    """`base`, `joint`, the target's adapter, and the source language's (`zero-shot`)."""
    adapters = comparison.study.adapters
    recipe = comparison.recipe
    chosen = {"base": "", "joint": JOINT, "adapter-target": recipe.target, "zero-shot": recipe.source}
    for name, adapter in chosen.items():
        if not comparison.wants(name):
            continue

        def make(
            asked: list[Asked], name: str = name, adapter: str = adapter
        ) -> tuple[list[Prediction], Cost]:
            used = {adapter: adapters[adapter]} if adapter else {JOINT: adapters[JOINT]}
            answers = comparison.answers(Method(name, (adapter,)), used, asked)
            if not adapter:
                return answers, {"parameters": 0, "multiply_adds": comparison.multiply_adds([{}])}
            return answers, _cost_of(comparison, adapters[adapter])

        yield comparison.row(name, [comparison.study.made_by(adapter)], make)


def merges(comparison: Comparison) -> Iterator[Made]:
    """Merges that need no data."""
    part = comparison.recipe.merges
    for name, merge in MERGED.items():
        if not comparison.wants(name):
            continue
        known = {"density": part.density, "rank": part.rank, "seed": part.seed}
        # `exact` is whole here; cut, it is the row `svd`.
        options = {
            key: known[key] for key in sorted(MERGES[merge].options) if (merge, key) != ("exact", "rank")
        }
        weights = _shares(comparison) if merge == "stack" else None

        def make(
            asked: list[Asked],
            name: str = name,
            merged: Callable[..., LoraAdapter] = MERGES[merge],
            weights: list[float] | None = weights,
            options: dict[str, float | int] = options,
        ) -> tuple[list[Prediction], Cost]:
            adapter = merged(comparison.adapters, weights, **options)
            return _answered(
                comparison, name, adapter, asked, {"parameters": 0, "samples": 0, "minutes": 0.0}
            )

        made_of = [_parts(comparison), merge, options, weights]
        yield comparison.row(name, made_of, make)


def learned(comparison: Comparison) -> Iterator[Made]:
    """Merges whose weights are learned on the gate's questions."""
    part = comparison.recipe.learned
    for name in LEARNED:
        if not comparison.wants(name):
            continue

        def make(asked: list[Asked], name: str = name) -> tuple[list[Prediction], Cost]:
            began = time.monotonic()
            soups = name == "lora-soups"
            adapter = _soup(comparison) if soups else _hub(comparison)
            modules = len(adapter.factors) if soups else 1
            told = {
                "parameters": modules * len(comparison.adapters),
                "samples": len(comparison.gate_rows()[0]) if soups else part.rows,
                "minutes": round((time.monotonic() - began) / 60, 3),
            }
            return _answered(comparison, name, adapter, asked, told)

        gate = comparison.study.recipe.gate.questions
        yield comparison.row(name, [_parts(comparison), part.model_dump(), gate], make)


def _answered(
    comparison: Comparison, name: str, adapter: LoraAdapter, asked: list[Asked], cost: Cost
) -> tuple[list[Prediction], Cost]:
    adapter.save(row_folder(comparison.recipe, name))
    answers = comparison.answers(Method(name, (name,)), {name: adapter}, asked)
    return answers, {**cost, "multiply_adds": comparison.multiply_adds([adapter.factors])}


def _soup(comparison: Comparison) -> LoraAdapter:
    """LoRA-Soups over the gate's questions, a step of them at a time."""
    part, settings = comparison.recipe.learned, comparison.study.recipe.adapters
    rows, _ = comparison.gate_rows()
    order = Order(
        rows,
        rows_a_pack=settings.rows_a_pack,
        packs_a_step=settings.packs_a_step,
        epochs=-(-part.steps * settings.rows_a_pack * settings.packs_a_step // len(rows)) + 1,
        seed=comparison.study.recipe.seed,
        tokens_a_pack=settings.longest,
    )
    step = iter(range(order.steps))
    with comparison.study.bar("lora-soups", part.steps) as advance:

        def loss(adapter: LoraAdapter) -> Tensor:
            return mean_loss(comparison, adapter, order.step(next(step)))

        return lora_soups(
            comparison.adapters,
            loss,
            steps=part.steps,
            rate=part.rate,
            watch=lambda number, value: advance(1),
        )


def _hub(comparison: Comparison) -> LoraAdapter:
    """LoraHub over the same few of the gate's questions at each evaluation."""
    part, settings = comparison.recipe.learned, comparison.study.recipe.adapters
    rows, _ = comparison.gate_rows()
    chosen = rows[:: max(1, len(rows) // part.rows)][: part.rows]
    order = Order(
        chosen,
        rows_a_pack=settings.rows_a_pack,
        packs_a_step=len(chosen),
        epochs=1,
        seed=comparison.study.recipe.seed,
        tokens_a_pack=settings.longest,
    )
    packs = order.step(0)
    with comparison.study.bar("lorahub", part.budget) as advance, torch.no_grad():
        return lorahub(
            comparison.adapters,
            lambda adapter: float(mean_loss(comparison, adapter, packs)),
            budget=part.budget,
            seed=comparison.study.recipe.seed,
            watch=lambda number, value: advance(1),
        )


def mean_loss(comparison: Comparison, adapter: LoraAdapter, packs: list[Pack]) -> Tensor:
    """Cross-entropy of the gold answers, a token, with an adapter on the base."""
    model, settings = comparison.study.base.model, comparison.study.recipe.adapters
    measure = AnswerLoss(model, settings.precision)
    dtype = torch.bfloat16 if settings.precision == "bf16" else next(model.parameters()).dtype
    total = torch.zeros(())
    count = sum(len(row.answer) for rows in packs for row in rows)
    with applied(model, adapter):
        for rows in packs:
            batch = pack([rows]).to(next(model.parameters()).device)
            total = total + measure(batch.ids, batch.mask(dtype), batch.positions, batch.labels)
    return total / count


def _shares(comparison: Comparison) -> list[float]:
    """The adapters' shares of the training examples: FLoRA's weights."""
    samples = [float(adapter.record["samples"]) for adapter in comparison.adapters]
    return [count / sum(samples) for count in samples]


def _parts(comparison: Comparison) -> list[object]:
    return [comparison.study.made_by(code) for code in comparison.study.recipe.languages]


def _cost_of(comparison: Comparison, adapter: LoraAdapter) -> Cost:
    return {
        "parameters": adapter.parameters,
        "samples": adapter.record.get("samples"),
        "minutes": adapter.record.get("minutes"),
        "multiply_adds": comparison.multiply_adds([adapter.factors]),
    }
