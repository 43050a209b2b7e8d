"""A router's two files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from routing import PROMPT_ROUTERS, TOKEN_ROUTERS, prompts, random_router, stacked_llama
from safetensors.torch import load_file, save_file

from polycypher.errors import BundleError
from polycypher.fusion.routers import RouterDecoder
from polycypher.fusion.routers.storage import CONFIG, WEIGHTS, load_router, save_router
from tiny_models import END


@pytest.mark.parametrize("name", [*TOKEN_ROUTERS, *PROMPT_ROUTERS])
def test_what_is_saved_is_loaded(name: str, tmp_path: Path) -> None:
    model, stacked = stacked_llama()
    router = random_router(name, model, stacked)
    save_router(router, tmp_path / "router")
    again = load_router(tmp_path / "router")
    assert (again.name, again.shape, again.options) == (name, router.shape, router.options)
    assert not again.training
    assert not any(weight.requires_grad for weight in again.parameters())
    assert sorted(path.name for path in (tmp_path / "router").iterdir()) == sorted([CONFIG, WEIGHTS])
    found, expected = (
        RouterDecoder(one, model, stacked, end=END).decode(prompts(), most=6) for one in (again, router)
    )
    assert found == expected


def test_options_are_kept(tmp_path: Path) -> None:
    model, stacked = stacked_llama()
    save_router(random_router("mixlora", model, stacked, rank=2, top_k=1), tmp_path)
    again = load_router(tmp_path)
    assert (again.options["rank"], again.options["top_k"]) == (2, 1)
    assert again.parameters_count == sum(weight.numel() for weight in load_file(tmp_path / WEIGHTS).values())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved router."""
    save_router(random_router("meteora", *stacked_llama()), tmp_path / "router")
    return tmp_path / "router"


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        load_router(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refusal(folder)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
@pytest.mark.parametrize("damage", [b"", b"\xff\xfe no such thing", b"[]", None])
def test_damaged_files(folder: Path, name: str, damage: bytes | None) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    refusal(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"router": "oracle"}, "no router is named 'oracle'"),
        ({"options": {"top_k": 2, "depth": 1}}, "takes no depth"),
        ({"shape": {"ranks": [1]}}, "sites"),
        ({"router": "x-lora", "options": {}}, "head.0.weight"),
    ],
)
def test_another_configuration(folder: Path, change: dict[str, object], told: str) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **change}))
    assert told in refusal(folder)


def test_a_missing_weight(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["gates.0.weight"]
    save_file(tensors, folder / WEIGHTS)
    assert "gates.0.weight" in refusal(folder)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="cannot write"):
        save_router(random_router("arrow", *stacked_llama()), tmp_path / "file" / "router")
