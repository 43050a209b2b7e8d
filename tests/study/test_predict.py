"""A method's answers: in the order asked, kept whole, read back only by those whose they are."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_study import base_of, data_of, example, recipe_of, runner_of

from polycypher.corpus.prompt import PromptTokens
from polycypher.cypher.cleanup import clean
from polycypher.errors import CorpusError, TrainingError
from polycypher.evaluation import Prediction
from polycypher.fusion.fused import FusedDecoder
from polycypher.fusion.gate import Gate
from polycypher.fusion.modes import Mode
from polycypher.study.gates import gate_config
from polycypher.study.methods import Method, Mixing
from polycypher.study.predict import (
    Asked,
    batches,
    load_predictions,
    predict,
    questions_of,
    save_predictions,
)

MADE = [
    Prediction("q1", "en", "MATCH (m:Movie) RETURN m.title", {"en": 0.75, "es": 0.25}),
    Prediction("q1", "es", "", {"en": 0.0, "es": 1.0}),
    Prediction("q2", "tr", "RETURN 'İ\u2028'", None),
]


def asked_about(*prefixes: int) -> list[Asked]:
    return [
        Asked(example(place), "en", PromptTokens([prefix], [place], (0, 1)))
        for place, prefix in enumerate(prefixes)
    ]


@given(st.lists(st.integers(0, 2), max_size=20), st.integers(1, 5))
def test_batches_share_their_schema_and_keep_the_order(prefixes: list[int], most: int) -> None:
    asked = asked_about(*prefixes)
    spans = batches(asked, most)
    assert [one for span in spans for one in span] == asked
    for span in spans:
        assert 1 <= len(span) <= most
        assert len({one.prompt.prefix[0] for one in span}) == 1


def test_batches_are_no_smaller_than_they_must_be() -> None:
    assert [len(span) for span in batches(asked_about(0, 0, 0, 1, 1, 0), 2)] == [2, 1, 2, 1]


def test_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "predictions" / "base.parquet"
    save_predictions(MADE, path, "key")
    assert load_predictions(path, "key") == MADE
    assert [entry.name for entry in path.parent.iterdir()] == ["base.parquet"]


def test_predictions_that_something_else_made_are_none(tmp_path: Path) -> None:
    path = tmp_path / "base.parquet"
    assert load_predictions(path, "key") is None
    save_predictions(MADE, path, "key")
    assert load_predictions(path, "other key") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "base.parquet"
    save_predictions(MADE, path, "key")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorpusError, match=r"base\.parquet are damaged .*; delete the file") as refused:
        load_predictions(path, "key")
    assert "\n" not in str(refused.value)


def test_a_failed_write_leaves_the_older_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "base.parquet"
    save_predictions(MADE, path, "old")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(TrainingError, match="No space left on device"):
            save_predictions(MADE[:1], path, "new")
    assert load_predictions(path, "old") == MADE
    assert [entry.name for entry in tmp_path.iterdir()] == ["base.parquet"]


def test_questions_of_one_schema_stand_together_the_short_ones_first(tmp_path: Path) -> None:
    data, base = data_of(recipe_of(tmp_path)), base_of()
    mixed = [example(101, en="And this, which is long?"), *data.test, example(103, en="No Spanish?")]
    asked = questions_of(base, data, mixed, ["en", "es"])
    assert sorted((one.example.id, one.language) for one in asked) == [
        ("q101", "en"), ("q101", "en"), ("q101", "es"), ("q102", "en"), ("q102", "es"), ("q103", "en"),
    ]  # fmt: skip
    prefixes = [tuple(one.prompt.prefix) for one in asked]
    assert prefixes == sorted(prefixes)
    for one, after in pairwise(asked):
        if one.prompt.prefix == after.prompt.prefix:
            assert len(one.prompt.suffix) <= len(after.prompt.suffix)


def test_every_question_is_answered_with_its_weights(tmp_path: Path) -> None:
    data, base = data_of(recipe_of(tmp_path)), base_of()
    runner, places = runner_of(base, "en", "es")
    asked = questions_of(base, data, data.test, ["en", "es"])
    torch.manual_seed(0)
    gate = Gate(gate_config(base, 2)).eval()
    told: list[int] = []

    def answers(method: Method, batch: int = 3) -> list[Prediction]:
        chosen = gate if method.gate else None
        return predict(
            method, base, runner, places, chosen, asked, batch=batch, longest=8, progress=told.append
        )

    fused = answers(Method("fusion-mlp", ("en", "es"), "mlp"))
    assert [(made.example_id, made.language) for made in fused] == [(a.example.id, a.language) for a in asked]
    assert sum(told) == len(asked)
    for made in fused:
        assert made.weights is not None
        assert list(made.weights) == ["en", "es"]
        assert sum(made.weights.values()) == pytest.approx(1.0)
    one_by_one = answers(Method("fusion-mlp", ("en", "es"), "mlp"), batch=1)
    assert [made.prediction for made in one_by_one] == [made.prediction for made in fused]
    alone = {name: answers(Method(name, (name,))) for name in ("en", "es")}
    assert all(made.weights is None for made in alone["en"])
    top1 = answers(Method("fusion-top1", ("en", "es"), "mlp", Mixing.TOP1))
    for place, made in enumerate(top1):
        assert made.weights == fused[place].weights
        assert made.prediction == alone[str(made.adapter)][place].prediction
    assert [made.prediction for made in alone["en"]] != [made.prediction for made in alone["es"]]


def test_merged_runs_each_question_in_one_row_of_its_own_weights(tmp_path: Path) -> None:
    data, base = data_of(recipe_of(tmp_path)), base_of()
    runner, places = runner_of(base, "en", "es")
    asked = questions_of(base, data, data.test, ["en", "es"])
    torch.manual_seed(0)
    gate = Gate(gate_config(base, 2)).eval()
    method = Method("fusion-merged", ("en", "es"), "mlp", Mixing.MERGED)
    made = predict(method, base, runner, places, gate, asked, batch=3, longest=8)
    decoder = FusedDecoder(runner.model, runner.stacked, gate, end=runner.end)
    for one, found in zip(asked, made, strict=True):
        alone = decoder.decode(one.prompt, mode=Mode.MERGED, most=8)
        assert found.weights is not None
        assert list(found.weights.values()) == pytest.approx(list(alone.weights), abs=1e-5)
        assert found.prediction == clean(base.tokenizer.decode(alone.ids, skip_special_tokens=True))
