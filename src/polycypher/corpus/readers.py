"""Reading examples from JSONL, CSV and Parquet files.

A row holds `cypher`, `database` and its questions: either one column a language (`en`, `es`, `tr`, …)
or `question` with an optional `language` (default `en`). Other columns known are `id`, `source` and
`licence`. Knows nothing of models or databases.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from polycypher.corpus.example import Example, check_language, normalise_question
from polycypher.errors import CorpusError, SchemaError
from polycypher.schema import GraphSchema

_CYPHER = ("cypher", "query", "gold")
_DATABASE = ("database", "database_reference_alias", "graph")
_IDENTIFIER = ("id", "instance_id")
_NOT_A_LANGUAGE = {"id", "db", "sql", "url", "tag", "key", "row", "num", "raw", "src", "ref"}


def read_examples(path: Path | str, *, languages: Sequence[str] | None = None) -> list[Example]:
    """Read a corpus file, told by its ending: `.jsonl`, `.csv` or `.parquet`.

    `languages` keeps only these; an example without any of them is left out. Rows of one id and one query
    in different languages are one example.

    Raises:
        CorpusError: unreadable file, unknown ending, a row without Cypher or question, a repeated id,
            or no row at all; file and row are named.
    """
    path = Path(path)
    wanted = None if languages is None else [check_language(code) for code in languages]
    examples: dict[str, Example] = {}
    first: dict[str, int] = {}
    for number, row in read_rows(path):
        example = _example(row, path, number)
        known = examples.get(example.id)
        if known is None:
            first[example.id] = number
        elif known.cypher != example.cypher or known.questions.keys() & example.questions.keys():
            raise CorpusError(
                f"{path}, row {number}: id '{example.id}' stands already in row {first[example.id]}; "
                "give each example its own"
            )
        else:
            example = replace(example, questions={**known.questions, **example.questions})
        examples[example.id] = example
    found = [
        replace(example, questions=kept)
        for example in examples.values()
        if (kept := {k: v for k, v in example.questions.items() if wanted is None or k in wanted})
    ]
    if not found:
        raise CorpusError(f"{path} holds no example{' in ' + ', '.join(wanted) if wanted else ''}")
    return found


def read_schemas(path: Path | str) -> dict[str, GraphSchema]:
    """Read a JSONL file of schemas, each row with its `database`.

    Raises:
        CorpusError: unreadable file, a row without `database`, or one that is no schema; file and row
            are named.
    """
    schemas = {}
    for number, row in read_rows(Path(path)):
        if not row.get("database"):
            raise CorpusError(f"{path}, row {number}: no `database`")
        try:
            schemas[str(row["database"])] = GraphSchema.from_dict(row)
        except SchemaError as error:
            raise CorpusError(f"{path}, row {number}: {error}") from None
    return schemas


def without_questions(examples: Iterable[Example], held_out: Iterable[Example]) -> list[Example]:
    """The examples that share no question, compared by `normalise_question`, with `held_out`.

    This is the leak check of every training run: a question of a dev or test set never trains.
    """
    barred = {normalise_question(text) for example in held_out for text in example.questions.values()}
    return [
        example
        for example in examples
        if not any(normalise_question(text) in barred for text in example.questions.values())
    ]


def read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a corpus file with their numbers.

    Raises:
        CorpusError: unreadable, of an unknown ending, or a row that is none.
    """
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise CorpusError(f"{path}: a corpus file ends in .jsonl, .csv or .parquet")
    try:
        yield from reader(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read the corpus file {path}: {error}") from None


def _read_jsonl(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise CorpusError(f"{path}, row {number}: no JSON ({error.msg})") from None
            if not isinstance(row, dict):
                raise CorpusError(f"{path}, row {number}: a row must be a JSON object")
            yield number, row


def _read_csv(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        try:
            yield from enumerate(rows, 2)
        except csv.Error as error:
            raise CorpusError(f"{path}, line {rows.reader.line_num}: no CSV ({error})") from None


def _read_parquet(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise CorpusError(
            f"{path}: reading Parquet needs the extra: pip install 'polycypher[train]'"
        ) from None
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise CorpusError(f"cannot read the corpus file {path}: {error}") from None
    yield from enumerate(table.to_pylist(), 1)


def _first(row: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        if row.get(name) not in (None, ""):
            return str(row[name])
    return ""


def _example(row: Mapping[str, Any], path: Path, number: int) -> Example:
    cypher = _first(row, _CYPHER)
    if not cypher.strip():
        raise CorpusError(f"{path}, row {number}: no `cypher`; remove the row or fill it in")
    questions = {
        str(key): str(value)
        for key, value in row.items()
        if key and key not in _NOT_A_LANGUAGE and _is_language(key) and str(value or "").strip()
    }
    if str(row.get("question") or "").strip():
        code = str(row.get("language") or "en")
        try:
            questions[check_language(code)] = str(row["question"])
        except CorpusError as error:
            raise CorpusError(f"{path}, row {number}: {error}") from None
    if not questions:
        raise CorpusError(f"{path}, row {number}: no question; give a column a language, or `question`")
    return Example(
        id=_first(row, _IDENTIFIER) or f"{path.stem}-{number}",
        database=_first(row, _DATABASE),
        questions=questions,
        cypher=cypher,
        source=str(row.get("source") or ""),
        licence=str(row.get("licence") or ""),
    )


def _is_language(key: str) -> bool:
    try:
        check_language(key)
    except CorpusError:
        return False
    return True
