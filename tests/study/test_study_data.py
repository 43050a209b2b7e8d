"""The study's data: no test question trains, what cannot be used is passed over or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_study import FILMS, SCHEMAS, base_of, data_of, example, recipe_of

from polycypher.corpus.example import Example, normalise_question
from polycypher.errors import CorpusError, RecipeError
from polycypher.study.data import make_data, read_data
from polycypher.study.recipe import CorpusSource, StudyRecipe


def questions(examples: tuple[Example, ...]) -> set[str]:
    return {normalise_question(text) for one in examples for text in one.questions.values()}


def test_a_question_of_the_test_set_never_trains(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    with_a_comma = example(9, en="Which film, is NUMBER 101?", es="¿Otra pregunta?")
    translated = example(10, en="Another question?", es="¡qué película es la 101!")
    train = [*map(example, range(1, 9)), with_a_comma, translated]
    test = [example(101), example(102)]
    data = make_data(recipe, train, test, SCHEMAS, {})
    trained = {one.id for one in (*data.split.union, *data.spare, *data.pool)}
    assert trained == {f"q{number}" for number in range(1, 9)}
    for part in (data.split.union, data.spare, data.pool, *data.split.train.values()):
        assert not questions(part) & questions(data.test)


def test_test_questions_past_the_limit_do_not_train_either(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    recipe = recipe.model_copy(update={"corpus": recipe.corpus.model_copy(update={"test_limit": 1})})
    data = make_data(recipe, [*map(example, range(1, 9))], [example(101), example(8)], SCHEMAS, {})
    assert [one.id for one in data.test] == ["q101"]
    assert "q8" not in {one.id for one in data.pool}


def test_what_cannot_be_used_is_passed_over(tmp_path: Path) -> None:
    unusable = [
        example(20, "nowhere"),
        example(21, en="Only in English?"),
        example(22, cypher="MATCH (n) RETURN 'no end"),
    ]
    train = [*map(example, range(1, 9)), *unusable]
    data = make_data(recipe_of(tmp_path), train, [example(101), *unusable], SCHEMAS, {})
    assert {one.id for one in data.pool} == {f"q{number}" for number in range(1, 9)}
    assert [one.id for one in data.test] == ["q101"]


def test_spare_examples_are_in_no_group(tmp_path: Path) -> None:
    data = data_of(recipe_of(tmp_path), 8)
    assert len(data.split.union) == 2 + 1 + 2
    assert len(data.spare) == 3
    assert not {one.id for one in data.spare} & {one.id for one in data.split.union}
    assert [len(data.split.train[code]) for code in ("en", "es")] == [4, 4]


def test_too_few_examples_are_refused_with_counts(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"needs 5 parallel examples .* there are 4"):
        data_of(recipe_of(tmp_path), 4)


def test_a_test_set_without_the_languages_is_refused(tmp_path: Path) -> None:
    train = [example(number) for number in range(1, 9)]
    with pytest.raises(
        CorpusError, match="none of 1 test examples has a schema and a question in each of en, es"
    ):
        make_data(recipe_of(tmp_path), train, [example(101, en="Only in English?")], SCHEMAS, {})


def test_an_id_twice_in_the_test_set_is_refused(tmp_path: Path) -> None:
    twin = Example("q101", "films", {"en": "Another?", "es": "¿Otra?"}, "MATCH (m:Movie) RETURN m.title")
    with pytest.raises(CorpusError, match="two test examples have the id 'q101'"):
        make_data(recipe_of(tmp_path), [*map(example, range(1, 9))], [example(101), twin], SCHEMAS, {})


def test_an_examples_own_schema_goes_before_its_databases(tmp_path: Path) -> None:
    data = data_of(recipe_of(tmp_path))
    maker = base_of().maker
    known, own = data.test
    plain = data.prompt(maker, known, "en")
    assert maker.tokenizer.decode(plain.prefix).startswith(FILMS.to_prompt())
    told = make_data(recipe_of(tmp_path), data.pool, data.test, {}, {
        **dict.fromkeys([one.id for one in data.pool], "films"), known.id: "films", own.id: "Town(name)",
    })  # fmt: skip
    assert maker.tokenizer.decode(told.prompt(maker, own, "es").prefix).startswith("Town(name)")


def test_answers_are_canonical_only_where_the_recipe_says_so(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    rough = example(101, cypher="match (m:Movie)  return m.title")
    maker = base_of().maker

    def answer(chosen: StudyRecipe) -> str:
        data = make_data(chosen, [*map(example, range(1, 9))], [rough], SCHEMAS, {})
        return str(maker.tokenizer.decode(data.answer(maker, rough), skip_special_tokens=True))

    assert answer(recipe) == "MATCH (m:Movie) RETURN m.title"
    plain = recipe.corpus.model_copy(update={"canonical": False})
    assert answer(recipe.model_copy(update={"corpus": plain})) == rough.cypher


def write(path: Path, *rows: dict[str, str]) -> list[Path]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return [path]


def row(one: Example, **more: str) -> dict[str, str]:
    return {"id": one.id, "database": one.database, "cypher": one.cypher, **one.questions, **more}


def reading(recipe: StudyRecipe, **parts: object) -> StudyRecipe:
    return recipe.model_copy(update={"corpus": recipe.corpus.model_copy(update=parts)})


def test_files_are_read_and_their_faults_named(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", *(row(example(number)) for number in range(1, 9)))
    test = write(tmp_path / "test.jsonl", row(example(101)))
    schemas = write(tmp_path / "schemas.jsonl", {"database": "films", **FILMS.to_dict()})[0]
    sources = {"train": CorpusSource(files=train), "test": CorpusSource(files=test)}
    whole = reading(recipe_of(tmp_path), **sources, schemas=schemas)
    assert len(read_data(whole).pool) == 8
    with pytest.raises(RecipeError, match=r"name a file of them in `corpus\.schemas`"):
        read_data(reading(whole, schemas=None))
    with pytest.raises(CorpusError, match=r"absent\.jsonl does not exist"):
        read_data(reading(whole, test=CorpusSource(files=[tmp_path / "absent.jsonl"])))


def test_one_id_with_two_schemas_is_refused(tmp_path: Path) -> None:
    def source(name: str, schema: str) -> CorpusSource:
        rows = [
            {"instance_id": f"i{number}", "question": f"{name} {number}?", "schema": schema,
             "cypher": "RETURN 1", "data_source": "", "database_reference_alias": "", "language": "en"}
            for number in range(3)
        ]  # fmt: skip
        write(tmp_path / f"{name}.jsonl", *rows)
        return CorpusSource(hub=str(tmp_path / f"{name}.jsonl"), split=name)

    recipe = reading(
        recipe_of(tmp_path), train=source("train", "Movie(title)"), test=source("test", "Town(name)")
    )
    with pytest.raises(CorpusError, match=r"the id 'i[012]' stands in the training and in the test set"):
        read_data(recipe)
