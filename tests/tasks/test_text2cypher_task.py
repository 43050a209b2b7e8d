"""Text2Cypher as a task: corpus files with their schemas."""

from __future__ import annotations

from pathlib import Path

import pytest
from task_files import write_lines

from polycypher.corpus.prompt import COMPACT
from polycypher.corpus.readers import read_schemas
from polycypher.errors import CorpusError, UsageError
from polycypher.tasks.registry import TASKS
from polycypher.tasks.task import TaskExample, parallel
from polycypher.tasks.text2cypher import text2cypher

ROWS = [
    {
        "id": "1", "database": "zoo", "en": "Which\nanimals?", "de": "Welche Tiere?",
        "cypher": "MATCH (a:Animal) RETURN a",
    },
    {"id": "2", "database": "zoo", "en": "How many?", "cypher": "MATCH (a) RETURN count(a)"},
]  # fmt: skip
SCHEMA = {"database": "zoo", "node_properties": {"Animal": {"name": "STRING"}}}


def test_questions_of_one_id_are_parallel_and_the_schema_is_context(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "train.jsonl", ROWS)
    schemas = write_lines(tmp_path / "schemas.jsonl", [SCHEMA])
    task = TASKS["text2cypher"]
    schema = read_schemas(schemas)["zoo"].to_prompt()
    english, german = task.read(path, "en"), task.read(path, "de")
    assert german == [TaskExample("1", "de", "Welche Tiere?", (ROWS[0]["cypher"],), context=schema)]
    assert parallel(german, english) == [(german[0], english[0])]
    assert len(task.read(path)) == 3
    assert task.prompt(english[0]) == COMPACT.text(schema, "Which animals?")
    # translating changes the question and nothing of the schema
    assert task.prompt(english[0].translated(["Quels animaux?"], "fr")) == COMPACT.text(
        schema, "Quels animaux?"
    )


def test_schemas_of_ones_own(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "train.jsonl", ROWS)
    assert text2cypher({"zoo": "S"}).read(path, "de")[0].context == "S"
    with pytest.raises(CorpusError, match="example '1' asks the graph 'zoo', which has no schema"):
        text2cypher({"park": "S"}).read(path)
    with pytest.raises(CorpusError, match=r"train.jsonl: no schemas.jsonl in its folder"):
        text2cypher().read(path)


def test_its_score_is_for_the_caller(tmp_path: Path) -> None:
    example = TaskExample("1", "en", "q", ("RETURN 1",))
    with pytest.raises(UsageError, match="text2cypher has no score of its own"):
        TASKS["text2cypher"].score([example], ["RETURN 1"])
