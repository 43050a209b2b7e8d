"""The recipe of the paper through the command line, in miniature: every file, and nothing done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polycypher.adapters.lora import WEIGHTS, LoraAdapter
from polycypher.study.measure import MEASURES
from polycypher.study.methods import methods
from polycypher.study.plots import PLOTS
from polycypher.study.reading import ABLATIONS
from study_command import ROOT, command

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

LANGUAGES = ["en", "es", "tr"]
TRAINED = [*LANGUAGES, "joint", "en-only", "de"]
METHODS = [method.name for method in methods(LANGUAGES, ["mlp", "shared-scorer"])]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped recipe, and a fourth language to come."""
    text = (ROOT / "recipes" / "llama-3.1-8b.yaml").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("study") / "recipes" / "llama.yaml"
    path.parent.mkdir()
    path.write_text(f"{text}\ngrowth: {{language: de, examples: 12000}}\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(recipe: Path) -> Path:
    return recipe.parents[1] / "runs" / "study-llama-3.1-8b" / "tiny"


@pytest.fixture(scope="module")
def first(recipe: Path, folder: Path) -> dict[str, Any]:
    """What the first run wrote."""
    done = command("study", "run", str(recipe), "--tiny")
    assert done.returncode == 0, done.stderr[-2000:]
    assert all(name in done.stdout for name in METHODS)
    assert not any(len(line) > 80 for line in done.stdout.splitlines())
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return found


def test_every_file_is_there(first: dict[str, Any], folder: Path) -> None:
    for name in ("split.json", "ablations.json", "growth.json", "report.md", "report.html"):
        assert (folder / name).stat().st_size > 0
    assert {path.stem for path in (folder / "plots").iterdir()} == set(PLOTS)
    growth = {"growth-en", "growth-en-es", "growth-en-es-tr", "growth-en-es-tr-de"}
    assert {path.stem for path in (folder / "predictions").iterdir()} == {*METHODS, *growth}
    for name in (*TRAINED, "linear-factor", "linear-exact", "linear-peft"):
        assert LoraAdapter.load(folder / "adapters" / name).factors
    gates = {path.name for path in (folder / "gates").iterdir()}
    assert gates == {"mlp", "shared-scorer", "en-es", "en-es-tr", "en-es-tr-de"}
    assert not [path for path in folder.rglob("*") if "partial" in path.name or path.suffix == ".tmp"]


def test_results_have_every_name(first: dict[str, Any]) -> None:
    assert list(first["methods"]) == METHODS
    for found in first["methods"].values():
        assert list(found) == [*LANGUAGES, "avg"]
        for cells in found.values():
            assert tuple(cells) == MEASURES
            assert all(set(cell) == {"value", "low", "high"} for cell in cells.values())
    assert first["corpus"]["gold_unusable"] == {}  # gold against gold is full
    assert {row["group"] for row in first["ablations"]} == set(ABLATIONS)
    assert [len(step["languages"]) for step in first["growth"]] == [1, 2, 3, 4]
    assert first["command"].startswith("polycypher study run ")
    assert first["tiny"] is True


def test_a_second_run_trains_and_asks_nothing_again(
    recipe: Path, folder: Path, first: dict[str, Any]
) -> None:
    kept = [folder / "adapters" / name / WEIGHTS for name in TRAINED]
    kept += [*folder.rglob("*.parquet"), *folder.rglob("gate.safetensors"), folder / "ablations.json"]
    before = {path: path.stat().st_mtime_ns for path in kept}
    done = command("study", "run", str(recipe), "--tiny", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    again = json.loads(done.stdout)
    told = {"command": "", "commit": ""}  # of the run, not of its numbers
    assert {**again, **told} == {**first, **told}


def test_single_stages_find_what_is_finished(recipe: Path, folder: Path, first: dict[str, Any]) -> None:
    weights = folder / "adapters" / "tr" / WEIGHTS
    before = weights.stat().st_mtime_ns
    done = command("train", "adapter", str(recipe), "tr", "--tiny")
    assert done.returncode == 0, done.stderr[-2000:]
    assert Path(done.stdout.strip()).resolve() == weights.parent.resolve()
    assert weights.stat().st_mtime_ns == before
    refused = command("train", "adapter", str(recipe), "fi", "--tiny")
    assert refused.returncode == 2
    assert "it has en, es, tr, joint, en-only" in refused.stderr


def test_the_plan_says_what_an_adapter_costs(recipe: Path) -> None:
    done = command("study", "plan", str(recipe), "--json")
    assert done.returncode == 0, done.stderr
    assert {run["parameters"] for run in json.loads(done.stdout)["runs"]} == {6_815_744}
