"""The study's adapters: which samples train which, and what they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_study import base_of, data_of, recipe_of

from polycypher.adapters.lora import LoraAdapter
from polycypher.errors import AdapterError
from polycypher.study.train import identity, merge_all, rows_of, samples, trained_names
from tiny_models import random_adapter, tiny_llama


def test_what_is_trained_in_order(tmp_path: Path) -> None:
    assert trained_names(recipe_of(tmp_path)) == ["en", "es", "joint", "en-only"]


def test_samples_of_each_adapter(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    data = data_of(recipe)
    drawn = {name: samples(recipe, data, name) for name in trained_names(recipe)}
    assert {name: len(found) for name, found in drawn.items()} == {
        "en": 4,  # 2 shared, 1 of the pair, 1 of its own
        "es": 4,
        "joint": 8,
        "en-only": 5,  # every distinct question
    }
    for code in recipe.languages:
        assert {language for _, language in drawn[code]} == {code}
        assert {one.id for one, _ in drawn[code]} == {one.id for one in data.split.train[code]}
    assert sorted((one.id, code) for one, code in drawn["joint"]) == sorted(
        (one.id, code) for name in recipe.languages for one, code in drawn[name]
    )
    assert {code for _, code in drawn["en-only"]} == {"en"}
    assert {one.id for one, _ in drawn["en-only"]} == {one.id for one in data.split.union}


def test_rows_hold_prompt_and_answer(tmp_path: Path) -> None:
    data, base = data_of(recipe_of(tmp_path)), base_of()
    (one, *_) = data.split.shared
    (row,) = rows_of(base, data, [(one, "es")])
    decode = base.tokenizer.decode
    assert decode(row.suffix).startswith(one.questions["es"])
    assert decode(row.answer, skip_special_tokens=True) == one.cypher
    assert row.answer[-1] == base.tokenizer.eos_token_id


def test_an_adapter_is_marked_with_base_and_prompt() -> None:
    base = base_of(Path("models") / "nano")
    found = identity(base, "es")
    assert (found.language, found.base, found.base_fingerprint) == ("es", "nano", "fingerprint")
    assert found.prompt_hash == base.template.hash


def test_merges_are_plain_folders(tmp_path: Path) -> None:
    model = tiny_llama()
    adapters = {code: random_adapter(model, seed=place) for place, code in enumerate(("en", "es", "joint"))}
    merged = merge_all(adapters, ["en", "es"], tmp_path)
    assert {name: adapter.rank for name, adapter in merged.items()} == {
        "linear-factor": 4,
        "linear-exact": 8,
        "linear-peft": 4,
    }
    for name in merged:
        assert LoraAdapter.load(tmp_path / name).record["merge"]["weights"] == [0.5, 0.5]


def test_adapters_of_two_ranks_are_refused(tmp_path: Path) -> None:
    model = tiny_llama()
    adapters = {"en": random_adapter(model), "es": random_adapter(model, rank=2)}
    with pytest.raises(AdapterError, match="ranks 4 and 2"):
        merge_all(adapters, ["en", "es"], tmp_path)
