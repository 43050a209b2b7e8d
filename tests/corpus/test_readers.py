"""Corpus files: three formats, the same examples, and errors that name file and row."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from polycypher.corpus.example import Example
from polycypher.corpus.readers import read_examples, read_schemas, without_questions
from polycypher.errors import CorpusError

Row = dict[str, Any]
ROWS: list[Row] = [
    {
        "id": "m1",
        "database": "movies",
        "en": 'Who said "no", and\nto whom?',
        "es": "¿Quién dijo «no»?",
        "tr": "Kim dedi?",
        "cypher": "MATCH (p:Person {name: 'Zoë, the \"1st\"'})\nRETURN p",
        "source": "here",
        "licence": "CC0-1.0",
    },
    {"id": "m2", "database": "movies", "en": "How many?", "cypher": "RETURN 1"},
]
EXAMPLES = [
    Example(
        "m1",
        "movies",
        {"en": ROWS[0]["en"], "es": ROWS[0]["es"], "tr": ROWS[0]["tr"]},
        ROWS[0]["cypher"],
        "here",
        "CC0-1.0",
    ),
    Example("m2", "movies", {"en": "How many?"}, "RETURN 1"),
]


def write_jsonl(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, sorted({key for row in rows for key in row}))
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    import pyarrow
    import pyarrow.parquet

    names = sorted({key for row in rows for key in row})
    pyarrow.parquet.write_table(pyarrow.table({n: [row.get(n) for row in rows] for n in names}), path)


WRITERS: dict[str, Callable[[Path, Sequence[Row]], None]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "parquet": write_parquet,
}
FIRST = {"jsonl": 1, "csv": 2, "parquet": 1}
"""What the first example's row is called: a CSV file has a header."""

every_format = pytest.mark.parametrize("ending", sorted(WRITERS))


def read(folder: Path, rows: Sequence[Row], ending: str = "jsonl", **options: Any) -> list[Example]:
    path = folder / f"corpus.{ending}"
    WRITERS[ending](path, rows)
    return read_examples(path, **options)


def refusal(folder: Path, rows: Sequence[Row], ending: str, row: int) -> str:
    """The message with which rows are refused; it is one line and names file and row."""
    with pytest.raises(CorpusError) as caught:
        read(folder, rows, ending)
    message = str(caught.value)
    assert message.startswith(f"{folder / f'corpus.{ending}'}, row {FIRST[ending] + row}: ")
    assert "\n" not in message
    return message


@every_format
def test_what_is_written_is_read(tmp_path: Path, ending: str) -> None:
    assert read(tmp_path, ROWS, ending) == EXAMPLES


@every_format
def test_other_names_of_the_columns(tmp_path: Path, ending: str) -> None:
    row = {
        "instance_id": 7,
        "database_reference_alias": "neo4j",
        "question": "¿Cuántos?",
        "language": "es",
        "query": "RETURN 1",
    }
    assert read(tmp_path, [row], ending) == [Example("7", "neo4j", {"es": "¿Cuántos?"}, "RETURN 1")]


@every_format
def test_a_question_without_a_language_is_english_and_a_row_without_id_gets_one(
    tmp_path: Path, ending: str
) -> None:
    (example,) = read(tmp_path, [{"question": "How many?", "cypher": "RETURN 1"}], ending)
    assert example == Example(f"corpus-{FIRST[ending]}", "", {"en": "How many?"}, "RETURN 1")


def test_columns_of_regions_and_scripts_are_languages(tmp_path: Path) -> None:
    questions = {
        "pt-BR": "Quantos?",
        "zh-Hant": "多少？",
        "es-419": "¿Cuántos?",
        "fil": "Ilan?",
        "sr-Latn-RS": "Koliko?",
    }
    (example,) = read(
        tmp_path, [{**questions, "cypher": "RETURN 1", "db": "x", "sql": "SELECT 1", "id": "1"}]
    )
    assert example.questions == questions


@every_format
def test_languages_asked_for(tmp_path: Path, ending: str) -> None:
    assert [dict(e.questions) for e in read(tmp_path, ROWS, ending, languages=["tr", "es"])] == [
        {"es": ROWS[0]["es"], "tr": ROWS[0]["tr"]}
    ]
    with pytest.raises(CorpusError, match=f"corpus.{ending} holds no example in de"):
        read(tmp_path, ROWS, ending, languages=["de"])
    with pytest.raises(CorpusError, match="'German'"):
        read(tmp_path, ROWS, ending, languages=["German"])


@every_format
@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_row_without_cypher(tmp_path: Path, ending: str, blank: str | None) -> None:
    assert "cypher" in refusal(tmp_path, [*ROWS, {"id": "x", "en": "How?", "cypher": blank}], ending, 2)


@every_format
@pytest.mark.parametrize("blank", ["", "  ", None])
@pytest.mark.parametrize("column", ["en", "question"])
def test_a_row_without_question(tmp_path: Path, ending: str, column: str, blank: str | None) -> None:
    assert "question" in refusal(
        tmp_path, [ROWS[1], {"id": "x", column: blank, "cypher": "RETURN 1"}], ending, 1
    )


@every_format
def test_a_repeated_id(tmp_path: Path, ending: str) -> None:
    message = refusal(tmp_path, [*ROWS, {**ROWS[1], "id": "m1"}], ending, 2)
    assert "'m1'" in message
    assert f"row {FIRST[ending]}" in message


@every_format
def test_rows_of_one_id_in_several_languages_are_one_example(tmp_path: Path, ending: str) -> None:
    rows = [
        {"id": "a", "question": text, "language": code, "cypher": "RETURN 1"}
        for code, text in (("en", "How many?"), ("es", "¿Cuántos?"))
    ]
    rows.insert(1, {"id": "b", "question": "Who?", "language": "en", "cypher": "RETURN 2"})
    found = read(tmp_path, rows, ending)
    assert [(e.id, dict(e.questions)) for e in found] == [
        ("a", {"en": "How many?", "es": "¿Cuántos?"}),
        ("b", {"en": "Who?"}),
    ]
    assert "'a'" in refusal(tmp_path, [*rows, {**rows[0], "question": "Again?"}], ending, 3)
    assert "'a'" in refusal(tmp_path, [*rows, {**rows[0], "language": "tr", "cypher": "RETURN 3"}], ending, 3)


@every_format
def test_a_language_that_is_none(tmp_path: Path, ending: str) -> None:
    row = {"question": "How?", "language": "english", "cypher": "RETURN 1"}
    assert "'english'" in refusal(tmp_path, [row], ending, 0)


@pytest.mark.parametrize(("line", "said"), [("{", "no JSON"), ("[1]", "object"), ("\ufeff{}", "no JSON")])
def test_a_line_that_is_no_object(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(json.dumps(ROWS[1]) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"corpus\.jsonl, row 3: .*{said}"):
        read_examples(path)


def test_a_csv_field_beyond_the_reader_s_limit(tmp_path: Path) -> None:
    write_csv(tmp_path / "corpus.csv", [ROWS[1], {**ROWS[1], "id": "x", "en": "q" * 200_000}])
    limit = csv.field_size_limit(131_072)  # Python's own; some libraries raise it for the whole process
    try:
        with pytest.raises(CorpusError, match=r"corpus\.csv, line 3: "):
            read_examples(tmp_path / "corpus.csv")
    finally:
        csv.field_size_limit(limit)


def test_csv_rows_that_are_short_or_long_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "corpus.csv"
    path.write_text(
        "\ufeffen,cypher,database\nHow?,RETURN 1\nWho?,RETURN 2,movies,extra,more\n", encoding="utf-8"
    )
    assert [(e.questions, e.cypher, e.database) for e in read_examples(path)] == [
        ({"en": "How?"}, "RETURN 1", ""),
        ({"en": "Who?"}, "RETURN 2", "movies"),
    ]


@every_format
def test_files_that_cannot_be_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"corpus.{ending}"
    with pytest.raises(CorpusError, match=f"corpus.{ending}"):
        read_examples(path)
    path.write_bytes(b"\xff\xfe\x00\x01 damaged")
    with pytest.raises(CorpusError, match=f"corpus.{ending}"):
        read_examples(path)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_without_rows(tmp_path: Path, text: str) -> None:
    (tmp_path / "corpus.jsonl").write_text(text)
    with pytest.raises(CorpusError, match="holds no example"):
        read_examples(tmp_path / "corpus.jsonl")


def test_an_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"corpus\.xlsx.*\.jsonl, \.csv or \.parquet"):
        read_examples(tmp_path / "corpus.xlsx")


def test_schemas_by_database(tmp_path: Path) -> None:
    rows = [
        {"database": "a", "node_properties": {"X": {"p": "string"}}, "relationships": [["X", "R", "X"]]},
        {"database": "b", "node_properties": {"Y": {}}},
    ]
    write_jsonl(tmp_path / "schemas.jsonl", rows)
    schemas = read_schemas(tmp_path / "schemas.jsonl")
    assert schemas["a"].to_prompt() == "X(p)\nR X>X"
    assert list(schemas) == ["a", "b"]


@pytest.mark.parametrize(
    "row", [{"node_properties": {}}, {"database": "b"}, {"database": "b", "node_properties": ["X"]}]
)
def test_damaged_schemas(tmp_path: Path, row: Row) -> None:
    write_jsonl(tmp_path / "schemas.jsonl", [{"database": "a", "node_properties": {}}, row])
    with pytest.raises(CorpusError, match=r"schemas\.jsonl, row 2: "):
        read_schemas(tmp_path / "schemas.jsonl")


def test_no_question_of_a_held_out_set_stays() -> None:
    def example(number: int, **questions: str) -> Example:
        return Example(str(number), "movies", questions, "RETURN 1")

    held_out = [example(0, en="Who directed 'Top Gun'?", es="¿Quién dirigió Top Gun?")]
    examples = [
        example(1, en="who directed top gun"),
        example(2, en="Another one", es="QUIÉN DIRIGIÓ «TOP GUN»"),
        example(3, en="Who acted in Top Gun?"),
        example(4, tr="Who directed Top Gun?"),  # the same words count in whatever column
    ]
    assert [e.id for e in without_questions(examples, held_out)] == ["3"]
    assert without_questions(examples, []) == examples
