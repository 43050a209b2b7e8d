"""nano's recipe: a YAML file that names corpora, mixture, sizes, steps and seeds.

Unknown keys are refused before anything is read. Knows nothing of how training goes.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from polycypher.corpus.example import Example
from polycypher.corpus.readers import read_examples, read_schemas, without_questions
from polycypher.errors import CorpusError, RecipeError
from polycypher.recipe import read_recipe
from polycypher.schema import GraphSchema


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSizes(_Part):
    """Sizes of the base model."""

    vocabulary: int = 4096
    hidden: int = 256
    layers: int = 5
    heads: int = 8
    intermediate: int = 704


class CorpusPart(_Part):
    """One corpus of the mixture: JSONL files, their weight, and the languages drawn from it.

    `adapters` says that the adapters and the gate train on it too.
    """

    name: str
    files: list[Path]
    weight: float = Field(gt=0)
    languages: dict[str, float]
    adapters: bool = False


class SyntheticPart(_Part):
    """The synthesiser's share of the mixture: random worlds and the demo graph."""

    weight: float = Field(gt=0)
    demo_share: float = Field(default=0.25, ge=0, le=1)
    known_share: float = Field(default=0.1, ge=0, le=1)
    languages: dict[str, float]


class RunPart(_Part):
    """Steps and rates of one training run."""

    steps: int = Field(gt=0)
    rate: float = Field(gt=0)
    groups: int = Field(default=2, gt=0)
    warm_up: int = Field(default=50, gt=0)
    fall: float = Field(default=0.25, gt=0, le=1)


class AdapterPart(RunPart):
    """A LoRA a language (arXiv 2601.16097, Appendix B: r=8, alpha=16, q, k, v and o projections)."""

    rank: int = 8
    alpha: int = 16
    languages: list[str]


class GatePart(_Part):
    """The gate's training (arXiv 2601.16097, §3): questions a language and loss."""

    questions: int = Field(default=2500, gt=0)
    synthetic: float = Field(default=0.3, ge=0, le=1)
    epochs: int = 8
    rate: float = 1e-3
    identification: float = 0.3


class NanoRecipe(_Part):
    """Everything that makes the default bundle."""

    seed: int = 0
    sizes: ModelSizes = ModelSizes()
    schemas: Path | None = None
    held_out: list[Path] = []
    corpora: list[CorpusPart] = []
    synthetic: SyntheticPart | None = None
    copying_steps: int = 150
    base: RunPart
    adapters: AdapterPart
    gate: GatePart = GatePart()
    folder: Path

    @classmethod
    def from_file(cls, path: Path) -> NanoRecipe:
        """Read a recipe; paths in it are relative to the recipe's folder.

        Raises:
            RecipeError: unreadable, unknown key, or a value out of range; file and key are named.
        """
        recipe = read_recipe(cls, path)
        root = path.parent
        parts = [p.model_copy(update={"files": [root / f for f in p.files]}) for p in recipe.corpora]
        return recipe.model_copy(
            update={
                "corpora": parts,
                "schemas": root / recipe.schemas if recipe.schemas else None,
                "held_out": [root / f for f in recipe.held_out],
                "folder": root / recipe.folder,
            }
        )

    def read_corpora(self) -> tuple[dict[str, list[Example]], dict[str, GraphSchema], list[Example]]:
        """(examples by corpus name, schemas by database, held-out examples).

        Every example whose question is held out, compared by normalised text, is left out. Corpora whose
        files are absent are left out too, so that the recipe runs on synthetic data alone.

        Raises:
            CorpusError: a file that exists cannot be used.
            RecipeError: nothing is left to train on.
        """
        held_out = [example for path in self.held_out if path.exists() for example in read_examples(path)]
        examples: dict[str, list[Example]] = {}
        for part in self.corpora:
            read = [example for path in part.files if path.exists() for example in read_examples(path)]
            if read:
                examples[part.name] = without_questions(read, held_out)
        absent = [str(path) for path in self.held_out if not path.exists()]
        if examples and absent:
            raise CorpusError(
                f"the recipe's held-out file {absent[0]} does not exist; nothing would be kept apart"
            )
        schemas = read_schemas(self.schemas) if self.schemas and self.schemas.exists() else {}
        if not examples and self.synthetic is None:
            raise RecipeError("none of the recipe's corpus files exists, and it has no synthetic part")
        if examples and not schemas:
            raise CorpusError(f"the schemas file {self.schemas} of the recipe does not exist")
        return examples, schemas, held_out
