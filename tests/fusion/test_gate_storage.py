"""A gate's two files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from polycypher.errors import BundleError
from polycypher.fusion.gate import Gate, GateConfig, GateKind
from polycypher.fusion.storage import load_gate, save_gate

CONFIG = GateConfig(kind=GateKind.SHARED_SCORER, adapters=2, preview=5, embedding_size=4, width=8)
FILES = ("gate.json", "gate.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved gate."""
    torch.manual_seed(0)
    gate = Gate(CONFIG)
    gate.fit_normalisation(torch.randn(9, 2, 5), torch.randn(9, 4))
    save_gate(gate, tmp_path / "bundle" / "gate")
    return tmp_path / "bundle" / "gate"


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        load_gate(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    gate = Gate(CONFIG)
    gate.fit_normalisation(torch.randn(9, 2, 5), torch.randn(9, 4))
    save_gate(gate, tmp_path)
    again = load_gate(tmp_path)
    assert again.config == CONFIG
    previews, embeddings = torch.randn(3, 2, 5), torch.randn(3, 4)
    assert torch.equal(again(previews, embeddings), gate(previews, embeddings))  # with the normalisation
    assert not again.training
    assert not any(weight.requires_grad for weight in again.parameters())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert str(folder) in refusal(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [b"", b"\xff\xfe no such thing", None])
def test_damaged_files(folder: Path, name: str, damage: bytes | None) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert str(folder) in refusal(folder)


def test_weights_of_another_size(folder: Path) -> None:
    config = json.loads((folder / "gate.json").read_text())
    (folder / "gate.json").write_text(json.dumps({**config, "preview": 6}))
    assert str(folder) in refusal(folder)


def test_a_missing_weight(folder: Path) -> None:
    tensors = load_file(folder / "gate.safetensors")
    del tensors["network.0.weight"]
    save_file(tensors, folder / "gate.safetensors")
    assert "network.0.weight" in refusal(folder)


def test_another_configuration(folder: Path) -> None:
    (folder / "gate.json").write_text(json.dumps({**CONFIG.to_dict(), "kind": "oracle"}))
    assert "damaged" in refusal(folder)
