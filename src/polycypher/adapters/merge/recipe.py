"""A merge's recipe: a YAML file, or the same values given one by one, that names a method and adapters.

Unknown keys, methods and options that a method does not take are refused before any adapter is read. Knows
nothing of how the folder is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from polycypher.adapters.merge.adamergex import ROLES
from polycypher.adapters.merge.registry import MERGES, TRANSFERS
from polycypher.errors import UsageError
from polycypher.recipe import first_mistake, read_recipe

LEARNED: Final = {"lora-soups": "lora_soups", "lorahub": "lorahub"}
"""Methods that need a loss, and the function that takes it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """One adapter's PEFT folder, and its weight."""

    folder: Path
    weight: float | None = Field(default=None, allow_inf_nan=False)


class MergeRecipe(_Part):
    """What is merged, how, and where the result goes. A value left out has the method's default.

    For AdaMergeX, `adapters` are those of the source task, the target reference and the source reference.
    """

    method: str
    adapters: list[Source] = Field(min_length=1)
    density: float | None = Field(default=None, gt=0, le=1)
    rank: int | None = Field(default=None, gt=0)
    seed: int | None = Field(default=None, ge=0)
    scale: float | None = Field(default=None, allow_inf_nan=False)
    folder: Path

    @property
    def weights(self) -> list[float] | None:
        """The adapters' weights, or None where the method's own are taken."""
        given = [source.weight for source in self.adapters if source.weight is not None]
        return given or None

    @property
    def options(self) -> dict[str, float | int]:
        """Density, rank, seed and scale, those that are given."""
        values = {name: getattr(self, name) for name in ("density", "rank", "seed", "scale")}
        return {name: value for name, value in values.items() if value is not None}

    @model_validator(mode="after")
    def _method(self) -> MergeRecipe:
        if function := LEARNED.get(self.method):
            raise ValueError(
                f"`{self.method}` learns its weights from a loss on examples; call "
                f"polycypher.adapters.merge.{function} with one"
            )
        method = MERGES.get(self.method) or TRANSFERS.get(self.method)
        if method is None:
            raise ValueError(
                f"no method is called '{self.method}'; there are {', '.join([*MERGES, *TRANSFERS])}"
            )
        if unknown := self.options.keys() - method.options:
            takes = f"it takes {', '.join(sorted(method.options))}" if method.options else "leave it out"
            raise ValueError(f"`{self.method}` takes no {min(unknown)}; {takes}")
        return self

    @model_validator(mode="after")
    def _weights(self) -> MergeRecipe:
        given = sum(source.weight is not None for source in self.adapters)
        if self.method in TRANSFERS:
            if given:
                raise ValueError(f"`{self.method}` takes no weights; give `scale`")
            if len(self.adapters) != len(ROLES):
                raise ValueError(
                    f"`{self.method}` takes three adapters in this order: {', '.join(ROLES)}; "
                    f"{len(self.adapters)} given"
                )
        elif given not in (0, len(self.adapters)):
            raise ValueError(
                f"{given} weights for {len(self.adapters)} adapters; give one an adapter, or none"
            )
        return self

    @classmethod
    def from_file(cls, path: Path) -> MergeRecipe:
        """Read a recipe; paths in it are relative to the recipe's folder.

        Raises:
            RecipeError: unreadable, unknown key, or a value out of range; file and key are named.
        """
        recipe = read_recipe(cls, path)
        sources = [
            source.model_copy(update={"folder": path.parent / source.folder}) for source in recipe.adapters
        ]
        return recipe.model_copy(update={"adapters": sources, "folder": path.parent / recipe.folder})

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> MergeRecipe:
        """The recipe of values given one by one, as on a command line; None counts as left out.

        Raises:
            UsageError: a value is missing or out of range.
        """
        try:
            return cls.model_validate({name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            where, message = first_mistake(error)
            raise UsageError(f"{where}: {message}" if where else message) from None
