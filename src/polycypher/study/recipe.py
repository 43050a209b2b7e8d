"""The study's recipe: a YAML file that names base, corpora, adapters, gates and graphs.

Unknown keys are refused before anything is read. Knows nothing of how the study runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from polycypher.adapters.train.settings import AdapterSettings
from polycypher.corpus.example import check_language
from polycypher.errors import CorpusError
from polycypher.recipe import read_recipe

GateKindName = Literal["mlp", "shared-scorer"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BasePart(_Part):
    """The base model: `model` names a folder or a hub id, `recipe` a nano recipe that trains one.

    `architecture` holds the sizes of its `LlamaConfig`: with them the study is planned, or run with
    `--tiny`, where the model itself is out of reach.
    """

    model: str | None = None
    recipe: Path | None = None
    architecture: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one(self) -> BasePart:
        if (self.model is None) == (self.recipe is None):
            raise ValueError("name either `model` or `recipe`")
        return self


class CorpusSource(_Part):
    """Where examples come from: files, or a data set of the hub with its split."""

    files: list[Path] = []
    hub: str | None = None
    split: str = "train"
    revision: str | None = None

    @model_validator(mode="after")
    def _one(self) -> CorpusSource:
        if bool(self.files) == (self.hub is not None):
            raise ValueError("name either `files` or `hub`")
        return self


class CorpusPart(_Part):
    """Training and test examples, and the three counts of the parallel split (methods of arXiv
    2601.16097, Data): shared by all languages, by each pair, and unique to each language."""

    train: CorpusSource
    test: CorpusSource
    schemas: Path | None = None
    shared: int = Field(gt=0)
    pair: int = Field(ge=0)
    unique: int = Field(ge=0)
    test_limit: int | None = Field(default=None, gt=0)
    canonical: bool = True
    """Train on gold queries in canonical form; off for bases that write Cypher of their own."""


class GatePart(_Part):
    """The gates (arXiv 2601.16097, §3): parallel questions a language and training."""

    questions: int = Field(default=2500, gt=0)
    kinds: list[GateKindName] = Field(default=["mlp", "shared-scorer"], min_length=1)
    """Gates to train; the first also serves `fusion-top1`, `fusion-merged`, the ablations and growth."""
    epochs: int = Field(default=8, gt=0)
    rate: float = Field(default=1e-3, gt=0)
    identification: float = Field(default=0.3, ge=0)


class EvaluationPart(_Part):
    """Where test queries run, and how answers are decoded. `graphs` maps a corpus' database to a graph
    as `--graph` takes it; questions about others are measured by text alone."""

    graphs: dict[str, str] = {}
    runnable_only: bool = False
    """Leave out test questions whose query no graph can run."""
    longest: int = Field(default=200, gt=0)
    batch: int = Field(default=24, gt=0)


class GrowthPart(_Part):
    """A further language, added after those of the study: its examples in the same files."""

    language: str
    examples: int = Field(gt=0)


class StudyRecipe(_Part):
    """Everything that makes a study."""

    name: str
    seed: int = 0
    folder: Path
    languages: list[str] = Field(min_length=2)
    base: BasePart
    prompt: Literal["compact", "paper"] = "compact"
    schema_tokens: int = Field(default=1536, gt=0)
    corpus: CorpusPart
    adapters: AdapterSettings = AdapterSettings()
    gate: GatePart = GatePart()
    evaluation: EvaluationPart = EvaluationPart()
    growth: GrowthPart | None = None
    ablations: bool = True

    @model_validator(mode="after")
    def _languages(self) -> StudyRecipe:
        named = [*self.languages, *([self.growth.language] if self.growth else [])]
        try:
            for code in named:
                check_language(code)
        except CorpusError as error:
            raise ValueError(str(error)) from None
        if "en" not in self.languages:
            raise ValueError("`languages` needs en: the baseline en-only is English")
        if len(set(self.languages)) != len(self.languages):
            raise ValueError("a language stands twice in `languages`; name each once")
        if len(set(named)) != len(named):
            raise ValueError("`growth.language` is in `languages` already; name another")
        return self

    @model_validator(mode="after")
    def _adapters_stack(self) -> StudyRecipe:
        if self.adapters.kind not in ("lora", "rslora"):
            raise ValueError(
                f"`adapters.kind` {self.adapters.kind} cannot be stacked or merged, as the study does; "
                "take lora or rslora"
            )
        return self

    @model_validator(mode="after")
    def _gate_questions(self) -> StudyRecipe:
        if self.gate.questions > self.corpus.shared:
            raise ValueError(
                f"`gate.questions` ({self.gate.questions}) are drawn from the questions that all languages "
                f"share, and `corpus.shared` is {self.corpus.shared}; ask for fewer, or share more"
            )
        return self

    @classmethod
    def from_file(cls, path: Path) -> StudyRecipe:
        """Read a recipe; paths in it are relative to the recipe's folder, also where `model` or `hub` name
        a folder there.

        Raises:
            RecipeError: unreadable, unknown key, or a value out of range; file and key are named.
        """
        recipe = read_recipe(cls, path)
        return recipe._relative_to(path.parent)

    def _relative_to(self, root: Path) -> StudyRecipe:
        def local(name: str | None) -> str | None:
            """A folder beside the recipe, or else a name of the hub."""
            return str(root / name) if name and (root / name).exists() else name

        def source(part: CorpusSource) -> CorpusSource:
            return part.model_copy(
                update={"files": [root / file for file in part.files], "hub": local(part.hub)}
            )

        corpus = self.corpus.model_copy(
            update={
                "train": source(self.corpus.train),
                "test": source(self.corpus.test),
                "schemas": root / self.corpus.schemas if self.corpus.schemas else None,
            }
        )
        base = self.base.model_copy(
            update={
                "model": local(self.base.model),
                "recipe": root / self.base.recipe if self.base.recipe else None,
            }
        )
        return self.model_copy(update={"folder": root / self.folder, "corpus": corpus, "base": base})
