"""Text2Cypher as a task: a corpus file's questions, the graph's schema as context, the query as answer.

Questions of one id in two languages are parallel. How good a query is takes a database to say, so the task
has no score; `polycypher.evaluation` measures predictions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from polycypher.corpus.prompt import COMPACT, PromptTemplate
from polycypher.corpus.readers import read_examples, read_schemas
from polycypher.errors import CorpusError
from polycypher.tasks.task import Task, TaskExample

SCHEMAS = "schemas.jsonl"
"""The file beside a corpus file that holds its graphs' schemas."""


def text2cypher(schemas: Mapping[str, str] | None = None, template: PromptTemplate = COMPACT) -> Task:
    """The task with these schemas and this prompt.

    Args:
        schemas: database → its schema as text for the prompt; None reads `schemas.jsonl` in the folder of
            each corpus file.
        template: of the prompt.
    """
    return Task(
        "text2cypher",
        (),
        partial(_read, schemas),
        lambda example: template.text(example.context, example.text),
    )


def _read(schemas: Mapping[str, str] | None, path: Path, language: str | None) -> list[TaskExample]:
    """Every question of the corpus file, one example a language."""
    examples = read_examples(path, languages=None if language is None else [language])
    if schemas is None:
        beside = path.parent / SCHEMAS
        if not beside.exists():
            raise CorpusError(f"{path}: no {SCHEMAS} in its folder; put the graphs' schemas there")
        schemas = {name: schema.to_prompt() for name, schema in read_schemas(beside).items()}
    found = []
    for example in examples:
        if example.database not in schemas:
            raise CorpusError(
                f"{path}: example '{example.id}' asks the graph '{example.database}', which has no schema; "
                "add it to the schemas"
            )
        found += [
            TaskExample(
                example.id,
                code,
                " ".join(question.splitlines()),
                (example.cypher,),
                context=schemas[example.database],
            )
            for code, question in example.questions.items()
        ]
    return found
