"""What a study will do and need, without loading weights or data. Knows nothing of how it is printed.

Parameters are counted on a model without memory (PyTorch's meta device) with PEFT's own layers in it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from polycypher.errors import AdapterError
from polycypher.study.base import architecture
from polycypher.study.methods import methods
from polycypher.study.recipe import StudyRecipe
from polycypher.study.tables import Table
from polycypher.study.train import ENGLISH, JOINT


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One adapter: distinct samples, epochs, optimiser steps (at least, where a pack holds several
    questions) and trainable parameters."""

    name: str
    samples: int
    epochs: int
    steps: int
    parameters: int


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """Runs, gates and needs; memory and disk in bytes."""

    name: str
    base: str
    base_parameters: int
    runs: tuple[PlannedRun, ...]
    gate_samples: int
    gate_share: float
    gates: tuple[str, ...]
    methods: tuple[str, ...]
    memory: int
    disk: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)


def plan_study(recipe: StudyRecipe) -> StudyPlan:
    """Work out a recipe's samples, steps, parameters, memory and disk.

    Raises:
        RecipeError: the recipe does not say its base's sizes.
        AdapterError: the base has none of the adapters' target modules.
    """
    total, trainable = count_parameters(recipe)
    part, count = recipe.corpus, len(recipe.languages)
    each = part.shared + part.pair * (count - 1) + part.unique
    union = part.shared + part.pair * count * (count - 1) // 2 + part.unique * count
    sizes = {**dict.fromkeys(recipe.languages, each), JOINT: count * each, ENGLISH: union}
    if recipe.growth is not None:
        sizes[recipe.growth.language] = recipe.growth.examples
    settings = recipe.adapters
    a_step = settings.rows_a_pack * settings.packs_a_step
    runs = tuple(
        PlannedRun(name, samples, settings.epochs, settings.epochs * math.ceil(samples / a_step), trainable)
        for name, samples in sizes.items()
    )
    gate_samples = recipe.gate.questions * count
    bytes_a_weight = 2 if settings.precision == "bf16" else 4
    state = {"adamw": 8, "adamw-8bit": 2}[settings.optimizer]
    # Weights, the adapter with gradients and optimiser state in float32, and activations of one pass: in 16
    # bits 34 bytes a token, layer and hidden number, attention scores apart (arXiv 2205.05198, §4.1).
    hidden, layers = architecture(recipe)["hidden_size"], architecture(recipe)["num_hidden_layers"]
    activations = settings.packs_at_once * settings.longest * hidden * layers * 34 * bytes_a_weight // 2
    memory = total * bytes_a_weight + trainable * (8 + state) + activations
    adapters = len(runs) + 2 + count  # the merges `factor` and `peft`, and `exact` of K times the rank
    states = gate_samples * 64 * count * hidden * 2
    notes = [f"gate features take about {states / 2**30:.1f} GiB of memory (64 answer tokens a question)"]
    if settings.rows_a_pack > 1:
        notes.append("steps are a lower bound: a pack holds questions of one schema only")
    return StudyPlan(
        recipe.name,
        str(recipe.base.model or recipe.base.recipe),
        total,
        runs,
        gate_samples,
        gate_samples / (count * each),
        tuple(recipe.gate.kinds),
        tuple(method.name for method in methods(recipe.languages, recipe.gate.kinds)),
        memory,
        total * bytes_a_weight + adapters * trainable * 4,
        tuple(notes),
    )


def plan_table(plan: StudyPlan) -> Table:
    """The plan as a table for people."""
    rows = [
        (run.name, f"{run.samples:,}", str(run.epochs), f"{run.steps:,}", f"{run.parameters:,}")
        for run in plan.runs
    ]
    rows += [(f"gate {kind}", f"{plan.gate_samples:,}", "", "", "") for kind in plan.gates]
    note = (
        f"Base {plan.base}: {plan.base_parameters:,} parameters. "
        f"Gate samples are {plan.gate_share:.1%} of joint's. "
        f"Memory about {plan.memory / 2**30:.1f} GiB, disk about {plan.disk / 2**30:.1f} GiB."
    )
    return Table(
        f"Plan of {plan.name}",
        ("run", "samples", "epochs", "steps", "trainable parameters"),
        tuple(rows),
        note,
    )


def count_parameters(recipe: StudyRecipe) -> tuple[int, int]:
    """(parameters of the base, trainable parameters of one adapter).

    Raises:
        RecipeError: the recipe does not say its base's sizes.
        AdapterError: the base has none of the adapters' target modules.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    settings = recipe.adapters
    with torch.device("meta"):
        model: Any = LlamaForCausalLM(LlamaConfig(**architecture(recipe)))
        total = sum(weight.numel() for weight in model.parameters())
        try:
            tuned: Any = get_peft_model(
                model,
                LoraConfig(r=settings.rank, target_modules=list(settings.targets), task_type="CAUSAL_LM"),
            )
        except ValueError as error:
            raise AdapterError(f"cannot put an adapter on the base: {error}") from None
    trainable = sum(weight.numel() for weight in tuned.parameters() if weight.requires_grad)
    return total, trainable
