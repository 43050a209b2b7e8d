"""The comparison: what λ is chosen on, what a row depends on, what a token costs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polycypher.corpus.example import Example
from polycypher.errors import RecipeError
from polycypher.fusion.routers.cost import cost_of
from polycypher.fusion.routers.registry import make_router
from polycypher.fusion.stacked import StackedAdapter
from polycypher.study.transfer.comparison import Comparison, check_together
from polycypher.study.transfer.recipe import ReferencePart, TransferRecipe
from tiny_models import random_adapter, tiny_llama

RECIPE = TransferRecipe(name="x", study=Path("s"), folder=Path("f"), reference=ReferencePart(development=2))


def example(name: str, *languages: str) -> Example:
    return Example(name, "g", {code: f"{name} in {code}?" for code in languages}, f"RETURN '{name}'")


POOL = [example(f"e{number}", "en", "es", "de") for number in range(6)]


def comparison(pool: Sequence[Example] = POOL, **study: Any) -> Comparison:
    """A comparison over a study of which only what is asked for exists."""
    made: Any = SimpleNamespace(
        data=SimpleNamespace(pool=pool, spare=(), split=SimpleNamespace(train={"en": pool[:3]})),
        recipe=SimpleNamespace(languages=["en", "es"], growth=None),
        key=lambda *parts: json.dumps(parts),
        **study,
    )
    return Comparison(RECIPE, made)


def test_scales_are_chosen_on_queries_that_the_source_never_learned() -> None:
    train, development = comparison().target_examples()
    assert train == POOL
    assert development == POOL[3:5]


def test_a_row_depends_on_every_target_question_and_query() -> None:
    digest = comparison().target_digest()
    assert comparison().target_digest() == digest
    for changed in (
        replace(POOL[4], cypher="RETURN 2"),
        replace(POOL[4], questions={**POOL[4].questions, "de": "anders?"}),
        replace(POOL[4], questions={**POOL[4].questions, "en": "other?"}),
    ):
        assert comparison([*POOL[:4], changed, POOL[5]]).target_digest() != digest


@pytest.mark.parametrize("tied", [True, False])
def test_a_token_costs_what_its_passes_multiply(tied: bool) -> None:
    model = tiny_llama(tied=tied)
    adapters = {code: random_adapter(model, seed=seed) for seed, code in enumerate(("en", "es"))}
    made = comparison(adapters=adapters, base=SimpleNamespace(model=model))
    factors = adapters["en"].factors
    assert made.multiply_adds([factors]) == 1.0
    assert made.multiply_adds([factors, factors]) == 2.0
    base = made.multiply_adds([{}])
    assert made.multiply_adds([{}, {}]) == pytest.approx(2 * base, abs=1e-3)
    # The routers of the same table are counted alike.
    router = make_router("arrow", model, StackedAdapter(model, list(adapters.values())))
    cost = cost_of(router, model)
    assert base == pytest.approx(cost.base / (cost.base + cost.adapter), abs=1e-4)


def test_recipe_and_study_are_held_together_before_anything_is_read() -> None:
    study: Any = SimpleNamespace(languages=["en", "de"])
    with pytest.raises(RecipeError, match="`target`"):
        check_together(RECIPE, study)
    study = SimpleNamespace(languages=["es", "tr"])
    with pytest.raises(RecipeError, match="`source`"):
        check_together(RECIPE, study)
