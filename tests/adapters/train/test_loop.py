"""Training an adapter: it learns, it resumes to the same numbers, it leaves the base alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.train.checkpoint import FILE, Checkpoint
from polycypher.adapters.train.folder import Identity, read_log
from polycypher.adapters.train.loop import Watch, train_adapter
from polycypher.adapters.train.packing import TrainingRow
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.errors import AdapterError, TrainingError
from tiny_models import END, peft_model, random_ids, tiny_llama

SETTINGS = AdapterSettings(
    rank=4,
    epochs=6,
    rate=2e-2,
    rows_a_pack=3,
    packs_a_step=2,
    packs_at_once=1,
    optimizer="adamw",
    precision="no",
)
XX = Identity("xx", base="tiny", base_fingerprint="f", prompt_hash="p")


def some_rows(count: int = 12) -> list[TrainingRow]:
    rows = []
    for seed in range(count):
        own = random_ids(5, seed=seed).tolist()
        rows.append(TrainingRow((5, 6, 7 + seed % 2), tuple(own), (own[0], own[1], END)))
    return rows


class Interrupted(Exception):
    pass


def stop_at(number: int) -> Watch:
    def step(done: int, steps: int) -> None:
        if done == number:
            raise Interrupted

    return Watch(step=step)


def equal(one: LoraAdapter, two: LoraAdapter) -> bool:
    return all(
        torch.equal(x, y)
        for name, factors in one.factors.items()
        for x, y in zip(factors, two.factors[name], strict=True)
    )


def test_the_loss_falls_and_the_base_stays(tmp_path: Path) -> None:
    model = tiny_llama()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    longer = SETTINGS.model_copy(update={"epochs": 30})
    adapter = train_adapter(model, some_rows(), longer, tmp_path, identity=XX)
    log = read_log(tmp_path)
    assert log[-1]["loss"] < 0.7 * log[0]["loss"]
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    assert (adapter.language, adapter.prompt_hash, adapter.base_fingerprint) == ("xx", "p", "f")
    assert adapter.record["samples"] == 12
    assert adapter.record["steps"] == log[-1]["step"] == 60


def test_peft_reads_what_was_trained(tmp_path: Path) -> None:
    model = tiny_llama()
    adapter = train_adapter(model, some_rows(), SETTINGS, tmp_path / "made", identity=XX)
    ids = random_ids(1, 7)
    loaded = peft_model(model, LoraAdapter.load(tmp_path / "made"), tmp_path / "again")(input_ids=ids).logits
    assert not torch.allclose(loaded, model(input_ids=ids).logits, atol=1e-3)
    assert equal(adapter, LoraAdapter.load(tmp_path / "made"))


def test_a_stopped_run_ends_with_the_same_numbers(tmp_path: Path) -> None:
    through = train_adapter(tiny_llama(), some_rows(), SETTINGS, tmp_path / "through", identity=XX)
    hasty = SETTINGS.model_copy(update={"checkpoint_seconds": 1e-9})
    for number in (3, 8):
        with pytest.raises(Interrupted):
            train_adapter(
                tiny_llama(), some_rows(), hasty, tmp_path / "cut", identity=XX, watch=stop_at(number)
            )
    resumed = train_adapter(tiny_llama(), some_rows(), hasty, tmp_path / "cut", identity=XX)
    assert equal(through, resumed)
    steps = [record["step"] for record in read_log(tmp_path / "cut")]
    assert steps == sorted(set(steps))
    assert not (tmp_path / "cut" / FILE).exists()


def test_a_finished_run_is_read(tmp_path: Path) -> None:
    first = train_adapter(tiny_llama(), some_rows(), SETTINGS, tmp_path, identity=XX)
    again = train_adapter(tiny_llama(), some_rows(), SETTINGS, tmp_path, identity=XX, watch=stop_at(1))
    assert equal(first, again)


def test_another_run_in_its_folder_is_refused(tmp_path: Path) -> None:
    train_adapter(tiny_llama(), some_rows(), SETTINGS, tmp_path, identity=XX)
    with pytest.raises(TrainingError, match="other data or settings"):
        train_adapter(tiny_llama(), some_rows(8), SETTINGS, tmp_path, identity=XX)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    Checkpoint("other", 1, {}, {}, 0.0).save(tmp_path)
    with pytest.raises(TrainingError, match="other data or settings"):
        train_adapter(tiny_llama(), some_rows(), SETTINGS, tmp_path, identity=XX)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match="damaged"):
        train_adapter(tiny_llama(), some_rows(), SETTINGS, tmp_path, identity=XX)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    model = tiny_llama()
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no number at step 0"):
        train_adapter(model, some_rows(), SETTINGS, tmp_path, identity=XX)
    assert not hasattr(model.model.layers[0].self_attn.q_proj, "lora_A")


def test_no_rows_and_no_such_module_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no row"):
        train_adapter(tiny_llama(), [], SETTINGS, tmp_path, identity=XX)
    strange = SETTINGS.model_copy(update={"targets": ("c_attn",)})
    with pytest.raises(AdapterError, match="c_attn"):
        train_adapter(tiny_llama(), some_rows(), strange, tmp_path, identity=XX)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise RuntimeError("[enforce fail] No space left on device")

    monkeypatch.setattr(torch, "save", full)
    hasty = SETTINGS.model_copy(update={"checkpoint_seconds": 1e-9})
    with pytest.raises(TrainingError, match="No space left"):
        train_adapter(tiny_llama(), some_rows(), hasty, tmp_path, identity=XX)


def test_a_probe_is_logged(tmp_path: Path) -> None:
    watch = Watch(probe=lambda model: {"exact": 0.5}, probe_every=5)
    train_adapter(tiny_llama(), some_rows(), SETTINGS, tmp_path, identity=XX, watch=watch)
    assert [record["step"] for record in read_log(tmp_path) if "exact" in record] == [5, 10, 12]


def test_the_rate_rises_and_falls() -> None:
    settings = AdapterSettings(rate=1.0, warm_up=4)
    assert [settings.rate_at(step, 12) for step in (0, 3, 4, 8, 12)] == [0.25, 1.0, 1.0, 0.5, 0.0]
