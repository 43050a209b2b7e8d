"""The whole comparison through the command line, in miniature: every row, and nothing made twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polycypher.study.measure import MEASURES
from polycypher.study.transfer.rows import ROWS
from study_command import ROOT, command

pytest.importorskip("matplotlib")
pytest.importorskip("nevergrad")
pytest.importorskip("py3langid")

MISSING = ["flare-mt"]
"""Needs the encoder of a translation model."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped recipe on the study of the paper's base, shrunk."""
    folder = tmp_path_factory.mktemp("transfer") / "recipes"
    folder.mkdir()
    study = (ROOT / "recipes" / "llama-3.1-8b.yaml").read_text(encoding="utf-8")
    (folder / "study.yaml").write_text(study, encoding="utf-8")
    text = (ROOT / "recipes" / "transfer.yaml").read_text(encoding="utf-8")
    path = folder / "transfer.yaml"
    path.write_text(text.replace("study: nano.yaml", "study: study.yaml"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(recipe: Path) -> Path:
    return recipe.parents[1] / "runs" / "transfer-nano" / "tiny"


@pytest.fixture(scope="module")
def first(recipe: Path, folder: Path) -> dict[str, Any]:
    done = command("study", "transfer", str(recipe), "--tiny")
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads((folder / "transfer.json").read_text(encoding="utf-8"))
    return found


def test_every_row_is_measured_and_what_is_missing_is_named(first: dict[str, Any]) -> None:
    assert first["rows"] == [name for name in ROWS if name not in MISSING]
    assert list(first["missing"]) == MISSING
    assert first["languages"] == ["en", "es", "tr", "de"]
    for name, found in first["methods"].items():
        assert list(found) == ["en", "es", "tr", "de", "avg"]
        for code, cells in found.items():
            assert tuple(cells) == MEASURES
            measured = code == "de" or not ROWS[name].target_only
            assert all((cell is not None) == measured for cell in cells.values()), (name, code)


def test_every_row_says_what_it_cost(first: dict[str, Any]) -> None:
    for name, cost in first["costs"].items():
        assert cost["parameters"] >= 0, name
        assert cost["multiply_adds"] > 0.5, name
    costs = first["costs"]
    assert costs["zero-shot"]["multiply_adds"] == 1.0  # one plain adapter is the measure
    assert costs["base"]["multiply_adds"] < 1.0
    assert costs["gate-mlp"]["multiply_adds"] > 2.0  # a row an adapter
    assert costs["arrow"]["parameters"] == costs["language-id"]["parameters"] == 0


def test_a_second_run_makes_nothing_again(recipe: Path, folder: Path, first: dict[str, Any]) -> None:
    kept = [*folder.rglob("*.parquet"), *folder.rglob("*.safetensors")]
    before = {path: path.stat().st_mtime_ns for path in kept}
    done = command("study", "transfer", str(recipe), "--tiny", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    told = {"command": "", "commit": ""}  # of the run, not of its numbers
    assert {**json.loads(done.stdout), **told} == {**first, **told}
