"""Rows that weigh the languages' frozen adapters for each question, layer or token.

Every router that learns sees the gate's questions and nothing else, with the same share of language
identification in its loss. Knows nothing of merges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from polycypher.corpus.example import Example
from polycypher.cypher.cleanup import clean
from polycypher.evaluation import Prediction
from polycypher.fusion.routers.cost import cost_of
from polycypher.fusion.routers.decoding import RouterDecoder
from polycypher.fusion.routers.registry import ROUTERS, make_router
from polycypher.fusion.routers.router import RouterPrompt
from polycypher.fusion.routers.storage import save_router
from polycypher.fusion.routers.training import RouterSettings, train_router
from polycypher.study.gates import items_of
from polycypher.study.predict import Asked, batches
from polycypher.study.transfer.comparison import Comparison, Cost, Made

_GATES = ("gate-mlp", "gate-shared-scorer")
_SPARSE = ("meteora", "mixlora", "arrow")


def routed(comparison: Comparison) -> Iterator[Made]:
    """Every router that the recipe asks for."""
    for name in ROUTERS:
        if not comparison.wants(name):
            continue
        options, settings = _options(comparison, name), _settings(comparison, name)

        def make(
            asked: list[Asked],
            name: str = name,
            options: dict[str, Any] = options,
            settings: RouterSettings = settings,
        ) -> tuple[list[Prediction], Cost]:
            return _trained_and_asked(comparison, name, options, settings, asked)

        adapters = [comparison.study.made_by(code) for code in comparison.study.recipe.languages]
        gate = comparison.study.recipe.gate.questions
        yield comparison.row(name, [adapters, options, settings.model_dump(), gate], make)


def _trained_and_asked(
    comparison: Comparison, name: str, options: dict[str, Any], settings: RouterSettings, asked: list[Asked]
) -> tuple[list[Prediction], Cost]:
    study, recipe = comparison.study, comparison.study.recipe
    runner, _ = study.runner({code: study.adapters[code] for code in recipe.languages})
    torch.manual_seed(recipe.seed)
    router = make_router(name, runner.model, runner.stacked, **options)
    examples: list[Example] = list(study.data.split.gate(recipe.gate.questions))
    items = items_of(study.base, study.data, examples, recipe.languages)
    with study.bar(f"router {name}", len(items) * settings.epochs) as advance:
        cost = train_router(
            router, runner.model, runner.stacked, items, settings, seed=recipe.seed, progress=advance
        )
    save_router(router, comparison.recipe.folder / "routers" / name)
    decoder = RouterDecoder(router, runner.model, runner.stacked, end=runner.end)
    predictions = []
    with study.bar(f"answers of {name}", len(asked)) as advance:
        for group in batches(asked, recipe.evaluation.batch):
            prompts = [RouterPrompt(one.prompt, one.example.questions[one.language]) for one in group]
            for one, made in zip(group, decoder.decode(prompts, most=recipe.evaluation.longest), strict=True):
                text = clean(study.base.tokenizer.decode(made.ids, skip_special_tokens=True))
                named = (
                    None if made.weights is None else dict(zip(recipe.languages, made.weights, strict=True))
                )
                predictions.append(Prediction(one.example.id, one.language, text, named))
            advance(len(group))
    return predictions, {
        "parameters": cost.parameters,
        "samples": cost.samples,
        "minutes": cost.minutes,
        "multiply_adds": round(cost_of(router, runner.model).relative, 4),
        "losses": [round(loss, 4) for loss in cost.losses],
    }


def _options(comparison: Comparison, name: str) -> dict[str, Any]:
    if name == "language-id":
        return {"languages": list(comparison.study.recipe.languages)}
    return {"top_k": comparison.recipe.routers.top} if name in _SPARSE else {}


def _settings(comparison: Comparison, name: str) -> RouterSettings:
    study, part = comparison.study.recipe, comparison.recipe.routers
    if name in _GATES:
        return RouterSettings(
            epochs=study.gate.epochs, rate=study.gate.rate, identification=study.gate.identification
        )
    adapters = study.adapters
    return RouterSettings(
        epochs=part.epochs,
        rate=part.rate,
        identification=study.gate.identification,
        rows_a_pack=adapters.rows_a_pack,
        packs_a_step=adapters.packs_a_step,
        packs_at_once=adapters.packs_at_once,
        longest=adapters.longest,
        precision=adapters.precision,
    )
