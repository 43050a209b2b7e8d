"""Folders in, a folder out: what PEFT loads, what the record says, and what is never left behind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from merge_helpers import delta, pefts_own
from peft import PeftModel

from polycypher import __version__
from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import MERGES, TRANSFERS
from polycypher.adapters.merge.folder import merge_folders
from polycypher.adapters.merge.recipe import MergeRecipe
from polycypher.adapters.merge.state import AdapterState
from polycypher.errors import AdapterError, UsageError
from tiny_models import random_adapter, tiny_llama

FOR_LORA = (*MERGES, *(name for name, transfer in TRANSFERS.items() if transfer.kind == "LORA"))


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Adapters of English, German and English."""
    made = []
    for seed, language in enumerate(("en", "de", "en")):
        one = random_adapter(
            tiny_llama(),
            seed=seed,
            language=language,
            prompt_hash="p",
            base_fingerprint="f",
            record={"n": seed},
        )
        made.append(tmp_path / f"in{seed}")
        one.save(made[-1])
    return made


def recipe(method: str, folders: list[Path], out: Path, **options: Any) -> MergeRecipe:
    return MergeRecipe(
        method=method,
        adapters=[{"folder": folder} for folder in folders],  # type: ignore[list-item]
        folder=out,
        **options,
    )


@pefts_own
@pytest.mark.parametrize("method", FOR_LORA)
def test_peft_loads_every_merge_with_the_same_update(
    tmp_path: Path, folders: list[Path], method: str
) -> None:
    told = merge_folders(recipe(method, folders, tmp_path / "out"))
    ours = delta(LoraAdapter.load(tmp_path / "out"))
    theirs = PeftModel.from_pretrained(tiny_llama(), tmp_path / "out")
    modules = dict(theirs.base_model.model.named_modules())
    assert len(ours) == 8
    for name, update in ours.items():
        assert torch.allclose(modules[name].get_delta_weight("default").double(), update, atol=1e-6)
        assert float(update.norm()) > 0.01
    assert told["method"] == method
    assert told["parameters"] == LoraAdapter.load(tmp_path / "out").parameters


def test_the_record_says_what_went_in(tmp_path: Path, folders: list[Path]) -> None:
    told = merge_folders(recipe("dare-linear-svd", folders, tmp_path / "out", density=0.4, seed=3, rank=5))
    own = json.loads((tmp_path / "out" / "polycypher.json").read_text())
    assert (own["language"], own["prompt_hash"], own["base_fingerprint"]) == ("en+de", "p", "f")
    record = own["merge"]
    assert record["method"] == "dare-linear-svd"
    assert record["paper"] == MERGES["dare-linear-svd"].paper
    assert record["weights"] == [1 / 3] * 3
    assert (record["density"], record["seed"], record["rank"]) == (0.4, 3, 5)
    assert 0 < record["relative_error"] < 1
    assert record["polycypher"] == __version__
    assert record["adapters"] == [
        {
            "folder": str(folder),
            "sha256": hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest(),
            "language": language,
            "rank": 4,
            "alpha": 8.0,
            "record": {"n": n},
        }
        for n, (folder, language) in enumerate(zip(folders, ("en", "de", "en"), strict=True))
    ]
    assert {key: told[key] for key in record} == record
    assert (told["folder"], told["kind"], told["language"]) == (str(tmp_path / "out"), "LORA", "en+de")


def test_vectors_go_the_same_way(tmp_path: Path) -> None:
    places = []
    for n, language in enumerate(("en", "de", "en")):
        places.append(tmp_path / f"in{n}")
        AdapterState("IA3", {"a.ia3_l": torch.full((2, 1), 1.0 + n)}, {"r": 0}, language=language).save(
            places[-1]
        )
    told = merge_folders(recipe("adamergex-ia3", places, tmp_path / "out", scale=0.5))
    assert (told["kind"], told["language"], told["scale"], told["parameters"]) == ("IA3", "de", 0.5, 2)
    made = AdapterState.load(tmp_path / "out")
    assert made.tensors["a.ia3_l"].flatten().tolist() == pytest.approx([1 + 0.5 * (2 / 3 - 1)] * 2)
    assert [one["sha256"] for one in made.record["merge"]["adapters"]] == [
        hashlib.sha256((place / "adapter_model.safetensors").read_bytes()).hexdigest() for place in places
    ]
    with pytest.raises(AdapterError, match=r"`ties` merges LoRA adapters, and the one in .* is IA3"):
        merge_folders(recipe("ties", places, tmp_path / "other"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_that_is_there_stays_unless_forced(tmp_path: Path, folders: list[Path]) -> None:
    out = tmp_path / "out"
    merge_folders(recipe("exact", folders, out))
    before = (out / "adapter_model.safetensors").read_bytes()
    with pytest.raises(UsageError, match="--force"):
        merge_folders(recipe("factor", folders, out))
    assert (out / "adapter_model.safetensors").read_bytes() == before
    merge_folders(recipe("factor", folders, out), force=True)
    assert LoraAdapter.load(out).record["merge"]["method"] == "factor"
    assert names(tmp_path) == ["in0", "in1", "in2", "out"]


def test_force_replaces_nothing_but_an_adapter(tmp_path: Path, folders: list[Path]) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("mine")
    with pytest.raises(UsageError, match="more than an adapter"):
        merge_folders(recipe("exact", folders, tmp_path / "notes"), force=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="more than an adapter"):
        merge_folders(recipe("exact", folders, tmp_path / "file"), force=True)
    with pytest.raises(UsageError, match="one of the adapters"):
        merge_folders(recipe("exact", folders, folders[1]), force=True)
    assert (tmp_path / "notes" / "diary.txt").read_text() == "mine"
    assert LoraAdapter.load(folders[1]).language == "de"


def test_nothing_half_written_survives(
    tmp_path: Path, folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    merge_folders(recipe("exact", folders, out))
    before = (out / "polycypher.json").read_text()

    def full(self: LoraAdapter, folder: Path) -> None:
        folder.mkdir()
        (folder / "adapter_model.safetensors.tmp").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(LoraAdapter, "save", full)
    with pytest.raises(KeyboardInterrupt):
        merge_folders(recipe("factor", folders, out), force=True)
    with pytest.raises(KeyboardInterrupt):
        merge_folders(recipe("factor", folders, tmp_path / "new"))
    assert names(tmp_path) == ["in0", "in1", "in2", "out"]
    assert (out / "polycypher.json").read_text() == before


def test_an_adapter_that_cannot_be_merged_leaves_nothing(tmp_path: Path, folders: list[Path]) -> None:
    random_adapter(tiny_llama(), language="tr", base_fingerprint="g", prompt_hash="p").save(tmp_path / "tr")
    with pytest.raises(AdapterError, match="base model"):
        merge_folders(recipe("exact", [*folders, tmp_path / "tr"], tmp_path / "out"))
    with pytest.raises(AdapterError, match="no adapter_config"):
        merge_folders(recipe("exact", [tmp_path / "none"], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path, folders: list[Path]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdapterError, match="cannot write the adapter folder"):
        merge_folders(recipe("exact", folders, tmp_path / "file" / "out"))
