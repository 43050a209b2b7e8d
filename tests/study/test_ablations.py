"""Ablations: answers scored as the formula has it, one choice changed at a time."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from small_study import base_of, data_of, recipe_of, runner_of, seeded
from torch import Tensor

from polycypher.fusion.gate_training import GateFeatures
from polycypher.study import ablations
from polycypher.study.ablations import LARGEST_FULL, ablate, answer_scores, settings
from polycypher.study.gates import gate_config, items_of
from polycypher.study.reading import ABLATIONS
from polycypher.study.recipe import GatePart

ITEMS, K, HIDDEN, VOCABULARY = 5, 2, 4, 7
OWNERS = [0, 0, 0, 1, 2, 2, 3, 4]


def features(labels: list[int] | None = None) -> GateFeatures:
    return GateFeatures(
        previews=seeded(ITEMS, K, 3, seed=1),
        embeddings=seeded(ITEMS, 2, seed=2),
        adapters=torch.arange(ITEMS) % K,
        states=seeded(len(OWNERS), K, HIDDEN, seed=3),
        labels=torch.tensor(labels or [1, 2, 3, 4, 5, 6, 0, 1]),
        owners=torch.tensor(OWNERS),
    )


def by_formula(weights: Tensor, made: GateFeatures, head: Tensor, probabilities: bool) -> Tensor:
    """log p of every token of the vocabulary at every answer token [T, V], one sum at a time."""
    rows = []
    for token, owner in enumerate(OWNERS):
        logits = [head @ made.states[token, adapter] for adapter in range(K)]
        own = weights[owner]
        if probabilities:  # log Σ_i w_i softmax(L_i)
            mixed = sum(own[i] * torch.softmax(logits[i], 0) for i in range(K))
            rows.append(torch.as_tensor(mixed).log())
        else:  # softmax(Σ_i w_i L_i)
            rows.append(torch.log_softmax(torch.as_tensor(sum(own[i] * logits[i] for i in range(K))), 0))
    return torch.stack(rows)


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("chunk", [3, 4096])
def test_answers_are_scored_as_the_formula_has_it(probabilities: bool, chunk: int) -> None:
    weights = torch.softmax(seeded(ITEMS, K, seed=4), 1)
    head = seeded(VOCABULARY, HIDDEN, seed=5)
    log_p = by_formula(weights, features(), head, probabilities)
    best = log_p.argmax(1).tolist()
    best[1] = (best[1] + 1) % VOCABULARY  # one token of the first answer is wrong
    best[7] = (best[7] + 1) % VOCABULARY  # and the only one of the last
    made = features(best)
    loss, exact = answer_scores(weights, made, lambda x: x @ head.T, probabilities=probabilities, chunk=chunk)
    expected = -sum(float(log_p[token, label]) for token, label in enumerate(best)) / len(OWNERS)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert exact == pytest.approx(3 / 5)


def test_mixing_probabilities_differs_from_mixing_logits() -> None:
    weights, head = torch.full((ITEMS, K), 0.5), 3.0 * seeded(VOCABULARY, HIDDEN, seed=5)
    losses = [
        answer_scores(weights, features(), lambda x: x @ head.T, probabilities=kind)[0]
        for kind in (False, True)
    ]
    assert not math.isclose(*losses, rel_tol=1e-2)


def test_a_part_keeps_items_whole() -> None:
    whole = features()
    part = ablations._part(whole, 0.6, seed=0)
    assert len(part.adapters) == 3
    chosen = [
        next(place for place in range(ITEMS) if torch.equal(whole.embeddings[place], one))
        for one in part.embeddings
    ]
    assert chosen == sorted(set(chosen))
    assert torch.equal(part.previews, whole.previews[chosen])
    assert torch.equal(part.adapters, whole.adapters[chosen])
    tokens = [place for place, owner in enumerate(OWNERS) if owner in chosen]
    assert torch.equal(part.states, whole.states[tokens])
    assert torch.equal(part.labels, whole.labels[tokens])
    assert [chosen[owner] for owner in part.owners] == [OWNERS[token] for token in tokens]
    assert torch.equal(ablations._part(whole, 0.6, seed=0).embeddings, part.embeddings)
    assert ablations._part(whole, 1.0, seed=0) is whole
    assert len(ablations._part(whole, 0.01, seed=0).adapters) == 2  # a gate needs something to tell apart


def test_every_group_has_its_default() -> None:
    base = base_of()
    default, part = gate_config(base, 3), GatePart(questions=250)
    made = settings(base, default, part)
    groups = {setting.group for setting in made}
    assert groups == set(ABLATIONS)
    for group in groups:
        own = [setting for setting in made if setting.group == group]
        assert sum(setting.default for setting in own) == 1
        assert len({setting.name for setting in own}) == len(own) > 1
        (usual,) = [setting for setting in own if setting.default]
        assert (usual.config, usual.identification) == (default, part.identification)
        assert (usual.share, usual.probabilities) == (1.0, False)
    shares = {setting.name: setting.share for setting in made if setting.group == "gate-questions"}
    assert shares == {"25": 0.1, "50": 0.2, "100": 0.4, "250": 1.0}


def test_a_large_vocabulary_is_not_tried_whole() -> None:
    base = base_of()

    def reductions() -> set[str]:
        made = settings(base, gate_config(base, 2), GatePart())
        return {setting.name for setting in made if setting.group == "reduction"}

    assert reductions() == {"projection", "stats", "full", "hidden"}
    base.model.config.vocab_size = LARGEST_FULL + 1
    assert reductions() == {"projection", "stats", "hidden"}


def test_every_setting_is_trained_and_measured(tmp_path: Path) -> None:
    base, data = base_of(), data_of(recipe_of(tmp_path))
    runner, places = runner_of(base, "joint", "en", "es")
    items = items_of(base, data, data.split.gate(2), ["en", "es"])
    told: list[int] = []
    default, part = gate_config(base, 2), GatePart(questions=2, epochs=1)
    weights = torch.eye(3)[[places["en"], places["es"]]]
    rows = ablate(
        base, runner, items, items, default, part, weights=weights, seed=0, batch=2, progress=told.append
    )
    assert [(row["group"], row["name"], row["default"]) for row in rows] == [
        (setting.group, setting.name, setting.default) for setting in settings(base, default, part)
    ]
    assert sum(told) == 2 * len(items)
    for row in rows:
        assert 0.0 <= row["routing"] <= 1.0
        assert 0.0 <= row["exact"] <= 1.0
        assert row["loss"] > 0.0
    defaults = [(row["routing"], row["loss"], row["exact"]) for row in rows if row["default"]]
    assert len(set(defaults)) == 1
