"""Training FLARE: the loss falls, nothing frozen moves, a stopped run goes on, cost is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from flare_helpers import tasked, tiny_encoder

from polycypher.adapters.train.folder import read_log
from polycypher.errors import AdapterError, TrainingError
from polycypher.flare.batch import FlareRow
from polycypher.flare.encoder import LatentEncoder
from polycypher.flare.settings import FlareSettings
from polycypher.flare.storage import FlareAdapter, FlareIdentity
from polycypher.flare.training import train_flare
from tiny_models import END, random_ids, tiny_llama

SETTINGS = FlareSettings(
    fusion="add-relu", rank=4, alpha=8, epochs=4, rate=2e-2, batch=6, rows_a_pack=3, packs_at_once=1
)
DE = FlareIdentity("en", "de", "tiny", "f", "p")


def some_rows(count: int = 12) -> list[FlareRow]:
    """The answer is the source's last token: only who looks at the source can know it."""
    rows = []
    for seed in range(count):
        target, source = (
            random_ids(5, seed=seed).tolist(),
            random_ids(4, seed=100 + seed, vocabulary=60).tolist(),
        )
        prefix = (5, 6, 7 + seed % 2)
        rows.append(FlareRow(prefix, (*target, 90), (source[-1], END), (*source, 90), 1))
    return rows


def train(folder: Path, base: Any = None, **more: Any) -> FlareAdapter:
    settings = SETTINGS.model_copy(update=more.pop("settings", {}))
    with tasked(tiny_llama() if base is None else base) as task:
        return train_flare(task, more.pop("rows", some_rows()), settings, folder, identity=DE, **more)


@pytest.mark.parametrize("kind", ["add", "mul", "add-relu", "cross-attention", "latent"])
def test_the_loss_falls_and_what_is_frozen_stays(tmp_path: Path, kind: str) -> None:
    base = tiny_llama()
    before = {name: weight.clone() for name, weight in base.state_dict().items()}
    encoder: LatentEncoder | None = tiny_encoder() if kind == "latent" else None
    fusion = "add" if encoder else kind
    adapter = train(tmp_path / "de", base, encoder=encoder, settings={"fusion": fusion, "epochs": 30})
    assert adapter.record["last_loss"] < 0.8 * adapter.record["first_loss"]
    after = base.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    assert not any(module._forward_hooks for module in base.modules())


def test_cost_and_origin_are_told(tmp_path: Path) -> None:
    adapter = train(tmp_path / "de")
    log = read_log(tmp_path / "de")
    record = adapter.record
    assert record["samples"] == 12
    assert record["steps"] == len(log) == 8
    assert record["parameters"] == adapter.parameters == 2 * 2 * (4 * 32 + 32 * 4)
    assert (record["first_loss"], record["last_loss"]) == (log[0]["loss"], log[-1]["loss"])
    assert record["minutes"] >= 0
    assert adapter.identity == dataclasses.replace(DE, task=adapter.identity.task)
    assert adapter.identity.task
    assert sorted(path.name for path in (tmp_path / "de").iterdir()) == [
        "flare.json",
        "flare.safetensors",
        "log.jsonl",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["de"]


class Interrupted(Exception):
    pass


def equal(one: FlareAdapter, two: FlareAdapter) -> bool:
    return all(torch.equal(tensor, two.tensors[name]) for name, tensor in one.tensors.items())


def test_a_stopped_run_ends_with_the_same_numbers(tmp_path: Path) -> None:
    def stop(done: int, steps: int) -> None:
        if done == 5:
            raise Interrupted

    through = train(tmp_path / "through")
    hasty = {"checkpoint_seconds": 1e-9}
    with pytest.raises(Interrupted):
        train(tmp_path / "cut", settings=hasty, step=stop)
    assert not (tmp_path / "cut").exists()
    assert equal(through, train(tmp_path / "cut", settings=hasty))
    assert [record["step"] for record in read_log(tmp_path / "cut")] == list(range(1, 9))


def test_a_finished_run_is_read_and_another_refused(tmp_path: Path) -> None:
    first = train(tmp_path / "de")

    def never(done: int, steps: int) -> None:
        raise Interrupted

    assert equal(first, train(tmp_path / "de", step=never))
    with pytest.raises(TrainingError, match="other data or settings"):
        train(tmp_path / "de", rows=some_rows(8))


def test_packs_change_nothing(tmp_path: Path) -> None:
    """Rows of one schema in a pack, or each in its own: the same step, but for rounding."""
    packed = train(tmp_path / "packed", settings={"epochs": 1, "batch": 12, "rows_a_pack": 6})
    single = train(
        tmp_path / "single", settings={"epochs": 1, "batch": 12, "rows_a_pack": 1, "packs_at_once": 5}
    )
    assert packed.record["steps"] == single.record["steps"] == 1
    assert packed.record["first_loss"] == pytest.approx(single.record["first_loss"], rel=1e-5)


def test_long_rows_are_cut_on_the_left() -> None:
    row = FlareRow((1, 2, 3, 4), (5, 6), (7, 8), (9, 9, 9, 9, 9), 1)
    assert row.cut_to(7) == FlareRow((3, 4), (5, 6), (7, 8), (9, 9, 9, 9, 9), 1)
    assert row.cut_to(20) == row


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(AdapterError, match="is no FLARE adapter"):
        train(tmp_path / "notes")
    with pytest.raises(TrainingError, match="no row"):
        train(tmp_path / "de", rows=[])
    blind = [*some_rows(3), dataclasses.replace(some_rows(1)[0], source=())]
    with pytest.raises(TrainingError, match="1 of 4 rows have no source"):
        train(tmp_path / "de", rows=blind)
    base = tiny_llama()
    with torch.no_grad():
        base.model.norm.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no number at step 0"):
        train(tmp_path / "de", base)
    assert not (tmp_path / "de").exists()
    assert not any(module._forward_hooks for module in base.modules())


def test_the_published_settings_are_the_default() -> None:
    settings = FlareSettings()
    assert (settings.rank, settings.alpha, settings.targets) == (8, 16, ("q_proj", "v_proj"))
    assert (settings.rate, settings.batch, settings.epochs, settings.warm_up) == (2e-5, 32, 3, 0.1)
    assert (settings.fusion, settings.packs_a_step) == ("add-relu", 32)


def test_the_rate_rises_for_a_tenth_and_falls() -> None:
    settings = FlareSettings(rate=1.0, warm_up=0.25)
    assert [settings.rate_at(step, 8) for step in (0, 1, 2, 5, 8)] == [0.5, 1.0, 1.0, 0.5, 0.0]
