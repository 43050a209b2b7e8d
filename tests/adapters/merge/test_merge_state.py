"""(IA)³ vectors and prefixes in PEFT folders: written by PEFT, merged here, read by PEFT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, PeftModel, PrefixTuningConfig, get_peft_model
from torch import Tensor

from polycypher.adapters.merge import TRANSFERS
from polycypher.adapters.merge.folder import read_adapter
from polycypher.adapters.merge.state import AdapterState
from polycypher.errors import AdapterError
from tiny_models import random_adapter, random_ids, tiny_llama

pefts_own = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")

CONFIGS: dict[str, Any] = {
    "IA3": lambda: IA3Config(
        task_type="CAUSAL_LM",
        target_modules=["k_proj", "v_proj", "down_proj"],
        feedforward_modules=["down_proj"],
    ),
    "PREFIX_TUNING": lambda: PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
}


def trained(kind: str, seed: int, folder: Path) -> Path:
    """A folder as PEFT writes it, its weights random as after training."""
    model = get_peft_model(tiny_llama(), CONFIGS[kind]())
    draw = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = 1 + 0.3 * torch.randn(parameter.shape, generator=draw)
    model.save_pretrained(folder)
    return folder


@torch.inference_mode()
def logits(folder: Path) -> Tensor:
    model = PeftModel.from_pretrained(tiny_llama(), folder).eval()
    found: Tensor = model(input_ids=random_ids(1, 9)).logits
    return found


@pefts_own
@pytest.mark.parametrize(("kind", "rule"), [("IA3", "adamergex-ia3"), ("PREFIX_TUNING", "adamergex-prefix")])
def test_peft_reads_what_was_merged_from_what_peft_wrote(tmp_path: Path, kind: str, rule: str) -> None:
    folders = [trained(kind, seed, tmp_path / str(seed)) for seed in range(3)]
    task, target, source = map(read_adapter, folders)
    assert isinstance(task, AdapterState)
    assert task.kind == kind
    made = TRANSFERS[rule]([task, target, source])
    assert isinstance(made, AdapterState)
    made.save(tmp_path / "made")
    assert not torch.allclose(logits(tmp_path / "made"), logits(folders[0]), atol=1e-3)
    # Where the reference task is the task, the result is the target's adapter, in PEFT's own hands.
    same = TRANSFERS[rule]([source, target, source])
    same.save(tmp_path / "same")
    assert torch.allclose(logits(tmp_path / "same"), logits(folders[1]), atol=1e-4)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one = AdapterState(
        "IA3",
        {"a.ia3_l": torch.rand(3, 1)},
        {"peft_type": "IA3", "base_model_name_or_path": "b", "target_modules": ["a"]},
        language="de",
        prompt_hash="p",
        base_fingerprint="f",
        record={"steps": 3},
    )
    one.save(tmp_path)
    again = AdapterState.load(tmp_path)
    assert (again.language, again.prompt_hash, again.base_fingerprint) == ("de", "p", "f")
    assert (again.record, again.kind, again.parameters) == ({"steps": 3}, "IA3", 3)
    assert torch.equal(again.tensors["a.ia3_l"], one.tensors["a.ia3_l"])
    assert not list(tmp_path.glob("*.tmp"))


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"no adapter_config\.json"):
        read_adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(AdapterError, match="damaged"):
        read_adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "IA3"}))
    with pytest.raises(AdapterError, match=r"no adapter_model\.safetensors"):
        read_adapter(tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(AdapterError, match="damaged"):
        read_adapter(tmp_path)


@pytest.mark.parametrize(("key", "named"), [("use_rslora", "rsLoRA"), ("use_dora", "DoRA")])
def test_loras_whose_updates_do_not_add_up(tmp_path: Path, key: str, named: str) -> None:
    random_adapter(tiny_llama()).save(tmp_path)
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), key: True}))
    with pytest.raises(AdapterError, match=named):
        read_adapter(tmp_path)
