"""The recipe of the comparison: which study it stands on, which rows it has, and how each is made.

Unknown keys are refused before anything is read. Knows nothing of how a row is made.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from polycypher.corpus.example import check_language
from polycypher.errors import CorpusError
from polycypher.recipe import read_recipe
from polycypher.study.transfer.rows import ROWS


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MergePart(_Part):
    """What merges are told: `density` of what sparsifies, `rank` of what is cut, `seed` of what draws."""

    density: float = Field(default=0.5, gt=0, le=1)
    rank: int = Field(default=8, gt=0)
    seed: int = 0


class LearnedPart(_Part):
    """Merges that learn their weights on the gate's questions: gradient steps of LoRA-Soups, evaluations and
    rows an evaluation of LoraHub."""

    steps: int = Field(default=100, gt=0)
    rate: float = Field(default=0.05, gt=0)
    budget: int = Field(default=40, gt=0)
    rows: int = Field(default=96, gt=0)


class RouterPart(_Part):
    """Training of the routers, on the gate's questions."""

    epochs: int = Field(default=2, gt=0)
    rate: float = Field(default=1e-3, gt=0)
    top: int = Field(default=2, gt=0)
    """Adapters that a sparse router lets through."""


class ReferencePart(_Part):
    """The reference task of AdaMergeX: language modelling on plain text, as many texts in each language.

    `epochs` are of the reference adapters, the rates of each kind; `scales` are the λ tried on the
    development questions.
    """

    texts: int = Field(default=2000, gt=0)
    epochs: int = Field(default=2, gt=0)
    rate: float = Field(default=2e-3, gt=0)
    ia3_rate: float = Field(default=1e-2, gt=0)
    prefix_rate: float = Field(default=1e-2, gt=0)
    task_epochs: int = Field(default=3, gt=0)
    """Epochs of the source task's (IA)³ vectors and prefix; its LoRA is the study's."""
    prefix_tokens: int = Field(default=16, gt=0)
    scales: list[float] = Field(default=[0.25, 0.5, 1.0], min_length=1)
    development: int = Field(default=60, gt=0)
    """Training questions in the target language to choose λ on; nothing trains on them."""


class FlarePart(_Part):
    """Training of FLARE, input fusion and the encoder's variant on the target language's questions."""

    epochs: int = Field(default=3, gt=0)
    rate: float = Field(default=1e-3, gt=0)
    batch: int = Field(default=32, gt=0)
    rank: int = Field(default=8, gt=0)
    alpha: float = Field(default=16, gt=0)


class TransferRecipe(_Part):
    """Everything that makes the comparison."""

    name: str
    study: Path
    """The recipe of the study whose base, data and adapters serve."""
    folder: Path
    target: str = "de"
    """A language that none of the study's adapters was trained in; the corpus has questions in it."""
    source: str = "en"
    rows: list[str] = list(ROWS)
    merges: MergePart = MergePart()
    learned: LearnedPart = LearnedPart()
    routers: RouterPart = RouterPart()
    reference: ReferencePart = ReferencePart()
    flare: FlarePart = FlarePart()

    @model_validator(mode="after")
    def _known(self) -> TransferRecipe:
        for name in self.rows:
            if name not in ROWS:
                raise ValueError(f"there is no row '{name}'; there are {', '.join(ROWS)}")
        try:
            check_language(self.target)
            check_language(self.source)
        except CorpusError as error:
            raise ValueError(str(error)) from None
        return self

    @classmethod
    def from_file(cls, path: Path) -> TransferRecipe:
        """Read a recipe; paths in it are relative to the recipe's folder.

        Raises:
            RecipeError: unreadable, unknown key, or a value out of range; file and key are named.
        """
        recipe = read_recipe(cls, path)
        return recipe.model_copy(
            update={"study": path.parent / recipe.study, "folder": path.parent / recipe.folder}
        )
