"""Reading a recipe of any kind: what is wrong stands in one line, with the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from polycypher.errors import RecipeError
from polycypher.recipe import read_recipe


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = Field(gt=0)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "r.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_recipe_is_read(tmp_path: Path) -> None:
    found = read_recipe(Outer, written(tmp_path, "name: a\ninner: {size: 2}\n"))
    assert (found.name, found.inner.size) == ("a", 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\ninner: {size: 0}", "`inner.size`"),
        ("name: a\ninner: {size: 1, more: 2}", "`inner.more`"),
        ("name: a", "`inner`: Field required"),
        ("- a list", "`recipe`"),
        ("", "`recipe`"),
        ("name: [", "cannot read the recipe"),
        (b"\xff\xfe", "cannot read the recipe"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        read_recipe(Outer, written(tmp_path, text))
    assert said in str(raised.value)
    assert "r.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)
