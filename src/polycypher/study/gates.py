"""The study's gates: what they train on, their training, and what it costs.

Knows nothing of the test set.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from polycypher.corpus.example import Example
from polycypher.fusion.gate import Gate, GateConfig, GateKind
from polycypher.fusion.gate_training import GateFeatures, GateItem, train_gate
from polycypher.fusion.previews import size_of
from polycypher.fusion.runner import Runner
from polycypher.fusion.storage import load_gate, save_gate
from polycypher.study.base import Base
from polycypher.study.data import StudyData
from polycypher.study.files import read_kept, write_json
from polycypher.study.recipe import GatePart

COST = "cost.json"


@dataclass(frozen=True, slots=True)
class TrainedGate:
    """A gate and its cost: samples, minutes (features and training), parameters."""

    gate: Gate
    cost: dict[str, Any]


def gate_config(base: Base, count: int, kind: str = "mlp", **changes: Any) -> GateConfig:
    """The configuration of a gate over `count` adapters of a base."""
    config = replace(GateConfig(kind=GateKind(kind), adapters=count), **changes)
    return sized(base, config)


def sized(base: Base, config: GateConfig) -> GateConfig:
    """A configuration with the sizes that a base gives its inputs."""
    return sized_for(base.model, config)


def sized_for(model: Any, config: GateConfig) -> GateConfig:
    """A configuration with the sizes that a Hugging Face model gives its inputs."""
    return replace(
        config,
        preview=size_of(config.reduction, model.config.vocab_size, model.config.hidden_size),
        embedding_size=model.config.hidden_size,
    )


def items_of(
    base: Base, data: StudyData, examples: Sequence[Example], languages: Sequence[str]
) -> list[GateItem]:
    """Every example's question in each language, in the order of their schemas so that these run once."""
    items = [
        GateItem(data.prompt(base.maker, example, code), data.answer(base.maker, example), index)
        for example in examples
        for index, code in enumerate(languages)
    ]
    return sorted(items, key=lambda item: item.prompt.prefix)


def train_and_save(
    runner: Runner,
    config: GateConfig,
    features: GateFeatures,
    part: GatePart,
    folder: Path,
    *,
    seed: int,
    feature_seconds: float,
    key: str,
) -> TrainedGate:
    """Train a gate on features and keep it with its cost; `key` tells what it was made of.

    Raises:
        TrainingError: a loss that is no number, a full disk.
    """
    began = time.monotonic()
    gate = fresh_gate(config, seed, runner.device)
    train_gate(
        gate,
        runner.model.lm_head,
        features,
        epochs=part.epochs,
        rate=part.rate,
        identification=part.identification,
        seed=seed,
    )
    seconds = time.monotonic() - began
    cost = {
        "key": key,
        "samples": len(features.adapters),
        "epochs": part.epochs,
        "minutes": round((feature_seconds + seconds) / 60, 3),
        "training_seconds": round(seconds, 2),
        "parameters": sum(weight.numel() for weight in gate.parameters()),
    }
    # The cost is written last: it says that the gate is whole. An older one would vouch for the new gate.
    (folder / COST).unlink(missing_ok=True)
    save_gate(gate.cpu(), folder)
    write_json(folder / COST, cost)
    return TrainedGate(load_gate(folder), cost)


def kept_gate(folder: Path, key: str) -> TrainedGate | None:
    """The finished gate in `folder` if it was made of the same things, else None.

    Raises:
        BundleError: it is damaged.
    """
    cost = read_kept(folder / COST, key)
    return None if cost is None else TrainedGate(load_gate(folder), cost)


def fresh_gate(config: GateConfig, seed: int, device: torch.device) -> Gate:
    """A gate with seeded first weights."""
    torch.manual_seed(seed)
    return Gate(config).to(device)
