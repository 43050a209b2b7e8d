"""A recipe in miniature: smaller counts, the same settings, synthetic questions that do not leak."""

from __future__ import annotations

from pathlib import Path

import pytest

from polycypher.errors import UsageError
from polycypher.study.recipe import GrowthPart, StudyRecipe
from polycypher.study.tiny import COUNTS, DATABASE, tiny_data, tiny_recipe, tiny_texts

RECIPE = StudyRecipe.from_file(Path(__file__).parents[2] / "recipes" / "llama-3.1-8b.yaml")


def test_what_an_adapter_is_stays() -> None:
    tiny = tiny_recipe(RECIPE)
    for name in ("rank", "alpha", "targets", "rate", "warm_up", "packs_a_step", "packs_at_once", "precision"):
        assert getattr(tiny.adapters, name) == getattr(RECIPE.adapters, name)
    assert (tiny.prompt, tiny.schema_tokens, tiny.languages) == ("paper", 1536, ["en", "es", "tr"])
    assert tiny.gate.kinds == RECIPE.gate.kinds


def test_what_needs_a_large_machine_or_a_corpus_is_replaced() -> None:
    tiny = tiny_recipe(RECIPE)
    assert tiny.folder == RECIPE.folder / "tiny"  # never among the files of the real run
    assert tiny.name != RECIPE.name
    assert tiny.adapters.optimizer == "adamw"
    assert tiny.evaluation.graphs == {DATABASE: "demo"}
    assert tiny.gate.questions <= tiny.corpus.shared == COUNTS["shared"]


def test_questions_are_parallel_and_of_the_demo_graph() -> None:
    tiny = tiny_recipe(RECIPE)
    data = tiny_data(tiny)
    assert len(data.test) == COUNTS["test_limit"]
    assert data.spare  # for probes
    for example in (*data.split.union, *data.test):
        assert example.database == DATABASE
        assert list(example.questions) == ["en", "es", "tr"]
    assert tiny_data(tiny).split.to_dict() == data.split.to_dict()
    other = tiny_data(tiny.model_copy(update={"seed": 5}))
    assert other.split.to_dict() != data.split.to_dict()


def test_a_further_language_is_in_the_pool_alone() -> None:
    tiny = tiny_recipe(RECIPE.model_copy(update={"growth": GrowthPart(language="de", examples=9000)}))
    assert tiny.growth is not None
    assert tiny.growth.examples < 100
    data = tiny_data(tiny)
    assert sum("de" in example.questions for example in data.pool) >= tiny.growth.examples
    assert all("de" not in example.questions for example in data.split.union)


def test_the_tokenizer_reads_schema_questions_and_queries() -> None:
    data = tiny_data(tiny_recipe(RECIPE))
    texts = list(tiny_texts(data))
    assert data.schemas[DATABASE].to_prompt() in texts
    assert set(data.split.union[0].questions.values()) <= set(texts)


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(UsageError, match="fi"):
        tiny_data(tiny_recipe(RECIPE.model_copy(update={"languages": ["en", "fi"]})))
