"""Bases in 4 bits: what is said where they cannot run, and training where they can."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from test_kinds import settings_of
from test_loop import XX, some_rows

from polycypher.adapters.train.attach import Attached
from polycypher.adapters.train.folder import read_log
from polycypher.adapters.train.four_bit import load_four_bit
from polycypher.adapters.train.loop import AnswerLoss, train_state
from polycypher.adapters.train.packing import pack
from polycypher.errors import TrainingError
from tiny_models import tiny_llama


def test_without_bitsandbytes_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(TrainingError, match="pip install bitsandbytes"):
        load_four_bit(tmp_path)


def test_where_it_cannot_run_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForCausalLM

    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError("no kernel\nfor this device")

    monkeypatch.setitem(sys.modules, "bitsandbytes", ModuleType("bitsandbytes"))
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", broken)
    with pytest.raises(TrainingError, match=r"cannot run here \(no kernel for this device"):
        load_four_bit(tmp_path)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    with pytest.raises(TrainingError, match=r"cannot load the base model in .*nothing"):
        load_four_bit(tmp_path / "nothing")


def weights(model: Any) -> dict[str, torch.Tensor]:
    """Every weight, with its quantisation's constants."""
    return {name: one.clone() for name, one in model.state_dict().items()}


@pytest.mark.parametrize("way", ["lora", "rslora", "dora", "prefix", "eva", "loraplus"])
def test_adapters_learn_on_a_base_in_four_bits(way: str, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    tiny_llama(hidden=64).save_pretrained(tmp_path / "base")
    model = load_four_bit(tmp_path / "base")
    before = weights(model)
    assert any(weight.dtype == torch.uint8 for weight in before.values())
    settings = settings_of(way, four_bit=True, epochs=12)
    train_state(model, some_rows(), settings, tmp_path / "made", identity=XX)
    log = read_log(tmp_path / "made")
    assert log[-1]["loss"] < 0.9 * log[0]["loss"]
    after = weights(model)
    assert before.keys() == after.keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())


def test_gradients_are_the_same_after_the_base_has_answered(tmp_path: Path) -> None:
    """A probe runs the model in evaluation mode between two steps."""
    pytest.importorskip("bitsandbytes")
    tiny_llama(hidden=64).save_pretrained(tmp_path / "base")
    found = []
    for answers in (False, True):
        model = load_four_bit(tmp_path / "base")
        if answers:
            with torch.inference_mode():
                model(input_ids=torch.tensor([[5, 6, 7]], device=model.device))
        torch.manual_seed(0)
        tuned = Attached(model, settings_of("lora", four_bit=True), [], seed=0, fresh=True).tuned
        loss = AnswerLoss(tuned.train(), "bf16")
        batch = pack([some_rows()[:1]]).to(model.device)
        loss(batch.ids, batch.mask(torch.bfloat16), batch.positions, batch.labels).backward()
        found.append(
            {
                name: one.grad
                for name, one in tuned.named_parameters()
                if one.grad is not None and one.grad.any()
            }
        )
    assert found[0].keys() == found[1].keys()
    assert any("layers.0." in name for name in found[0])
    for name, gradient in found[0].items():
        torch.testing.assert_close(gradient, found[1][name], atol=1e-3, rtol=1e-2)
