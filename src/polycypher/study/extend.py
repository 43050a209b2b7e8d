"""A new language for a bundle: one LoRA, a new gate, old adapters untouched bit for bit.

The cost stands beside that of joint training, as in Table 4 of arXiv 2601.16097: one adapter and up to
2,500 gate questions a language against everything again. Knows nothing of the command line.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.train.folder import Identity
from polycypher.adapters.train.loop import Watch, train_adapter
from polycypher.adapters.train.packing import TrainingRow
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.corpus.example import Example, check_language
from polycypher.corpus.prompt import template_named
from polycypher.corpus.readers import without_questions
from polycypher.cypher.normalise import normalise
from polycypher.errors import BundleError, CorpusError, QueryError, TrainingError
from polycypher.fusion.early import distil
from polycypher.fusion.gate import GateConfig
from polycypher.fusion.gate_training import GateItem, collect
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from polycypher.fusion.storage import load_gate, save_gate
from polycypher.schema import GraphSchema
from polycypher.study import processes
from polycypher.study.files import write_json
from polycypher.study.gates import sized_for, train_and_save
from polycypher.study.growth import fingerprints
from polycypher.study.progress import Bar, quiet, steps_on
from polycypher.study.recipe import GatePart
from polycypher.translator.bundle import Manifest, find_bundle
from polycypher.translator.loading import load_base
from polycypher.translator.prompts import PromptMaker

COST = "growth.json"


@dataclass(frozen=True, slots=True)
class Extension:
    """A bundle with one more language, and what it cost: samples and minutes of fusion, samples of joint
    training with as many questions a language."""

    folder: Path
    language: str
    adapter_samples: int
    gate_samples: Mapping[str, int]
    fusion_minutes: float
    joint_samples: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "folder": str(self.folder),
            "language": self.language,
            "adapter_samples": self.adapter_samples,
            "gate_samples": dict(self.gate_samples),
            "fusion_samples": self.adapter_samples + sum(self.gate_samples.values()),
            "fusion_minutes": self.fusion_minutes,
            "joint_samples": self.joint_samples,
        }


def add_language(
    model: str | Path,
    language: str,
    examples: Sequence[Example],
    schemas: Mapping[str, GraphSchema],
    out: Path,
    *,
    held_out: Sequence[Example] = (),
    settings: AdapterSettings | None = None,
    gate: GatePart | None = None,
    seed: int = 0,
    bar: Bar = quiet,
) -> Extension:
    """Make a bundle in `out` that has one more language.

    Args:
        model: the bundle to start from; it is read, never written.
        language: a BCP 47 code that it does not have.
        examples: training questions. Those in `language` train its adapter; for the gate there must be some
            in every language of the bundle (parallel ones are best).
        schemas: of the examples' databases.
        out: a folder that does not exist.
        held_out: questions that must not train, compared by normalised text.
        settings: of the adapter; None takes those of nano.
        gate: of the gate; None takes up to 2,500 questions a language.
        seed: of first weights and order.
        bar: progress.

    Raises:
        CorpusError: no usable example in a language, or a code that is none.
        BundleError: the language is there already, or `out` exists.
        TrainingError, ModelError: as for training and loading.
    """
    check_language(language)
    source = find_bundle(model)
    manifest = Manifest.load(source)
    if language in manifest.languages:
        raise BundleError(
            f"the bundle {source} has an adapter for '{language}' already; choose another language"
        )
    if out.exists():
        raise BundleError(f"{out} exists; name a new folder for the extended bundle")
    settings, gate = settings or NANO_ADAPTER, gate or GatePart()
    usable = _usable(without_questions(examples, held_out), schemas)
    old = list(manifest.languages)
    for code in (language, *old):
        if not any(code in example.questions for example in usable):
            raise CorpusError(
                f"no usable example has a question in '{code}'; the gate needs questions in every language: "
                "give a corpus that has them"
            )
    base_folder = source / manifest.base if (source / manifest.base).is_dir() else find_bundle(manifest.base)
    base, tokenizer = load_base(base_folder, device="cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(processes.cores())
    template = template_named(manifest.prompt, tokenizer)
    maker = PromptMaker(tokenizer, template, manifest.schema_tokens)
    old_folders = {code: source / place for code, place in manifest.languages.items()}
    before = fingerprints(old_folders.values())
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        made = Path(temporary) / "bundle"
        _copy(source, made, manifest, base_folder)
        began = time.monotonic()
        rows = [
            _row(maker, schemas, example, language) for example in usable if language in example.questions
        ]
        identity = Identity(language, manifest.name, manifest.base_fingerprint, template.hash)
        with steps_on(bar, f"adapter {language}") as step:
            adapter = train_adapter(
                base,
                rows,
                settings,
                made / "adapters" / language,
                identity=identity,
                seed=seed,
                watch=Watch(step),
            )
        adapters = [LoraAdapter.load(folder) for folder in old_folders.values()] + [adapter]
        runner = Runner(base, StackedAdapter(base, adapters), end=int(tokenizer.eos_token_id))
        items, counts = _gate_items(maker, schemas, usable, [*old, language], gate.questions)
        start = load_gate(source / manifest.gate).config if manifest.gate else GateConfig()
        config = sized_for(base, replace(start, adapters=len(adapters)))
        with bar("gate features", len(items)) as advance:
            (features,) = collect(runner, items, [config], progress=advance)
        trained = train_and_save(
            runner, config, features, gate, made / "gate", seed=seed, feature_seconds=0.0, key=""
        )
        with torch.no_grad():
            taught = trained.gate.to(runner.device)(features.previews.clone(), features.embeddings.clone())
        save_gate(distil(features.embeddings, taught, seed=seed).cpu(), made / "early")
        languages = {**manifest.languages, language: f"adapters/{language}"}
        replace(manifest, languages=languages, gate="gate", early="early").save(made)
        copied = fingerprints(made / place for place in manifest.languages.values())
        if list(before.values()) != list(copied.values()):
            raise TrainingError("an adapter of another language was changed while it was copied; try again")
        extension = Extension(
            out,
            language,
            len(rows),
            counts,
            round((time.monotonic() - began) / 60, 3),
            sum(code in example.questions for example in usable for code in (*old, language)),
        )
        write_json(made / COST, extension.to_dict())
        os.replace(made, out)
    return extension


NANO_ADAPTER = AdapterSettings(
    epochs=4,
    rate=2e-3,
    warm_up=20,
    weight_decay=0.0,
    rows_a_pack=12,
    packs_a_step=2,
    packs_at_once=1,
    longest=1536,
    optimizer="adamw",
)
"""Adapter settings for bases of nano's size."""


def _usable(examples: Sequence[Example], schemas: Mapping[str, GraphSchema]) -> list[Example]:
    found = []
    for example in examples:
        if example.database not in schemas:
            continue
        try:
            found.append(replace(example, cypher=normalise(example.cypher)))
        except QueryError:
            continue
    return found


def _row(
    maker: PromptMaker, schemas: Mapping[str, GraphSchema], example: Example, language: str
) -> TrainingRow:
    prompt = maker.prompt(schemas[example.database], example.questions[language])
    return TrainingRow(tuple(prompt.prefix), tuple(prompt.suffix), tuple(maker.answer(example.cypher)))


def _gate_items(
    maker: PromptMaker,
    schemas: Mapping[str, GraphSchema],
    examples: Sequence[Example],
    languages: Sequence[str],
    most: int,
) -> tuple[list[GateItem], dict[str, int]]:
    """Up to `most` questions a language; examples with many languages first, for they are parallel."""
    ranked = sorted(examples, key=lambda example: -sum(code in example.questions for code in languages))
    items: list[GateItem] = []
    counts: dict[str, int] = {}
    for index, code in enumerate(languages):
        own = [example for example in ranked if code in example.questions][:most]
        counts[code] = len(own)
        items += [
            GateItem(
                maker.prompt(schemas[example.database], example.questions[code]),
                maker.answer(example.cypher),
                index,
            )
            for example in own
        ]
    return sorted(items, key=lambda item: item.prompt.prefix), counts


def _copy(source: Path, made: Path, manifest: Manifest, base: Path) -> None:
    made.mkdir(parents=True)
    if (source / manifest.base).is_dir():
        shutil.copytree(base, made / manifest.base)
    for place in manifest.languages.values():
        shutil.copytree(source / place, made / place)
