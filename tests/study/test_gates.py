"""The study's gates: trained once, kept by what made them, never mistaken for one another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small_study import base_of, data_of, recipe_of, runner_of

from polycypher.errors import BundleError
from polycypher.fusion.gate_training import GateFeatures, collect
from polycypher.fusion.previews import Reduction
from polycypher.study import gates
from polycypher.study.gates import COST, fresh_gate, gate_config, items_of, kept_gate, train_and_save
from polycypher.study.recipe import GatePart

PART = GatePart(questions=2, epochs=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, GateFeatures]:
    """Runner, configuration and features of a gate over two adapters."""
    base = base_of()
    data = data_of(recipe_of(tmp_path_factory.mktemp("gates")))
    runner, _ = runner_of(base, "en", "es")
    config = gate_config(base, 2)
    items = items_of(base, data, data.split.gate(2), ["en", "es"])
    (features,) = collect(runner, items, [config])
    return runner, config, features


def train(trained: tuple[Any, Any, GateFeatures], folder: Path, key: str, seed: int = 0) -> gates.TrainedGate:
    runner, config, features = trained
    return train_and_save(runner, config, features, PART, folder, seed=seed, feature_seconds=60.0, key=key)


def test_items_stand_in_the_order_of_their_schemas(tmp_path: Path) -> None:
    data, base = data_of(recipe_of(tmp_path)), base_of()
    items = items_of(base, data, [data.test[1], data.test[0], data.test[1]], ["en", "es"])
    prefixes = [item.prompt.prefix for item in items]
    assert prefixes == sorted(prefixes)
    assert sorted(item.adapter for item in items) == [0, 0, 0, 1, 1, 1]
    for item in items:
        asked = base.tokenizer.decode(item.prompt.suffix)
        assert ("¿" in asked) == (item.adapter == 1)
        assert item.answer[-1] == base.tokenizer.eos_token_id


def test_a_gate_has_the_sizes_of_its_base() -> None:
    base = base_of()
    config = gate_config(base, 3, "shared-scorer")
    assert (config.kind.value, config.adapters, config.preview) == ("shared-scorer", 3, 256)
    assert config.embedding_size == base.model.config.hidden_size
    assert gate_config(base, 3, reduction=Reduction.FULL).preview == len(base.tokenizer)


def test_first_weights_come_from_the_seed() -> None:
    config = gate_config(base_of(), 2)
    one, again, other = (fresh_gate(config, seed, torch.device("cpu")) for seed in (1, 1, 2))
    weights = [gate.network[0].weight for gate in (one, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_gate_is_kept_by_its_key(trained: tuple[Any, Any, GateFeatures], tmp_path: Path) -> None:
    assert kept_gate(tmp_path, "a") is None
    made = train(trained, tmp_path, "a")
    assert made.cost["samples"] == 4
    assert made.cost["minutes"] == pytest.approx(1.0, abs=0.2)  # features count
    assert made.cost["parameters"] == sum(weight.numel() for weight in made.gate.parameters())
    kept = kept_gate(tmp_path, "a")
    assert kept is not None
    assert kept.cost == made.cost
    assert all(
        torch.equal(weight, kept.gate.state_dict()[name]) for name, weight in made.gate.state_dict().items()
    )
    assert kept_gate(tmp_path, "b") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [COST, "gate.json", "gate.safetensors"]


def test_an_older_cost_does_not_vouch_for_a_newer_gate(
    trained: tuple[Any, Any, GateFeatures], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(trained, tmp_path, "old")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(gates, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            train(trained, tmp_path, "new", seed=1)
    assert kept_gate(tmp_path, "old") is None
    assert kept_gate(tmp_path, "new") is None


def test_a_gate_whose_weights_are_gone_is_damaged(
    trained: tuple[Any, Any, GateFeatures], tmp_path: Path
) -> None:
    train(trained, tmp_path, "a")
    (tmp_path / "gate.safetensors").unlink()
    with pytest.raises(BundleError, match="missing or damaged"):
        kept_gate(tmp_path, "a")


def test_twice_gives_the_same_gate(trained: tuple[Any, Any, GateFeatures], tmp_path: Path) -> None:
    train(trained, tmp_path / "one", "a")
    train(trained, tmp_path / "two", "a")
    one, two = ((tmp_path / name / "gate.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    cost = json.loads((tmp_path / "one" / COST).read_text())
    assert set(cost) == {"key", "samples", "epochs", "minutes", "training_seconds", "parameters"}
