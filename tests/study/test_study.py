"""A study under way: each output's key tells what made it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_study import base_of, data_of, recipe_of, runner_of

from polycypher.adapters.lora import LoraAdapter
from polycypher.study import study as rooms
from polycypher.study.methods import Method
from polycypher.study.predict import questions_of
from polycypher.study.study import Study
from tiny_models import random_adapter, tiny_llama


def adapter(run: str) -> LoraAdapter:
    return LoraAdapter({}, 4, 8.0, record={"run": run})


@pytest.fixture
def study(tmp_path: Path) -> Study:
    recipe = recipe_of(tmp_path)
    made = Study(recipe, data_of(recipe), base_of())
    made.adapters = {"en": adapter("1"), "es": adapter("2"), "linear-exact": LoraAdapter({}, 8, 8.0)}
    return made


def test_a_key_changes_with_everything_that_makes_an_output(study: Study) -> None:
    keys = {study.key("gate", 1), study.key("gate", 2), study.key("ablations", 1)}
    study.recipe = study.recipe.model_copy(update={"seed": 1})
    keys.add(study.key("gate", 1))
    study.base = replace(study.base, fingerprint="another")
    keys.add(study.key("gate", 1))
    assert len(keys) == 5
    assert study.key("gate", 1) == study.key("gate", 1)


def test_a_merge_is_made_by_what_went_in(study: Study) -> None:
    assert study.made_by("en") == "1"
    before, base = study.made_by("linear-exact"), study.made_by("")
    study.adapters["es"] = adapter("3")
    assert study.made_by("linear-exact") != before
    assert study.made_by("linear-exact")[0] == "linear-exact"
    assert study.made_by("")[0] == base[0] == ""


def test_answers_are_read_until_what_made_them_changes(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, places = runner_of(study.base, "en", "es")
    asked = questions_of(study.base, study.data, study.data.test, ["en"])
    times: list[str] = []
    honest = rooms.predict

    def counted(method: Method, *rest: Any, **options: Any) -> Any:
        times.append(method.name)
        return honest(method, *rest, **options)

    monkeypatch.setattr(rooms, "predict", counted)
    method = Method("adapter-en", ("en",))
    first = study.answers(method, runner, places, {}, asked)
    assert study.answers(method, runner, places, {}, asked) == first
    assert times == ["adapter-en"]
    study.adapters["en"] = adapter("trained again")
    study.answers(method, runner, places, {}, asked)
    assert times == ["adapter-en", "adapter-en"]
    study.answers(method, runner, places, {}, asked[:1])
    assert len(times) == 3


def test_adapters_lie_side_by_side(study: Study) -> None:
    random_adapter(tiny_llama()).save(study.folder("en"))
    assert study.folder("en") == study.recipe.folder / "adapters" / "en"
