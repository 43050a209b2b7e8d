"""The recipe of a merge: what it takes, and what it refuses before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from polycypher.adapters.merge.recipe import MergeRecipe
from polycypher.errors import RecipeError, UsageError

EXAMPLE = Path(__file__).parents[3] / "recipes" / "merge-example.yaml"
VALID: dict[str, Any] = {"method": "ties", "adapters": [{"folder": "a"}, {"folder": "b"}], "folder": "out"}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "merge.yaml"
    path.write_text(yaml.safe_dump({**VALID, **changes}), encoding="utf-8")
    return path


def test_the_example_names_the_shipped_adapters() -> None:
    recipe = MergeRecipe.from_file(EXAMPLE)
    assert recipe.method == "ties-svd"
    assert [source.folder.resolve().name for source in recipe.adapters] == ["en", "es", "tr"]
    assert all((source.folder / "adapter_config.json").is_file() for source in recipe.adapters)
    assert recipe.weights == [1.0, 1.0, 1.0]
    assert recipe.options == {"density": 0.5, "rank": 24}


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    recipe = MergeRecipe.from_file(written(tmp_path))
    assert [source.folder for source in recipe.adapters] == [tmp_path / "a", tmp_path / "b"]
    assert recipe.folder == tmp_path / "out"
    assert recipe.weights is None
    assert recipe.options == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"methods": "ties"}, "`methods`"),
        ({"method": "tie"}, "no method is called 'tie'; there are factor, exact, peft"),
        ({"adapters": []}, "`adapters`"),
        ({"adapters": [{"folder": "a", "weigth": 1}]}, "`adapters.0.weigth`"),
        ({"adapters": [{"folder": "a", "weight": 1.0}, {"folder": "b"}]}, "1 weights for 2 adapters"),
        ({"adapters": [{"folder": "a", "weight": float("nan")}]}, "`adapters.0.weight`"),
        ({"density": 0.0}, "`density`"),
        ({"density": 1.5}, "`density`"),
        ({"rank": 0}, "`rank`"),
        ({"rank": 4}, "`ties` takes no rank; it takes density"),
        ({"method": "factor", "density": 0.5}, "`factor` takes no density; leave it out"),
        ({"scale": 0.5}, "`ties` takes no scale"),
        ({"method": "adamergex-lora"}, "source task, target reference, source reference; 2 given"),
        (
            {"method": "adamergex-ia3", "adapters": [{"folder": n, "weight": 1.0} for n in "abc"]},
            "takes no weights; give `scale`",
        ),
        ({"method": "lorahub"}, "learns its weights from a loss"),
        ({"method": "lora-soups"}, "polycypher.adapters.merge.lora_soups"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(RecipeError) as caught:
        MergeRecipe.from_file(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot read"):
        MergeRecipe.from_file(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(RecipeError, match="`recipe`"):
        MergeRecipe.from_file(tmp_path / "list.yaml")


def test_values_given_one_by_one() -> None:
    recipe = MergeRecipe.from_values({**VALID, "density": None, "rank": None})
    assert recipe.folder == Path("out")
    with pytest.raises(UsageError, match="density: "):
        MergeRecipe.from_values({**VALID, "density": 2})
    with pytest.raises(UsageError, match="no method is called 'tie'"):
        MergeRecipe.from_values({**VALID, "method": "tie"})
