"""The study's recipe: what is wrong is refused before anything is read, with file and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from polycypher.errors import RecipeError
from polycypher.study.recipe import StudyRecipe

FILES = {"files": ["train.jsonl"]}
CORPUS: dict[str, Any] = {
    "train": FILES,
    "test": {"files": ["test.jsonl"]},
    "shared": 9,
    "pair": 0,
    "unique": 1,
}
LEAST: dict[str, Any] = {
    "name": "small",
    "folder": "runs/small",
    "languages": ["en", "es"],
    "base": {"model": "owner/base"},
    "corpus": CORPUS,
    "gate": {"questions": 9},
}
RECIPES = Path(__file__).parents[2] / "recipes"


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**LEAST, **changes}), encoding="utf-8")
    return path


def test_the_least_recipe_has_the_papers_settings(tmp_path: Path) -> None:
    recipe = StudyRecipe.from_file(write(tmp_path))
    adapters = recipe.adapters
    assert (adapters.rank, adapters.alpha, adapters.rate, adapters.warm_up) == (8, 16, 2e-4, 5)
    assert (adapters.epochs, adapters.dropout, adapters.weight_decay) == (1, 0.0, 0.01)
    assert adapters.rows_a_pack * adapters.packs_a_step == 8
    assert (adapters.longest, adapters.optimizer, adapters.precision) == (2048, "adamw-8bit", "bf16")
    assert adapters.targets == ("q_proj", "k_proj", "v_proj", "o_proj")
    assert recipe.gate.kinds == ["mlp", "shared-scorer"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"colour": "red"}, "`colour`: Extra inputs"),
        ({"gate": {"questions": 9, "layers": 3}}, "`gate.layers`: Extra inputs"),
        ({"adapters": {"rank": 0}}, "`adapters.rank`: .* greater than 0"),
        ({"languages": ["en", "Spanish"]}, "'Spanish' is no language code"),
        ({"growth": {"language": "deutsch!", "examples": 5}}, "'deutsch!' is no language code"),
        ({"growth": {"language": "es", "examples": 5}}, "`growth.language` is in `languages` already"),
        ({"languages": ["es", "tr"]}, "needs en"),
        ({"languages": ["en"]}, "`languages`: .* at least 2"),
        ({"languages": ["en", "es", "en"]}, "stands twice"),
        ({"base": {}}, "`base`: name either `model` or `recipe`"),
        ({"base": {"model": "a/b", "recipe": "c.yaml"}}, "`base`: name either `model` or `recipe`"),
        ({"corpus": {**CORPUS, "test": {}}}, "`corpus.test`: name either `files` or `hub`"),
        ({"corpus": {**CORPUS, "test": {**FILES, "hub": "a/b"}}}, "`corpus.test`: name either"),
        ({"adapters": {"kind": "dora"}}, r"`adapters.kind` dora cannot be stacked"),
        ({"corpus": {**CORPUS, "shared": 8}}, r"`gate.questions` \(9\) .* `corpus.shared` is 8"),
        ({"gate": {"questions": 9, "kinds": []}}, "`gate.kinds`: .* at least 1"),
        ({"gate": {"questions": 9, "kinds": ["linear"]}}, "`gate.kinds.0`"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(RecipeError, match=says) as refused:
        StudyRecipe.from_file(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "- a list", "name: [", "\xff"])
def test_what_is_no_recipe_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RecipeError, match=r"study\.yaml") as refused:
        StudyRecipe.from_file(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(RecipeError, match=r"absent\.yaml"):
        StudyRecipe.from_file(tmp_path / "absent.yaml")


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    corpus = {**CORPUS, "schemas": "schemas.jsonl"}
    recipe = StudyRecipe.from_file(write(tmp_path, base={"recipe": "base.yaml"}, corpus=corpus))
    assert recipe.folder == tmp_path / "runs" / "small"
    assert recipe.base.recipe == tmp_path / "base.yaml"
    assert recipe.corpus.train.files == [tmp_path / "train.jsonl"]
    assert recipe.corpus.test.files == [tmp_path / "test.jsonl"]
    assert recipe.corpus.schemas == tmp_path / "schemas.jsonl"


def test_a_name_of_the_hub_is_left_alone_unless_a_folder_lies_there(tmp_path: Path) -> None:
    corpus = {**CORPUS, "train": {"hub": "owner/set"}}
    path = write(tmp_path, corpus=corpus)
    recipe = StudyRecipe.from_file(path)
    assert (recipe.base.model, recipe.corpus.train.hub) == ("owner/base", "owner/set")
    for name in ("base", "set"):
        (tmp_path / "owner" / name).mkdir(parents=True)
    recipe = StudyRecipe.from_file(path)
    assert recipe.base.model == str(tmp_path / "owner" / "base")
    assert recipe.corpus.train.hub == str(tmp_path / "owner" / "set")


@pytest.mark.parametrize("name", ["nano.yaml", "llama-3.1-8b.yaml"])
def test_the_shipped_recipes_are_read(name: str) -> None:
    recipe = StudyRecipe.from_file(RECIPES / name)
    assert recipe.languages == ["en", "es", "tr"]
