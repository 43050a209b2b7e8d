"""The probe of an adapter under training: spare questions, measured on a graph or by text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_study import Graph, base_of, data_of, recipe_of

from polycypher.evaluation import Executor, Prediction
from polycypher.study.predict import Asked
from polycypher.study.probe import ExecutionProbe


def test_a_probe_asks_spare_questions_and_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    data, base = data_of(recipe_of(tmp_path)), base_of()
    probe = ExecutionProbe(base, data, {}, ["en", "es"], most=2, longest=4)
    assert {one.example.id for one in probe.asked} == {one.id for one in data.spare[:2]}
    assert len(probe.asked) == 4
    before = {name: weight.clone() for name, weight in base.model.state_dict().items()}
    found = probe(base.model)
    assert list(found) == ["rouge_l_en", "rouge_l_es"]
    assert all(0.0 <= value <= 1.0 for value in found.values())
    assert all(torch.equal(weight, before[name]) for name, weight in base.model.state_dict().items())


def test_where_a_graph_can_run_them_answers_are_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, base = data_of(recipe_of(tmp_path)), base_of()
    gold = {one.cypher: [(one.id,)] for one in data.spare}
    probe = ExecutionProbe(base, data, {"films": Executor(Graph(gold))}, ["en"])
    assert probe(base.model) == {"ex_en": 0.0}  # a random model writes no query

    def knows(*given: Any, **_: Any) -> list[Prediction]:
        asked: list[Asked] = given[-1]
        return [Prediction(one.example.id, one.language, one.example.cypher) for one in asked]

    monkeypatch.setattr("polycypher.study.probe.predict", knows)
    assert probe(base.model) == {"ex_en": 1.0}


def test_a_split_that_leaves_nothing_over_is_not_probed(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    probe = ExecutionProbe(base_of(), data_of(recipe, 5), {}, ["en"])
    assert probe(base_of().model) == {}
