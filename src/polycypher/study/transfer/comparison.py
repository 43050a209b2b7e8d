"""`Comparison`: a recipe under way: the study it stands on, its questions, and rows that are kept when made.

A row is its predictions (Parquet) and its cost (JSON), each under a key of what made it; the cost is written
last. Knows nothing of how a row is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.train.packing import TrainingRow
from polycypher.corpus.example import Example
from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import CorpusError, RecipeError
from polycypher.evaluation import Prediction
from polycypher.fusion.runner import Runner
from polycypher.study.files import read_kept, write_json
from polycypher.study.methods import Method
from polycypher.study.predict import Asked, load_predictions, predict, questions_of, save_predictions
from polycypher.study.recipe import StudyRecipe
from polycypher.study.study import Study
from polycypher.study.train import rows_of
from polycypher.study.transfer.recipe import TransferRecipe
from polycypher.study.transfer.rows import ROWS

Cost = dict[str, Any]
"""`parameters` trained for the row, `samples` and `minutes` of that, `multiply_adds` a token relative to one
plain adapter; None where nothing is trained or it cannot be told."""


@dataclass(frozen=True, slots=True)
class Made:
    """A finished row."""

    name: str
    predictions: Sequence[Prediction]
    cost: Cost


@dataclass
class Comparison:
    """A recipe under way, with the study's data, base and trained adapters."""

    recipe: TransferRecipe
    study: Study

    @property
    def languages(self) -> tuple[str, ...]:
        """The study's languages and the target, in the order of the columns."""
        return (*self.study.recipe.languages, self.recipe.target)

    @property
    def adapters(self) -> list[LoraAdapter]:
        """The adapters of the study's languages, in their order."""
        return [self.study.adapters[code] for code in self.study.recipe.languages]

    # ------------------------------------------------------------------ questions

    def test_examples(self) -> list[Example]:
        """The study's test examples, and after them those that have the target language but no graph.

        The latter have a question in the target language only, as the study does not measure the others.

        Raises:
            CorpusError: none of them has a question in the target language.
        """
        data, target = self.study.data, self.recipe.target
        columns = set(self.languages)
        whole = [
            replace(e, questions={c: q for c, q in e.questions.items() if c in columns}) for e in data.test
        ]
        more = [
            replace(example, questions={target: example.questions[target]})
            for example in data.unmeasured
            if target in example.questions
        ]
        if not more and not any(target in example.questions for example in whole):
            raise CorpusError(
                f"no test example has a question in '{target}'; add some, or name another `target`"
            )
        return whole + more

    def whole_examples(self) -> dict[str, Example]:
        """The test examples by id, with all questions that they have."""
        data = self.study.data
        return {example.id: example for example in (*data.test, *data.unmeasured)}

    def asked(self, *, target_only: bool = False) -> list[Asked]:
        """The test questions, those of one schema together."""
        languages = (self.recipe.target,) if target_only else self.languages
        return questions_of(self.study.base, self.study.data, self.test_examples(), languages)

    def target_examples(self) -> tuple[list[Example], list[Example]]:
        """Training examples with a question in the target language: (to train on, to choose λ on).

        Those to choose on are none whose query the source language's adapter was trained to write. Rows that
        train on the target's questions do see them.
        """
        recipe = self.recipe
        known = [example for example in self.study.data.pool if recipe.target in example.questions]
        part = self.study.recipe.growth
        if part is not None and part.language == recipe.target:
            known = known[: part.examples]
        seen = {example.id for example in self.study.data.split.train[recipe.source]}
        unseen = [example for example in known if example.id not in seen]
        return known, unseen[: recipe.reference.development]

    def target_digest(self) -> str:
        """Sixteen digits of the target's training and development questions."""
        recipe = self.recipe
        told = [
            [(e.id, e.questions[recipe.source], e.questions[recipe.target], e.cypher) for e in examples]
            for examples in self.target_examples()
        ]
        return self.study.key("target", told)

    def gate_rows(self) -> tuple[list[TrainingRow], list[int]]:
        """The gate's training questions in every language of the study, and whose each is."""
        study = self.study
        samples = [
            (example, code)
            for example in study.data.split.gate(study.recipe.gate.questions)
            for code in study.recipe.languages
        ]
        owners = [study.recipe.languages.index(code) for _, code in samples]
        return rows_of(study.base, study.data, samples), owners

    def prompt(self, example: Example, language: str) -> PromptTokens:
        """The prompt of an example's question."""
        return self.study.data.prompt(self.study.base.maker, example, language)

    # ------------------------------------------------------------------ rows

    def wants(self, *names: str) -> bool:
        """Whether the recipe asks for any of these rows."""
        return any(name in self.recipe.rows for name in names)

    def row(
        self, name: str, made_of: Sequence[Any], make: Callable[[list[Asked]], tuple[list[Prediction], Cost]]
    ) -> Made:
        """A row from its files if the same things made it, else made and kept.

        Args:
            name: the row's.
            made_of: everything that its numbers depend on beside base, prompt, seed and questions; JSON-able.
            make: from the questions that it answers.

        Raises:
            TrainingError: its files cannot be written.
            CorpusError: they are damaged.
        """
        asked = self.asked(target_only=ROWS[name].target_only)
        longest = self.study.recipe.evaluation.longest
        questions = [(one.example.id, one.language, one.prompt.ids) for one in asked]
        key = self.study.key(name, list(made_of), questions, longest)
        told = self.recipe.folder / "rows" / f"{name}.json"
        path = self.recipe.folder / "predictions" / f"{name}.parquet"
        kept, predictions = read_kept(told, key), load_predictions(path, key)
        if kept is None or predictions is None:
            began = time.monotonic()
            predictions, cost = make(asked)
            kept = {"key": key, "cost": cost, "answer_minutes": round((time.monotonic() - began) / 60, 3)}
            save_predictions(predictions, path, key)
            write_json(told, kept)
        return Made(name, predictions, kept["cost"])

    def answers(
        self, method: Method, adapters: Mapping[str, LoraAdapter], asked: Sequence[Asked]
    ) -> list[Prediction]:
        """Answers by one row of a stack of these adapters."""
        runner, places = self.study.runner(adapters)
        return self.predicted(method, runner, places, asked)

    def predicted(
        self, method: Method, runner: Runner, places: Mapping[str, int], asked: Sequence[Asked]
    ) -> list[Prediction]:
        """Answers of a method without a gate."""
        part = self.study.recipe.evaluation
        with self.study.bar(f"answers of {method.name}", len(asked)) as advance:
            return predict(
                method,
                self.study.base,
                runner,
                places,
                None,
                asked,
                batch=part.batch,
                longest=part.longest,
                progress=advance,
            )

    # ------------------------------------------------------------------ costs

    def multiply_adds(self, rows: Iterable[Mapping[str, tuple[Any, Any]]], more: float = 0.0) -> float:
        """Multiply-adds a token relative to the base with one plain adapter of the study.

        Args:
            rows: for each pass through the base that a token takes, the factors A [r, in] and B [out, r] by
                module; {} is the base alone.
            more: further multiply-adds a token.
        """
        linear = (module for module in self.study.base.model.modules() if isinstance(module, nn.Linear))
        base = sum(module.weight.numel() for module in linear)
        plain = base + _size(self.adapters[0].factors)
        relative = (sum(base + _size(factors) for factors in rows) + more) / plain
        return round(float(relative), 4)


def _size(factors: Mapping[str, tuple[Any, Any]]) -> int:
    return sum(a.numel() + b.numel() for a, b in factors.values())


def check_together(recipe: TransferRecipe, study: StudyRecipe) -> None:
    """Refuse a comparison that does not fit its study.

    Raises:
        RecipeError: the target is a language of the study, or its source is none.
    """
    codes = study.languages
    if recipe.target in codes:
        raise RecipeError(
            f"`target` ({recipe.target}) is a language of the study {recipe.study}; name one that is not"
        )
    if recipe.source not in codes:
        raise RecipeError(f"`source` ({recipe.source}) is none of the study's languages: {', '.join(codes)}")


def row_folder(recipe: TransferRecipe, name: str) -> Path:
    """Where what is trained for a row is kept."""
    return recipe.folder / "adapters" / name
