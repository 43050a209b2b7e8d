"""An answer's rows as the plain values and texts that other libraries carry. Knows none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from polycypher.ask import Answer
from polycypher.errors import UsageError
from polycypher.graph.values import to_json

Cells = list[tuple[str, Any]]
"""A row as (column, JSON-able value) pairs; two columns may bear the same name."""

DESCRIPTION = (
    "Answers a question about the graph database from its data: makes one read-only Cypher query, runs it "
    "and returns the rows. The question is in plain words, in any language; one question at a time."
)
"""What a language model is told of the tool."""


def cells_of(answer: Answer) -> Iterator[Cells]:
    """Each row of an answer; nodes, relationships and dates as `polycypher ask --json` prints them."""
    for row in answer.rows:
        yield list(zip(answer.columns, map(to_json, row), strict=True))


def text_of(cells: Cells) -> str:
    """A row as a language model reads it: `m.title: Unforgiven; m.released: 1992`."""
    return "; ".join(f"{column}: {_shown(value)}" for column, value in cells)


def facts_of(answer: Answer) -> dict[str, Any]:
    """What else there is to know of an answer: `cypher`, `weights`, `truncated`, `notices`."""
    return {
        "cypher": answer.cypher,
        "weights": dict(answer.weights or {}),
        "truncated": answer.truncated,
        "notices": list(answer.notices),
    }


def missing(error: ImportError, extra: str) -> UsageError:
    """The error for a library that is not installed."""
    return UsageError(
        f"this integration needs {error.name}; install it with: pip install 'polycypher[{extra}]'"
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
