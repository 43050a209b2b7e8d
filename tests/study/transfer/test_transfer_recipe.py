"""The comparison's recipe: what is wrong is named before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from polycypher.errors import RecipeError
from polycypher.study.recipe import StudyRecipe
from polycypher.study.transfer.recipe import TransferRecipe
from polycypher.study.transfer.rows import ROWS

SHIPPED = Path(__file__).parents[3] / "recipes" / "transfer.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "transfer.yaml"
    path.write_text(f"name: x\nstudy: nano.yaml\nfolder: runs\n{text}\n", encoding="utf-8")
    return path


def test_the_shipped_recipe_has_every_row_and_stands_on_the_shipped_study() -> None:
    recipe = TransferRecipe.from_file(SHIPPED)
    assert recipe.rows == list(ROWS)
    study = StudyRecipe.from_file(recipe.study)
    assert recipe.target not in study.languages
    assert recipe.source in study.languages


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    recipe = TransferRecipe.from_file(written(tmp_path, ""))
    assert (recipe.study, recipe.folder) == (tmp_path / "nano.yaml", tmp_path / "runs")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rows: [ties, tie]", "there is no row 'tie'"),
        ("target: nosuchcode!", "nosuchcode"),
        ("merges: {density: 2}", "`merges.density`"),
        ("routers: {hops: 3}", "`routers.hops`"),
        ("reference: {scales: []}", "`reference.scales`"),
        ("more: 1", "`more`"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        TransferRecipe.from_file(written(tmp_path, text))
    assert said in str(raised.value)
    assert "transfer.yaml" in str(raised.value)


def test_a_recipe_that_is_not_there_is_an_error_of_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot read the recipe"):
        TransferRecipe.from_file(tmp_path / "nosuch.yaml")
