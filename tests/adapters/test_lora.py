"""The adapter folder: what is written is read again, and what cannot be stacked is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from polycypher.adapters.lora import CONFIG, RECORD, WEIGHTS, LoraAdapter
from polycypher.errors import AdapterError

NAME = "model.layers.0.self_attn.q_proj"


def an_adapter(**fields: Any) -> LoraAdapter:
    draw = torch.Generator().manual_seed(0)
    factors = {
        name: (torch.randn(4, 16, generator=draw), torch.randn(12, 4, generator=draw))
        for name in (NAME, "model.layers.1.self_attn.o_proj")
    }
    return LoraAdapter(factors, rank=4, alpha=8.0, **fields)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved adapter."""
    an_adapter().save(tmp_path / "es")
    return tmp_path / "es"


def configure(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **changes}))


def refusal(folder: Path) -> str:
    """The message with which a folder is refused: one line that names it."""
    with pytest.raises(AdapterError) as caught:
        LoraAdapter.load(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    adapter = an_adapter(
        base="nano",
        language="es",
        prompt_hash="ab12",
        base_fingerprint="cd34",
        record={"steps": 700, "seed": 7},
    )
    adapter.save(tmp_path / "new" / "es")
    again = LoraAdapter.load(tmp_path / "new" / "es")
    for field in ("rank", "alpha", "base", "language", "prompt_hash", "base_fingerprint", "record"):
        assert getattr(again, field) == getattr(adapter, field), field
    assert again.factors.keys() == adapter.factors.keys()
    for name, (a, b) in adapter.factors.items():
        assert torch.equal(again.factors[name][0], a)
        assert torch.equal(again.factors[name][1], b)


def test_only_the_three_files_are_left(folder: Path) -> None:
    an_adapter(language="tr").save(folder)  # over the old one
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG, WEIGHTS, RECORD]
    assert LoraAdapter.load(folder).language == "tr"


def test_scale_and_size() -> None:
    adapter = an_adapter()
    assert adapter.scale == 8.0 / 4
    assert adapter.parameters == 2 * (4 * 16 + 12 * 4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"use_rslora": True}, "rsLoRA"),
        ({"use_dora": True}, "DoRA"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4 changed"),
        ({"init_lora_weights": "olora"}, "path_initial_model"),
        ({"bias": "lora_only"}, "bias"),
        ({"bias": "all"}, "bias"),
        ({"peft_type": "IA3"}, "IA3"),
        ({"rank_pattern": {"q_proj": 2}}, "differ by module"),
        ({"alpha_pattern": {"q_proj": 2}}, "differ by module"),
        ({"r": 0}, "`r`"),
        ({"r": "four"}, "`r`"),
        ({"r": None}, "`r`"),
        ({"lora_alpha": None}, "`lora_alpha`"),
        ({"lora_alpha": "sixteen"}, "`lora_alpha`"),
    ],
)
def test_kinds_that_do_not_stack_are_refused(folder: Path, changes: dict[str, Any], said: str) -> None:
    configure(folder, **changes)
    assert said in refusal(folder)


@pytest.mark.parametrize(
    "key",
    [
        f"base_model.model.{NAME}.lora_magnitude_vector",
        f"base_model.model.{NAME}.lora_B.bias",
        "base_model.model.lm_head.weight",
        "base_model.model.model.embed_tokens.lora_embedding_A",
    ],
)
def test_weights_beyond_the_two_factors_are_not_dropped_in_silence(folder: Path, key: str) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file({**tensors, key: torch.ones(3)}, folder / WEIGHTS)
    assert key.removeprefix("base_model.model.") in refusal(folder)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refusal(folder)


def test_a_missing_folder(tmp_path: Path) -> None:
    assert CONFIG in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00 no such thing", None])
def test_damaged_files(folder: Path, name: str, damage: bytes | None) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert "damaged" in refusal(folder)


@pytest.mark.parametrize("text", ["[]", "null", '"LORA"'])
def test_a_configuration_that_is_no_object(folder: Path, text: str) -> None:
    (folder / CONFIG).write_text(text)
    assert "damaged" in refusal(folder)


def test_a_factor_without_its_partner(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors[f"base_model.model.{NAME}.lora_B.weight"]
    save_file(tensors, folder / WEIGHTS)
    assert NAME in refusal(folder)


def test_factors_of_two_ranks(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file({**tensors, f"base_model.model.{NAME}.lora_B.weight": torch.zeros(12, 3)}, folder / WEIGHTS)
    assert NAME in refusal(folder)


def test_no_weights_at_all(folder: Path) -> None:
    save_file({}, folder / WEIGHTS)
    assert "no LoRA weights" in refusal(folder)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdapterError, match="cannot write"):
        an_adapter().save(tmp_path / "file")
