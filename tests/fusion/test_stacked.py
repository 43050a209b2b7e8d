"""The stacked adapter against PEFT, adapter by adapter and mixed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.errors import AdapterError
from polycypher.fusion.stacked import StackedAdapter, StackedLinear
from tiny_models import peft_model, random_adapter, random_adapters, random_ids, tiny_llama

pytestmark = pytest.mark.filterwarnings(
    "ignore:Unexpected keyword arguments:UserWarning"
)  # PEFT on our own key
IDS = random_ids(1, 12)


@torch.inference_mode()
def logits_of(model: Any, ids: Tensor = IDS) -> Tensor:
    result: Tensor = model(input_ids=ids).logits
    return result


def simplex(count: int) -> Tensor:
    """Weights that differ from each other and sum to one."""
    return torch.softmax(torch.linspace(-1.0, 1.0, count), 0)


def updates(model: Any, weights: Tensor, stacked: StackedAdapter) -> dict[str, Tensor]:
    """What the installed adapters add to each matrix, read off the layers: [out, in]."""
    stacked.set_weights(weights[None])
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, StackedLinear):
            unit = torch.eye(module.base.in_features)[None]
            found[name] = (module(unit) - module.base(unit))[0].T
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_one_hot_rows_are_the_adapters_alone(count: int, tmp_path: Path) -> None:
    base = tiny_llama()
    adapters = random_adapters(base, count)
    expected = [
        logits_of(peft_model(base, adapter, tmp_path / str(index)))[0]
        for index, adapter in enumerate(adapters)
    ]
    alone = logits_of(base)[0]
    stacked = StackedAdapter(base, adapters)
    stacked.set_weights(stacked.one_hot())
    rows = logits_of(base, IDS.expand(count, -1))
    for row, reference in zip(rows, expected, strict=True):
        assert (reference - alone).abs().max() > 0.1  # else nothing is tested
        torch.testing.assert_close(row, reference, atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_gate_weights_in_one_row_are_the_concatenated_merge(count: int, tmp_path: Path) -> None:
    base = tiny_llama()
    adapters, weights = random_adapters(base, count), simplex(count)
    names = [f"a{index}" for index in range(count)]
    for name, adapter in zip(names, adapters, strict=True):
        adapter.save(tmp_path / name)
    merged = PeftModel.from_pretrained(copy.deepcopy(base), tmp_path / names[0], adapter_name=names[0]).eval()
    for name in names[1:]:
        merged.load_adapter(tmp_path / name, adapter_name=name)
    merged.add_weighted_adapter(names, weights.tolist(), "mixed", combination_type="cat")
    merged.set_adapter("mixed")
    expected = logits_of(merged)
    stacked = StackedAdapter(base, adapters)
    stacked.set_weights(weights[None])
    torch.testing.assert_close(logits_of(base), expected, atol=1e-4, rtol=0)
    found = updates(base, weights, stacked)
    by_peft = {
        name.removeprefix("base_model.model."): m
        for name, m in merged.named_modules()
        if hasattr(m, "get_delta_weight")
    }
    assert set(found) == set(by_peft) == set(adapters[0].factors)
    for name, update in found.items():
        torch.testing.assert_close(update, by_peft[name].get_delta_weight("mixed"), atol=1e-5, rtol=0)


def test_one_row_is_the_weighted_sum_of_updates() -> None:
    base = tiny_llama()
    adapters, weights = random_adapters(base, 3), simplex(3)
    for name, update in updates(base, weights, StackedAdapter(base, adapters)).items():
        pairs = [(adapter.scale, *adapter.factors[name]) for adapter in adapters]
        expected = sum(w * scale * (b @ a) for w, (scale, a, b) in zip(weights, pairs, strict=True))
        torch.testing.assert_close(update, expected, atol=1e-5, rtol=0)


def test_copies_of_one_adapter_in_equal_shares_give_it_back() -> None:
    base = tiny_llama()
    adapter = random_adapter(base)
    stacked = StackedAdapter(base, [adapter] * 3)
    stacked.set_weights(torch.tensor([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    one, shares = logits_of(base, IDS.expand(2, -1))
    torch.testing.assert_close(shares, one, atol=1e-4, rtol=0)


def test_rows_of_one_batch_have_weights_of_their_own() -> None:
    base = tiny_llama()
    stacked = StackedAdapter(base, random_adapters(base, 3))
    weights = torch.tensor([[0.0, 1.0, 0.0], [0.2, 0.3, 0.5], [0.0, 0.0, 0.0]])
    ids = random_ids(3, 10)
    stacked.set_weights(weights)
    together = logits_of(base, ids)
    for row in range(3):
        stacked.set_weights(weights[row : row + 1])
        torch.testing.assert_close(logits_of(base, ids[row : row + 1])[0], together[row], atol=1e-4, rtol=0)


def test_without_weights_the_base_is_untouched_bit_for_bit() -> None:
    base = tiny_llama()
    before, kept = logits_of(base), {name: w.clone() for name, w in base.state_dict().items()}
    stacked = StackedAdapter(base, random_adapters(base, 3))
    assert torch.equal(logits_of(base), before)
    stacked.set_weights(stacked.one_hot()[:1])
    assert not torch.equal(logits_of(base), before)
    stacked.set_weights(None)
    assert torch.equal(logits_of(base), before)
    stored = {name.replace(".base.", "."): w for name, w in base.state_dict().items()}
    assert stored.keys() == kept.keys()  # the adapters are no part of the base's weights
    assert all(torch.equal(stored[name], kept[name]) for name in kept)


def test_adapters_of_different_modules(tmp_path: Path) -> None:
    base = tiny_llama()
    adapters = [
        random_adapter(base, targets=("q_proj", "v_proj"), seed=1),
        random_adapter(base, rank=2, targets=("o_proj", "up_proj"), seed=2),
    ]
    expected = [logits_of(peft_model(base, a, tmp_path / str(i)))[0] for i, a in enumerate(adapters)]
    stacked = StackedAdapter(base, adapters)
    stacked.set_weights(stacked.one_hot())
    torch.testing.assert_close(logits_of(base, IDS.expand(2, -1)), torch.stack(expected), atol=1e-4, rtol=0)


def test_an_adapter_made_and_saved_by_peft(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    base = tiny_llama()
    torch.manual_seed(3)
    config = LoraConfig(r=3, lora_alpha=5, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    trained = get_peft_model(copy.deepcopy(base), config).eval()
    trained.save_pretrained(tmp_path)
    stacked = StackedAdapter(base, [LoraAdapter.load(tmp_path)])
    stacked.set_weights(stacked.one_hot())
    torch.testing.assert_close(logits_of(base), logits_of(trained), atol=1e-4, rtol=0)


def test_adapters_of_another_base_are_refused() -> None:
    base = tiny_llama(hidden=32)
    for other in (tiny_llama(hidden=64), tiny_llama(hidden=16)):
        with pytest.raises(AdapterError, match=r"'tr' does not fit model\.layers\.0.*another base") as caught:
            StackedAdapter(base, [random_adapter(base), random_adapter(other, language="tr")])
        assert "\n" not in str(caught.value)


def test_a_module_that_the_base_lacks_is_named() -> None:
    base = tiny_llama()
    a, b = torch.zeros(1, 32), torch.zeros(32, 1)
    for name in ("model.layers.7.self_attn.q_proj", "model.layers.0.self_attn.qkv_proj"):
        with pytest.raises(AdapterError, match=name):
            StackedAdapter(base, [LoraAdapter({name: (a, b)}, 1, 1.0)])


def test_no_adapter_is_refused() -> None:
    with pytest.raises(AdapterError, match="at least one"):
        StackedAdapter(tiny_llama(), [])
