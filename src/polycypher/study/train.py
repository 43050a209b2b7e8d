"""The study's adapters: one a language, the joint one, the English-only one, and the linear merges.

Adapters are trained by `adapters.train`, merged by `adapters.merge`. Knows nothing of gates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import MERGES
from polycypher.adapters.train.folder import Identity
from polycypher.adapters.train.loop import Watch, train_adapter
from polycypher.adapters.train.packing import TrainingRow
from polycypher.corpus.example import Example
from polycypher.study.base import Base
from polycypher.study.data import StudyData
from polycypher.study.recipe import StudyRecipe

JOINT, ENGLISH = "joint", "en-only"
LINEAR = {"linear-factor": "factor", "linear-exact": "exact", "linear-peft": "peft"}
"""Methods of the study → merges."""


def trained_names(recipe: StudyRecipe) -> list[str]:
    """What is trained, in order: each language, `joint`, `en-only`."""
    return [*recipe.languages, JOINT, ENGLISH]


def samples(recipe: StudyRecipe, data: StudyData, name: str) -> list[tuple[Example, str]]:
    """(example, language) of every training sample of one adapter."""
    if name == JOINT:
        chosen: Sequence[Example] = data.split.joint
    elif name == ENGLISH:
        chosen = data.split.in_language("en")
    else:
        chosen = data.split.train[name]
    return [(example, code) for example in chosen for code in example.questions]


def rows_of(base: Base, data: StudyData, chosen: Sequence[tuple[Example, str]]) -> list[TrainingRow]:
    """Samples in tokens."""
    rows = []
    for example, code in chosen:
        prompt = data.prompt(base.maker, example, code)
        rows.append(
            TrainingRow(tuple(prompt.prefix), tuple(prompt.suffix), tuple(data.answer(base.maker, example)))
        )
    return rows


def train_one(
    recipe: StudyRecipe, base: Base, data: StudyData, name: str, folder: Path, watch: Watch | None = None
) -> LoraAdapter:
    """Train, go on training or read one adapter of the study.

    Raises:
        TrainingError: as for `adapters.train.loop.train_adapter`.
    """
    return train_adapter(
        base.model,
        rows_of(base, data, samples(recipe, data, name)),
        recipe.adapters,
        folder,
        identity=identity(base, name),
        seed=recipe.seed,
        watch=watch,
    )


def identity(base: Base, name: str) -> Identity:
    """What an adapter over this base belongs to."""
    return Identity(
        language=name,
        base=base.folder.name,
        base_fingerprint=base.fingerprint,
        prompt_hash=base.template.hash,
    )


def merge_all(
    adapters: Mapping[str, LoraAdapter], languages: Sequence[str], folder: Path
) -> dict[str, LoraAdapter]:
    """The linear merges of the languages' adapters; each is saved as a plain PEFT folder.

    Raises:
        AdapterError: the adapters do not belong together.
    """
    merged = {}
    for name, kind in LINEAR.items():
        merged[name] = MERGES[kind]([adapters[code] for code in languages])
        merged[name].save(folder / name)
    return merged
