"""`Study`: a recipe under way. Its stages train, merge, and answer; what is finished is kept.

A stage's output says what made it, so that a changed recipe never mixes with old results. Knows nothing
of the order of the stages or of results.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.train.loop import Watch
from polycypher.evaluation import Prediction
from polycypher.evaluation.execute import Executor
from polycypher.fusion.gate_training import collect
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from polycypher.study import processes
from polycypher.study.base import Base, open_base
from polycypher.study.data import StudyData, read_data
from polycypher.study.files import write_json
from polycypher.study.gates import TrainedGate, gate_config, items_of, kept_gate, train_and_save
from polycypher.study.methods import Method
from polycypher.study.predict import Asked, load_predictions, predict, save_predictions
from polycypher.study.probe import ExecutionProbe
from polycypher.study.progress import Bar, quiet, steps_on
from polycypher.study.recipe import StudyRecipe
from polycypher.study.tiny import tiny_data, tiny_recipe, tiny_texts
from polycypher.study.train import merge_all, train_one


@dataclass
class Study:
    """A recipe under way: its data, base and folder, and the adapters made so far."""

    recipe: StudyRecipe
    data: StudyData
    base: Base
    bar: Bar = quiet
    adapters: dict[str, LoraAdapter] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        recipe: StudyRecipe,
        *,
        tiny: bool = False,
        bar: Bar = quiet,
        report: Callable[[Mapping[str, Any]], None] = lambda record: None,
    ) -> Study:
        """Read data and base; with `tiny`, synthetic data and a small random base of its architecture.

        Raises:
            CorpusError, ModelError, RecipeError: what the recipe names cannot be used.
            UsageError: a package of the extra `study` is missing.
            TrainingError: the folder cannot be written.
        """
        processes.check_packages()
        if tiny:
            recipe = tiny_recipe(recipe)
            data = tiny_data(recipe)
            base = open_base(recipe, tiny_texts=tiny_texts(data))
        else:
            data = read_data(recipe)
            base = open_base(recipe, report=report)
        if processes.is_first():
            write_json(recipe.folder / "split.json", data.split.to_dict())
        return cls(recipe, data, base, bar)

    def train(self, name: str, graphs: Mapping[str, Executor] | None = None) -> LoraAdapter:
        """Train, go on training or read one adapter: a language, `joint` or `en-only`.

        Raises:
            TrainingError: a loss that is no number, a folder of another run, a full disk.
        """
        codes = [name] if name in self.recipe.languages else self.recipe.languages
        probe = ExecutionProbe(self.base, self.data, graphs, codes) if graphs is not None else None
        with steps_on(self.bar, f"adapter {name}") as step:
            self.adapters[name] = train_one(
                self.recipe, self.base, self.data, name, self.folder(name), Watch(step, probe)
            )
        return self.adapters[name]

    def folder(self, name: str) -> Path:
        """The folder of an adapter."""
        return self.recipe.folder / "adapters" / name

    def merge(self) -> None:
        """Make the linear merges of the languages' adapters.

        Raises:
            AdapterError: the adapters do not belong together, or a merge cannot be written.
        """
        self.adapters.update(merge_all(self.adapters, self.recipe.languages, self.recipe.folder / "adapters"))

    def runner(self, adapters: Mapping[str, LoraAdapter] | None = None) -> tuple[Runner, dict[str, int]]:
        """Base and adapters (all so far, if None) as one stack, and the adapters' places in it."""
        from polycypher.translator.loading import load_base

        # A model of its own: the stack stays in it.
        model, _ = load_base(self.base.folder, device=str(self.base.model.device))
        torch.set_num_threads(processes.cores(alone=True))
        chosen = self.adapters if adapters is None else adapters
        stacked = StackedAdapter(model, list(chosen.values()))
        runner = Runner(model, stacked, end=int(self.base.tokenizer.eos_token_id))
        return runner, {name: place for place, name in enumerate(chosen)}

    def gates(self, runner: Runner, places: Mapping[str, int]) -> dict[str, TrainedGate]:
        """Train or read the gates of the recipe over the languages' adapters; kind → gate.

        Raises:
            TrainingError: a loss that is no number, a full disk.
            BundleError: a finished gate is damaged.
        """
        part, codes = self.recipe.gate, self.recipe.languages
        configs = {kind: gate_config(self.base, len(codes), kind) for kind in part.kinds}
        key = self.key("gate", part.model_dump(mode="json"), [self.made_by(code) for code in codes])
        folder = self.recipe.folder / "gates"
        kept = {kind: found for kind in configs if (found := kept_gate(folder / kind, key)) is not None}
        missing = {kind: config for kind, config in configs.items() if kind not in kept}
        if missing:
            items = items_of(self.base, self.data, self.data.split.gate(part.questions), codes)
            rows = Method("", tuple(codes)).weights(places).to(runner.device)
            began = time.monotonic()
            with self.bar("gate features", len(items)) as advance:
                collected = collect(
                    runner,
                    items,
                    list(missing.values()),
                    weights=rows,
                    batch=self.recipe.evaluation.batch,
                    progress=advance,
                )
            seconds = time.monotonic() - began
            for (kind, config), features in zip(missing.items(), collected, strict=True):
                kept[kind] = train_and_save(
                    runner,
                    config,
                    features,
                    part,
                    folder / kind,
                    seed=self.recipe.seed,
                    feature_seconds=seconds,
                    key=key,
                )
        return {kind: kept[kind] for kind in configs}

    def answers(
        self,
        method: Method,
        runner: Runner,
        places: Mapping[str, int],
        gates: Mapping[str, TrainedGate],
        asked: Sequence[Asked],
    ) -> list[Prediction]:
        """A method's answers to the test questions, from its file if the same things made it.

        Raises:
            CorpusError: the file is damaged.
            TrainingError: it cannot be written.
        """
        part = self.recipe.evaluation
        gate = gates[method.gate] if method.gate else None
        key = self.key(
            method.name,
            [self.made_by(name) for name in method.rows],
            gate.cost["key"] if gate else "",
            [one.example.id for one in asked],
            part.longest,
        )
        path = self.recipe.folder / "predictions" / f"{method.name}.parquet"
        kept = load_predictions(path, key)
        if kept is not None:
            return kept
        with self.bar(f"answers of {method.name}", len(asked)) as advance:
            made = predict(
                method,
                self.base,
                runner,
                places,
                gate.gate.to(runner.device) if gate else None,
                asked,
                batch=part.batch,
                longest=part.longest,
                progress=advance,
            )
        save_predictions(made, path, key)
        return made

    def key(self, *parts: Any) -> str:
        """Sixteen digits of what an output is made of, base and prompt included."""
        told = json.dumps([self.base.fingerprint, self.base.template.hash, self.recipe.seed, *parts])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def made_by(self, name: str) -> Any:
        """What made an adapter, for a key: its run; of a merge, its name and the runs that went in; of the
        base (""), nothing of its own."""
        record = self.adapters[name].record if name else {}
        return record.get("run") or [
            name,
            [self.adapters[c].record.get("run") for c in self.recipe.languages],
        ]
