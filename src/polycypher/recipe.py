"""Reading recipes: a YAML file becomes a checked model, or one line that says what is wrong where.

Knows nothing of what a recipe is for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from polycypher.errors import RecipeError

Recipe = TypeVar("Recipe", bound=BaseModel)


def read_recipe(kind: type[Recipe], path: Path) -> Recipe:
    """Read a recipe of a kind; paths in it stay as they are written.

    Raises:
        RecipeError: unreadable, unknown key, or a value out of range; file and key are named.
    """
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"cannot read the recipe {path}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        where, message = first_mistake(error)
        raise RecipeError(f"{path}: `{where or 'recipe'}`: {message}") from None


def first_mistake(error: ValidationError) -> tuple[str, str]:
    """Where the first mistake is ('' for the whole), and what it is."""
    first = error.errors()[0]
    return ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
