"""Recipes: unknown keys are refused, absent corpora left out, held-out questions never train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from polycypher.errors import CorpusError, RecipeError
from polycypher.nano.recipe import NanoRecipe

RUN = {"steps": 10, "rate": 0.001}
LEAST: dict[str, Any] = {"base": RUN, "adapters": {**RUN, "languages": ["en"]}, "folder": "runs/x"}
CORPUS = {"name": "one", "files": ["one.jsonl"], "weight": 1.0, "languages": {"en": 1.0}}
SYNTHETIC = {"weight": 0.3, "languages": {"en": 1.0}}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**LEAST, **changes}), encoding="utf-8")
    return path


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def row(number: int, question: str, **more: str) -> dict[str, str]:
    return {"id": f"{number}", "database": "movies", "en": question, "cypher": "RETURN 1", **more}


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """A folder with a corpus, its schema and a held-out set that shares two questions with it."""
    rows = [
        row(1, "Who directed Top Gun?"),
        row(2, "How many?", es="¿CUÁNTOS?"),
        row(3, "Who acted in Top Gun?"),
    ]
    write_rows(tmp_path / "one.jsonl", rows)
    write_rows(
        tmp_path / "dev.jsonl", [row(1, "who directed 'top gun'"), row(2, "What number?", es="¿Cuántos?")]
    )
    write_rows(tmp_path / "schemas.jsonl", [{"database": "movies", "node_properties": {"Movie": {}}}])
    return tmp_path


def refusal(path: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        NanoRecipe.from_file(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_defaults(tmp_path: Path) -> None:
    recipe = NanoRecipe.from_file(write(tmp_path))
    assert (recipe.adapters.rank, recipe.adapters.alpha) == (8, 16)  # the paper's
    assert recipe.gate.questions == 2500
    assert recipe.corpora == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"sead": 3}, "`sead`"),
        ({"base": {**RUN, "stepps": 3}}, "`base.stepps`"),
        ({"corpora": [{**CORPUS, "share": 1}]}, "`corpora.0.share`"),
        ({"synthetic": {**SYNTHETIC, "demo": 1}}, "`synthetic.demo`"),
        ({"gate": {"question": 1}}, "`gate.question`"),
        ({"sizes": {"head": 1}}, "`sizes.head`"),
    ],
)
def test_an_unknown_key_is_named(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    assert key in refusal(write(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"base": {"steps": 0, "rate": 0.1}}, "`base.steps`"),
        ({"base": {"steps": 5, "rate": -0.1}}, "`base.rate`"),
        ({"base": {**RUN, "fall": 1.5}}, "`base.fall`"),
        ({"base": {**RUN, "warm_up": 0}}, "`base.warm_up`"),
        ({"base": {**RUN, "groups": 0}}, "`base.groups`"),
        ({"base": {"rate": 0.1}}, "`base.steps`"),
        ({"base": {"steps": "many", "rate": 0.1}}, "`base.steps`"),
        ({"corpora": [{**CORPUS, "weight": 0}]}, "`corpora.0.weight`"),
        ({"synthetic": {**SYNTHETIC, "demo_share": 2}}, "`synthetic.demo_share`"),
        ({"gate": {"questions": 0}}, "`gate.questions`"),
        ({"adapters": RUN}, "`adapters.languages`"),
    ],
)
def test_a_value_out_of_range_is_named(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    assert key in refusal(write(tmp_path, **changes))


@pytest.mark.parametrize("text", [b"", b"- 1\n- 2\n", b"a: [", b"\xff\xfe\x00", None])
def test_a_file_that_is_no_recipe(tmp_path: Path, text: bytes | None) -> None:
    path = tmp_path / "recipe.yaml"
    if text is not None:
        path.write_bytes(text)
    refusal(path)


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    path = write(tmp_path, corpora=[CORPUS], schemas="../s.jsonl", held_out=["dev.jsonl", "/abs.jsonl"])
    recipe = NanoRecipe.from_file(path)
    assert recipe.corpora[0].files == [tmp_path / "one.jsonl"]
    assert recipe.schemas == tmp_path / "../s.jsonl"
    assert recipe.held_out == [tmp_path / "dev.jsonl", Path("/abs.jsonl")]
    assert recipe.folder == tmp_path / "runs/x"


def test_held_out_questions_are_removed_by_normalised_text(corpora: Path) -> None:
    path = write(corpora, corpora=[CORPUS], schemas="schemas.jsonl", held_out=["dev.jsonl"])
    examples, schemas, held_out = NanoRecipe.from_file(path).read_corpora()
    assert [e.id for e in examples["one"]] == ["3"]  # 1 by its English, 2 by its Spanish
    assert [e.id for e in held_out] == ["1", "2"]
    assert list(schemas) == ["movies"]


def test_an_absent_held_out_file_is_refused_where_there_is_something_to_keep_apart(corpora: Path) -> None:
    path = write(corpora, corpora=[CORPUS], schemas="schemas.jsonl", held_out=["dev.jsonl", "absent.jsonl"])
    with pytest.raises(CorpusError, match=r"absent\.jsonl does not exist"):
        NanoRecipe.from_file(path).read_corpora()


def test_absent_corpora_are_left_out(corpora: Path) -> None:
    absent = {**CORPUS, "name": "two", "files": ["two.jsonl"]}
    half = {**CORPUS, "name": "three", "files": ["two.jsonl", "one.jsonl"]}
    path = write(corpora, corpora=[CORPUS, absent, half], schemas="schemas.jsonl")
    examples, _, _ = NanoRecipe.from_file(path).read_corpora()
    assert list(examples) == ["one", "three"]
    assert len(examples["three"]) == 3


def test_with_no_corpus_at_all_the_synthesiser_remains(tmp_path: Path) -> None:
    recipe = NanoRecipe.from_file(write(tmp_path, corpora=[CORPUS], schemas="no.jsonl", synthetic=SYNTHETIC))
    assert recipe.read_corpora() == ({}, {}, [])


def test_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no synthetic part"):
        NanoRecipe.from_file(write(tmp_path, corpora=[CORPUS])).read_corpora()


def test_corpora_without_their_schemas(corpora: Path) -> None:
    for schemas in ("absent.jsonl", None):
        with pytest.raises(CorpusError, match="schemas"):
            NanoRecipe.from_file(write(corpora, corpora=[CORPUS], schemas=schemas)).read_corpora()


def test_a_corpus_that_exists_must_be_usable(corpora: Path) -> None:
    (corpora / "one.jsonl").write_text("{")
    with pytest.raises(CorpusError, match=r"one\.jsonl, row 1"):
        NanoRecipe.from_file(write(corpora, corpora=[CORPUS], schemas="schemas.jsonl")).read_corpora()


def test_the_project_s_own_recipe_is_valid() -> None:
    recipe = NanoRecipe.from_file(Path(__file__).parents[2] / "recipes" / "nano-bundle.yaml")
    assert set(recipe.adapters.languages) >= {"en", "es", "tr"}
    assert recipe.synthetic is not None
    assert set(recipe.adapters.languages) <= set(recipe.synthetic.languages)
