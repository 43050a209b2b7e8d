"""A bundle's manifest, its place, and the fingerprint of its base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from polycypher.errors import BundleError, ModelError
from polycypher.translator import bundle
from polycypher.translator.bundle import MANIFEST, Manifest, find_bundle, fingerprint

A_MANIFEST = Manifest(
    name="small",
    base="base",
    base_fingerprint="0123456789abcdef",
    languages={"tr": "adapters/tr", "en": "adapters/en"},
    prompt="compact",
    prompt_hash="fedcba9876543210",
    schema_tokens=448,
    versions={"torch": "2"},
)


def one_line(error: BaseException) -> str:
    assert "\n" not in str(error)
    return str(error)


# ---------------------------------------------------------------------- manifest


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    A_MANIFEST.save(tmp_path / "new")
    again = Manifest.load(tmp_path / "new")
    assert again == A_MANIFEST
    assert list(again.languages) == ["tr", "en"]  # the order of the gate's weights
    assert [path.name for path in (tmp_path / "new").iterdir()] == [MANIFEST]


def test_a_folder_without_manifest(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        Manifest.load(tmp_path)
    assert f"{tmp_path} is no bundle" in one_line(caught.value)


def changed(**changes: Any) -> str:
    value = {name: getattr(A_MANIFEST, name) for name in Manifest.__slots__}
    return json.dumps({name: v for name, v in {**value, **changes}.items() if v != "gone"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        changed(languages={}),
        changed(languages=["en"]),
        changed(prompt_hash="gone"),
        changed(extra=1),
    ],
)
def test_a_damaged_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(BundleError, match="is damaged") as caught:
        Manifest.load(tmp_path)
    assert str(tmp_path / MANIFEST) in one_line(caught.value)


def test_a_manifest_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BundleError, match="is damaged"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("more", [{}, {"quantisation": "int4"}])
def test_a_manifest_of_a_later_format_says_to_upgrade(tmp_path: Path, more: dict[str, str]) -> None:
    (tmp_path / MANIFEST).write_text(changed(format=2, **more))
    with pytest.raises(BundleError, match=r"format 2.*upgrade") as caught:
        Manifest.load(tmp_path)
    one_line(caught.value)


# ---------------------------------------------------------------------- place


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package's folder of models with one, `nano`."""
    models = tmp_path / "package" / "models"
    (models / "nano").mkdir(parents=True)
    monkeypatch.setattr(bundle, "_PACKAGED", models)
    return models


def test_a_packaged_name(packaged: Path) -> None:
    assert find_bundle("nano") == packaged / "nano"


def test_a_folder(packaged: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert find_bundle(tmp_path / "mine") == tmp_path / "mine"
    assert find_bundle(str(tmp_path / "mine")) == tmp_path / "mine"


def test_a_folder_of_the_home(packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    assert find_bundle("~/mine") == tmp_path / "mine"


@pytest.mark.parametrize("name", [".", ".."])
def test_dots_are_the_user_s_folders(
    packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert find_bundle(name).resolve() == (tmp_path / "a" / "b" / name).resolve()


@pytest.mark.parametrize("name", ["mini", "", "./mini", "/no/such", "~/no/such", "a/b/c"])
def test_what_is_nowhere(packaged: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(packaged)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(BundleError, match="nano") as caught:
        find_bundle(name or "missing")
    one_line(caught.value)


def test_a_hub_id_is_fetched(packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda hub_id, **_: str(tmp_path / hub_id))
    assert find_bundle("someone/model") == tmp_path / "someone/model"


def test_a_hub_id_that_cannot_be_fetched(packaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def fail(hub_id: str, **_: object) -> str:
        raise LocalEntryNotFoundError("no connection\nand more lines")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(ModelError, match="someone/model: no connection") as caught:
        find_bundle("someone/model")
    one_line(caught.value)


# ---------------------------------------------------------------------- fingerprint


def a_base(folder: Path, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"hidden_size": 8, **config}))
    save_file({"w": torch.arange(8.0)}, folder / "model.safetensors")
    return folder


def test_equal_bases_have_one_fingerprint(tmp_path: Path) -> None:
    first = fingerprint(a_base(tmp_path / "a"))
    assert first == fingerprint(
        a_base(tmp_path / "b", transformers_version="9.9", _name_or_path="x", dtype="bfloat16")
    )
    assert len(first) == 16
    assert set(first) <= set("0123456789abcdef")


def test_other_bases_have_another(tmp_path: Path) -> None:
    found = {fingerprint(a_base(tmp_path / "a")), fingerprint(a_base(tmp_path / "b", hidden_size=16))}
    other = a_base(tmp_path / "c")
    save_file({"w": torch.arange(8.0) + 1}, other / "model.safetensors")
    found.add(fingerprint(other))
    save_file({"w": torch.arange(8.0)}, other / "model.safetensors")
    save_file({"v": torch.arange(8.0)}, other / "more.safetensors")
    found.add(fingerprint(other))
    assert len(found) == 4


def test_the_ends_of_a_large_file_count(tmp_path: Path) -> None:
    base = a_base(tmp_path / "a")
    found = set()
    for place in (None, 10, (3 << 20) - 10):
        data = bytearray(3 << 20)
        if place is not None:
            data[place] = 1
        (base / "model.safetensors").write_bytes(data)
        found.add(fingerprint(base))
    assert len(found) == 3


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_base_with_a_part_missing(tmp_path: Path, name: str) -> None:
    base = a_base(tmp_path / "a")
    (base / name).unlink()
    with pytest.raises(BundleError, match="lacks") as caught:
        fingerprint(base)
    assert str(base) in one_line(caught.value)


@pytest.mark.parametrize("text", ["{", "[1]", "null"])
def test_a_base_with_a_damaged_configuration(tmp_path: Path, text: str) -> None:
    base = a_base(tmp_path / "a")
    (base / "config.json").write_text(text)
    with pytest.raises(BundleError, match="is damaged") as caught:
        fingerprint(base)
    assert str(base) in one_line(caught.value)
