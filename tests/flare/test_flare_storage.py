"""The folder of a FLARE adapter: whole or not there, and nothing else is read as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from flare_helpers import flared, tiny_encoder

from polycypher.errors import AdapterError
from polycypher.flare.storage import CONFIG, WEIGHTS, FlareAdapter, FlareIdentity


def made(fusion: str = "cross-attention", *, latent: bool = False) -> FlareAdapter:
    with flared(fusion, encoder=tiny_encoder() if latent else None) as model:
        identity = FlareIdentity("en", "de", "nano", "f1", "p1", model.task.fingerprint, "run1")
        return model.adapter(identity, {"samples": 3})


@pytest.mark.parametrize("latent", [False, True])
def test_what_is_written_is_read(tmp_path: Path, latent: bool) -> None:
    adapter = made(latent=latent)
    adapter.save(tmp_path / "de")
    found = FlareAdapter.load(tmp_path / "de")
    assert [path.name for path in tmp_path.iterdir()] == ["de"]
    assert (found.fusion, found.rank, found.alpha, found.targets) == (
        adapter.fusion,
        4,
        8.0,
        ("q_proj", "v_proj"),
    )
    assert (found.identity, found.encoder, found.record) == (
        adapter.identity,
        adapter.encoder,
        adapter.record,
    )
    assert found.tensors.keys() == adapter.tensors.keys()
    assert all(torch.equal(one, adapter.tensors[name]) for name, one in found.tensors.items())
    assert found.parameters == adapter.parameters > 0


def test_a_folder_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "notes").write_text("mine")
    with pytest.raises(AdapterError, match="exists; delete it or name another"):
        made().save(tmp_path / "de")
    assert (tmp_path / "de" / "notes").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdapterError, match="cannot write"):
        made().save(tmp_path / "file" / "de")


def test_damaged_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"it has no flare\.json"):
        FlareAdapter.load(tmp_path)
    folder = tmp_path / "de"
    made().save(folder)
    told = json.loads((folder / CONFIG).read_text())
    for wrong, message in (
        ({"kind": "lora"}, "not of a FLARE adapter"),
        ({"fusion": "concat"}, "no fusion is named"),
        ({"rank": 5}, "no weights of rank 5"),
        ({"identity": {"colour": "red"}}, "damaged"),
    ):
        (folder / CONFIG).write_text(json.dumps({**told, **wrong}))
        with pytest.raises(AdapterError, match=message):
            FlareAdapter.load(folder)
    (folder / CONFIG).write_text("[]")
    with pytest.raises(AdapterError, match="damaged"):
        FlareAdapter.load(folder)
    (folder / CONFIG).write_text(json.dumps(told))
    (folder / WEIGHTS).write_bytes(b"no tensors")
    with pytest.raises(AdapterError, match="damaged"):
        FlareAdapter.load(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(AdapterError, match=r"it has no flare\.safetensors"):
        FlareAdapter.load(folder)
