"""The paper's experiment in minutes: a language that the base never saw, real training, the paper's ordering.

The base is the shipped one, which knows English and has never seen German; questions come from the
synthesiser, about the demo graph. What a corpus teaches is German alone, so joint training's gain is its
gain in German, and a method is as good as what it makes of German without losing English.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import polycypher
from polycypher.adapters.lora import WEIGHTS
from polycypher.corpus.example import Example, normalise_question
from polycypher.graph.store import GraphStore
from polycypher.study.measure import MEASURES
from polycypher.study.recipe import StudyRecipe
from polycypher.study.run import run_study
from polycypher.synthesis import demo_world, synthesise

pytest.importorskip("pyarrow")

LANGUAGES = ["en", "de"]
EXAMPLES, TEST = 360, 40
TOLERANCE = 0.01
"""Of a mean over 40 questions, ROUGE-L: what a merge may be above fusion without contradicting the paper."""

# Real training has real spread: a share measured on 40 questions is no gate for every machine's every change.
pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(1800)]


class Interrupted(Exception):
    """The run is killed here."""


class Stages:
    """A bar that writes down what is done, and ends the run where it is told to."""

    def __init__(self, until: str = "") -> None:
        self.until = until
        self.advanced: dict[str, int] = {}

    @contextmanager
    def __call__(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        if title == self.until:
            raise Interrupted

        def advance(count: int) -> None:
            self.advanced[title] = self.advanced.get(title, 0) + count

        yield advance


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def row(example: Example) -> dict[str, Any]:
    return {"id": example.id, "database": "demo", "cypher": example.cypher, **example.questions}


@pytest.fixture(scope="module")
def examples(demo_store: GraphStore) -> list[Example]:
    """Parallel questions about what the demo graph stores; the first are the test set."""
    schema, lexicon, values = demo_world(demo_store)
    return synthesise(schema, lexicon, values, languages=LANGUAGES, count=EXAMPLES, seed=11, database="demo")


@pytest.fixture(scope="module")
def recipe(
    tmp_path_factory: pytest.TempPathFactory, examples: list[Example], demo_store: GraphStore
) -> StudyRecipe:
    folder = tmp_path_factory.mktemp("miniature")
    write(folder / "test.jsonl", [row(example) for example in examples[:TEST]])
    write(folder / "train.jsonl", [row(example) for example in examples[TEST:]])
    write(folder / "schemas.jsonl", [{"database": "demo", **demo_world()[0].to_dict()}])
    base = Path(polycypher.__file__).parent / "data" / "models" / "nano" / "base"
    settings = {
        "name": "miniature",
        "seed": 7,
        "folder": "run",
        "languages": LANGUAGES,
        "base": {"model": str(base)},
        "schema_tokens": 448,
        "corpus": {
            "train": {"files": ["train.jsonl"]},
            "test": {"files": ["test.jsonl"]},
            "schemas": "schemas.jsonl",
            "shared": 100,
            "pair": 10,
            "unique": 40,
        },
        "adapters": {
            "epochs": 4,
            "rate": 2e-3,
            "weight_decay": 0.0,
            "rows_a_pack": 12,
            "packs_a_step": 1,
            "packs_at_once": 1,
            "longest": 1536,
            "optimizer": "adamw",
            "precision": "no",
        },
        "gate": {"questions": 30},
        "evaluation": {"graphs": {"demo": "demo"}, "longest": 120},
        "ablations": False,
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return StudyRecipe.from_file(path)


@pytest.fixture(scope="module")
def results(recipe: StudyRecipe) -> dict[str, Any]:
    """A run that is killed three times, and what it ends with."""
    patch = pytest.MonkeyPatch()
    patch.setenv(
        "OMP_NUM_THREADS", "1"
    )  # small operations gain nothing from threads that wait for each other
    try:
        for killed_at in ("adapter joint", "gate features", "answers of linear-exact"):
            stages = Stages(killed_at)
            with pytest.raises(Interrupted):
                run_study(recipe, bar=stages)
        found = run_study(recipe, bar=Stages())
    finally:
        patch.undo()
    assert found is not None
    return found


def values(results: dict[str, Any], metric: str, language: str) -> dict[str, float]:
    return {name: found[language][metric]["value"] for name, found in results["methods"].items()}


@pytest.mark.parametrize("language", ["de", "avg"])
def test_base_then_linear_then_fusion(results: dict[str, Any], language: str) -> None:
    rouge = values(results, "rouge_l", language)
    linear = max(rouge["linear-factor"], rouge["linear-exact"])
    assert rouge["base"] < linear
    assert linear <= rouge["fusion-mlp"] + TOLERANCE


def test_fusion_recovers_three_quarters_of_joints_gain(results: dict[str, Any]) -> None:
    rouge = values(results, "rouge_l", "avg")
    gain = rouge["joint"] - rouge["base"]
    assert gain > 0.05
    assert rouge["fusion-mlp"] - rouge["base"] >= 0.75 * gain


def test_the_gate_knows_the_languages(results: dict[str, Any]) -> None:
    for gate in ("fusion-mlp", "fusion-shared-scorer"):
        for code in LANGUAGES:
            assert results["routing"]["confusion"][gate][code][code] >= 0.9
    corpus = results["corpus"]
    assert corpus["gate"] <= 0.21 * corpus["joint"]


def test_gold_scores_full_against_itself(results: dict[str, Any]) -> None:
    assert results["corpus"]["gold_unusable"] == {}
    assert results["corpus"]["executed"] == dict.fromkeys(LANGUAGES, TEST)


def test_no_test_question_trains(
    recipe: StudyRecipe, results: dict[str, Any], examples: list[Example]
) -> None:
    split = json.loads((recipe.folder / "split.json").read_text(encoding="utf-8"))
    known = {example.id: example for example in examples}
    drawn = [*split["shared"], *(i for part in split["pairs"] for i in part["ids"])]
    drawn += [i for ids in split["unique"].values() for i in ids]
    assert len(drawn) == len(set(drawn)) == results["corpus"]["union"]
    trained, measured = (
        {normalise_question(text) for one in part for text in one.questions.values()}
        for part in ([known[identifier] for identifier in drawn], examples[:TEST])
    )
    assert not trained & measured


def test_results_have_every_method_and_measure(recipe: StudyRecipe, results: dict[str, Any]) -> None:
    assert list(results["methods"]) == [
        "base", "en-only", "joint",
        "linear-factor", "linear-exact", "linear-peft",
        "fusion-mlp", "fusion-shared-scorer", "fusion-top1", "fusion-merged",
        "adapter-en", "adapter-de",
    ]  # fmt: skip
    for found in results["methods"].values():
        assert list(found) == [*LANGUAGES, "avg"]
        for cells in found.values():
            assert tuple(cells) == MEASURES
            assert all(cell["low"] <= cell["value"] <= cell["high"] for cell in cells.values())
    assert json.loads((recipe.folder / "results.json").read_text(encoding="utf-8")) == results


def test_a_finished_study_is_read(
    recipe: StudyRecipe, results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    kept = [recipe.folder / "adapters" / name / WEIGHTS for name in (*LANGUAGES, "joint", "en-only")]
    kept += [*recipe.folder.rglob("*.parquet"), *recipe.folder.rglob("gate.safetensors")]
    before = {path: path.stat().st_mtime_ns for path in kept}
    stages = Stages()
    assert run_study(recipe, bar=stages) == results
    assert stages.advanced == {}  # nothing was trained, nothing was asked
    assert {path: path.stat().st_mtime_ns for path in kept} == before
