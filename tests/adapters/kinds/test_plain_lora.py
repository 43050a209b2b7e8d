"""rsLoRA is plain LoRA at another alpha; other kinds are refused with the reason."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel

from polycypher.adapters.kinds.plain import as_plain_lora
from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.state import AdapterState
from polycypher.errors import AdapterError
from tiny_models import peft_model, random_adapter, random_ids, tiny_llama


def rslora(rank: int = 4, alpha: float = 6.0, **config: object) -> AdapterState:
    """A random adapter as PEFT stores an rsLoRA."""
    adapter = random_adapter(tiny_llama(), rank=rank, alpha=alpha)
    tensors = {}
    for name, (a, b) in adapter.factors.items():
        tensors[f"base_model.model.{name}.lora_A.weight"] = a
        tensors[f"base_model.model.{name}.lora_B.weight"] = b
    told = {"r": rank, "lora_alpha": alpha, "use_rslora": True, "task_type": "CAUSAL_LM", **config}
    told["target_modules"] = ["q_proj", "k_proj", "v_proj", "o_proj"]
    return AdapterState("LORA", tensors, told, language="es", prompt_hash="p", base_fingerprint="f")


@given(rank=st.integers(1, 12), alpha=st.floats(0.1, 64))
def test_the_scale_is_alpha_over_the_root_of_the_rank(rank: int, alpha: float) -> None:
    plain = as_plain_lora(rslora(rank, alpha))
    assert plain.scale == pytest.approx(alpha / math.sqrt(rank), rel=1e-12)
    assert plain.rank == rank


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    state, ids = rslora(), random_ids(2, 7)
    state.save(tmp_path / "rs")
    model = PeftModel.from_pretrained(tiny_llama(), tmp_path / "rs").eval()
    plain = as_plain_lora(AdapterState.load(tmp_path / "rs"))
    same = peft_model(tiny_llama(), plain, tmp_path / "plain")
    torch.testing.assert_close(same(input_ids=ids).logits, model(input_ids=ids).logits, atol=1e-5, rtol=1e-5)
    assert (plain.language, plain.prompt_hash, plain.base_fingerprint) == ("es", "p", "f")
    with pytest.raises(AdapterError, match="rsLoRA"):
        LoraAdapter.load(tmp_path / "rs")


def test_plain_lora_stays_as_it_is() -> None:
    state = rslora(use_rslora=False)
    plain = as_plain_lora(state)
    assert plain.alpha == 6.0
    for name, (a, b) in plain.factors.items():
        assert torch.equal(a, state.tensors[f"base_model.model.{name}.lora_A.weight"])
        assert torch.equal(b, state.tensors[f"base_model.model.{name}.lora_B.weight"])


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"use_dora": True}, "norm of its own"),
        ({"init_lora_weights": "pissa"}, "pissa changed"),
        ({"init_lora_weights": "OLoRA"}, "olora changed"),
        ({"rank_pattern": {"q_proj": 2}}, "differ by module"),
    ],
)
def test_what_equals_no_plain_lora_is_refused(config: dict[str, object], reason: str) -> None:
    with pytest.raises(AdapterError, match=reason):
        as_plain_lora(rslora(**config))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("IA3", "multiplies"), ("PREFIX_TUNING", "keys and values"), ("LOHA", "kind LOHA")],
)
def test_other_kinds_are_refused(kind: str, reason: str) -> None:
    with pytest.raises(AdapterError, match=reason):
        as_plain_lora(AdapterState(kind, {"x": torch.ones(1)}))


def test_tensors_that_do_not_fit_are_refused() -> None:
    name = "base_model.model.model.layers.0.self_attn.q_proj"
    a = {f"{name}.lora_A.weight": torch.ones(4, 8)}
    told = {"r": 4, "lora_alpha": 4}
    with pytest.raises(AdapterError, match="no fitting lora_B"):
        as_plain_lora(AdapterState("LORA", a, told))
    with pytest.raises(AdapterError, match=r"q_proj\.bias"):
        as_plain_lora(AdapterState("LORA", {**a, f"{name}.bias": torch.ones(4)}, told))
