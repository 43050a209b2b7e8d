"""AdaMergeX (Zhao et al., arXiv 2402.18913): the target's adapter from no Text2Cypher data in the target.

Three adapters go in: the task in the source language, and language modelling on plain text in the target and
in the source language. The texts are questions of the corpus and of the synthesiser, the same ones in both
languages, without their queries. λ is chosen by ROUGE-L on development questions, whose queries are needed
for it: one number is learned from the target's data. Knows nothing of the rules by which adapters are merged
(`adapters.merge.adamergex`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from polycypher.adapters.kinds.running import generate_with
from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import TRANSFERS
from polycypher.adapters.merge.state import AdapterState
from polycypher.adapters.train.folder import Identity
from polycypher.adapters.train.loop import Watch, train_adapter, train_state
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.adapters.train.text import text_rows
from polycypher.corpus.example import Example
from polycypher.cypher.cleanup import clean
from polycypher.evaluation import Prediction, evaluate
from polycypher.nano.synthetic import HELD_OUT
from polycypher.study.methods import Method
from polycypher.study.predict import Asked, questions_of
from polycypher.study.progress import steps_on
from polycypher.study.train import identity, rows_of
from polycypher.study.transfer.comparison import Comparison, Cost, Made, row_folder
from polycypher.synthesis import random_world, synthesise

PROMPT = "plain text"
"""Stands for the prompt's hash in reference adapters: their task has no prompt."""
_A_WORLD = 40
_CHOICE = "rouge_l"

AnyAdapter = LoraAdapter | AdapterState


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of adapter: what it is called in folders, and the rows that it makes: row → merge."""

    name: str
    rows: Mapping[str, str]
    source: str = ""
    """The row of the source task's adapter as it is."""


_KINDS = (
    _Kind("lora", {"adamergex-lora": "adamergex-lora", "adamergex-lora-exact": "adamergex-lora-exact"}),
    _Kind(
        "ia3",
        {"adamergex-ia3": "adamergex-ia3", "adamergex-ia3-additive": "adamergex-ia3-additive"},
        "ia3-source",
    ),
    _Kind("prefix", {"adamergex-prefix": "adamergex-prefix"}, "prefix-source"),
)


def transferred(comparison: Comparison) -> Iterator[Made]:
    """AdaMergeX for each kind of adapter, and what goes into it as it is."""
    for kind in _KINDS:
        wanted = [name for name in (kind.source, *kind.rows) if name and comparison.wants(name)]
        if not wanted:
            continue
        parts = _Parts(comparison, kind)
        for name in wanted:
            if name == kind.source:
                yield comparison.row(name, parts.made_of(), parts.source)
            else:
                merge = kind.rows[name]
                made_of = [*parts.made_of(), merge]
                yield comparison.row(name, made_of, partial(parts.merged, name, merge))


class _Parts:
    """The three adapters of one kind, trained when first asked for."""

    def __init__(self, comparison: Comparison, kind: _Kind) -> None:
        self._comparison, self._kind = comparison, kind
        self._three: list[AnyAdapter] | None = None

    def made_of(self) -> list[Any]:
        """What the rows' numbers depend on."""
        comparison = self._comparison
        part = comparison.recipe.reference.model_dump()
        made_by = comparison.study.made_by(comparison.recipe.source)
        return [made_by, comparison.recipe.target, part, comparison.target_digest()]

    def source(self, asked: list[Asked]) -> tuple[list[Prediction], Cost]:
        """The source task's adapter as it is."""
        task = self._task()
        return self._answers(task, "", asked), self._cost([task], task)

    def merged(self, name: str, merge: str, asked: list[Asked]) -> tuple[list[Prediction], Cost]:
        """The merge at the λ that does best on the development questions."""
        three = self._adapters()
        comparison = self._comparison
        development = comparison.target_examples()[1]
        study, target = comparison.study, comparison.recipe.target
        tried: dict[float, float] = {}
        tuning = questions_of(study.base, study.data, development, [target])
        for scale in comparison.recipe.reference.scales:
            candidate = TRANSFERS[merge](three, scale=scale)
            report = evaluate(self._answers(candidate, f"{name} λ={scale:g}", tuning), development, None)
            found = report.interval(_CHOICE, target, samples=1)
            tried[scale] = round(found.value, 5) if found else 0.0
        best = max(tried, key=lambda scale: (tried[scale], -scale))
        made = TRANSFERS[merge](three, scale=best)
        made.save(row_folder(comparison.recipe, name))
        cost = {**self._cost(three, made), "scale": best, "tried": {str(k): v for k, v in tried.items()}}
        return self._answers(made, name, asked), cost

    # ------------------------------------------------------------------ inside

    def _adapters(self) -> list[AnyAdapter]:
        """Source task, target reference, source reference."""
        if self._three is None:
            recipe = self._comparison.recipe
            texts = reference_texts(self._comparison)
            self._three = [
                self._task(),
                self._reference(recipe.target, texts[recipe.target]),
                self._reference(recipe.source, texts[recipe.source]),
            ]
        return self._three

    def _task(self) -> AnyAdapter:
        comparison, study = self._comparison, self._comparison.study
        source = comparison.recipe.source
        if self._kind.name == "lora":
            return study.adapters[source]
        samples = [(example, source) for example in study.data.split.train[source]]
        settings = self._settings(comparison.recipe.reference.task_epochs)
        return self._train(
            f"{self._kind.name}-{source}",
            settings,
            rows_of(study.base, study.data, samples),
            identity(study.base, source),
        )

    def _reference(self, language: str, texts: list[str]) -> AnyAdapter:
        comparison, base = self._comparison, self._comparison.study.base
        settings = self._settings(comparison.recipe.reference.epochs)
        told = Identity(language, base.folder.name, base.fingerprint, PROMPT)
        rows = text_rows(texts, base.tokenizer, longest=settings.longest)
        return self._train(f"{self._kind.name}-text-{language}", settings, rows, told)

    def _train(self, name: str, settings: AdapterSettings, rows: list[Any], told: Identity) -> AnyAdapter:
        study = self._comparison.study
        train: Callable[..., AnyAdapter] = train_adapter if self._kind.name == "lora" else train_state
        with steps_on(study.bar, f"adapter {name}") as step:
            return train(
                study.base.model,
                rows,
                settings,
                row_folder(self._comparison.recipe, name),
                identity=told,
                seed=study.recipe.seed,
                watch=Watch(step),
            )

    def _settings(self, epochs: int) -> AdapterSettings:
        """The study's way of training, for this kind."""
        part, own = self._comparison.recipe.reference, self._comparison.study.recipe.adapters
        if self._kind.name == "lora":
            return own.model_copy(update={"epochs": epochs, "rate": part.rate})
        run = own.model_dump(
            include={
                *("warm_up", "weight_decay", "rows_a_pack", "packs_a_step", "packs_at_once"),
                *("longest", "optimizer", "precision"),
            }
        )
        if self._kind.name == "ia3":
            return AdapterSettings(kind="ia3", epochs=epochs, rate=part.ia3_rate, **run)
        return AdapterSettings(
            kind="prefix", epochs=epochs, rate=part.prefix_rate, prefix_tokens=part.prefix_tokens, **run
        )

    def _answers(self, adapter: AnyAdapter, name: str, asked: list[Asked]) -> list[Prediction]:
        comparison = self._comparison
        if isinstance(adapter, LoraAdapter):
            return comparison.answers(Method(name, (name,)), {name: adapter}, asked)
        study = comparison.study
        answers = generate_with(
            study.base.model,
            adapter,
            [[*one.prompt.prefix, *one.prompt.suffix] for one in asked],
            end=int(study.base.tokenizer.eos_token_id),
            most=study.recipe.evaluation.longest,
            batch=study.recipe.evaluation.batch,
        )
        return [
            Prediction(
                one.example.id,
                one.language,
                clean(study.base.tokenizer.decode(ids, skip_special_tokens=True)),
                None,
            )
            for one, ids in zip(asked, answers, strict=True)
        ]

    def _cost(self, adapters: list[AnyAdapter], used: AnyAdapter) -> Cost:
        """Of what was trained beside the study's own adapters, and of a token with the one that is used."""
        studied = {id(adapter) for adapter in self._comparison.adapters}
        own = [adapter for adapter in adapters if id(adapter) not in studied]
        if isinstance(used, LoraAdapter):
            relative = self._comparison.multiply_adds([used.factors])
        else:
            relative = self._comparison.multiply_adds([{}], float(used.parameters))
        return {
            "parameters": sum(adapter.parameters for adapter in own),
            "samples": sum(int(adapter.record.get("samples") or 0) for adapter in own),
            "minutes": round(sum(float(adapter.record.get("minutes") or 0) for adapter in own), 3),
            "multiply_adds": relative,
        }


def reference_texts(comparison: Comparison) -> dict[str, list[str]]:
    """Plain text in source and target: the same questions in both, of the corpus and of random worlds.

    Questions to choose λ on are left out.
    """
    recipe, seed = comparison.recipe, comparison.study.recipe.seed
    codes = (recipe.source, recipe.target)
    known, development = comparison.target_examples()
    apart = {example.id for example in development}
    usable: list[Example] = [example for example in known if example.id not in apart]
    chosen = usable[: recipe.reference.texts]
    draw = random.Random(seed)
    while (missing := recipe.reference.texts - len(chosen)) > 0:
        number = draw.randrange(HELD_OUT)
        schema, lexicon, values = random_world(number, codes)
        chosen += synthesise(
            schema, lexicon, values, languages=codes, count=min(_A_WORLD, missing), seed=number
        )
    return {code: [example.questions[code] for example in chosen] for code in codes}
