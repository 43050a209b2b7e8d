"""Fitting a schema into a prompt: the labels that matter most to a question are kept.

Knows nothing of models beyond the tokenizer's count of tokens.
"""

from __future__ import annotations

from collections.abc import Callable

from polycypher.errors import SchemaError
from polycypher.notices import Notice
from polycypher.schema import GraphSchema
from polycypher.translator.hints import hints


def fit_schema(
    schema: GraphSchema, question: str, limit: int, count: Callable[[GraphSchema], int]
) -> tuple[GraphSchema, Notice | None]:
    """The schema, or the part of it most relevant to the question that has at most `limit` tokens.

    `count` counts a schema's tokens in the prompt. The second value says what was left out, None if
    nothing was.

    Raises:
        SchemaError: the schema is empty, or not even one label fits.
    """
    if not schema:
        raise SchemaError("the graph is empty: it has no label to ask about; load data first")
    if count(schema) <= limit:
        return schema, None
    score = schema.relevance(f"{question} {hints(question)}")
    ranked = sorted(schema.labels, key=lambda label: (-score[label], label))
    # A label that is too wide by itself must not keep out all others.
    ranked = [label for label in ranked if count(schema.restrict([label])) <= limit]
    # Where some labels are asked for, the rest would only tempt the model.
    ranked = [label for label in ranked if score[label] > 0] or ranked
    # The largest number of labels that fits, by bisection: more labels never take fewer tokens.
    low, high = 0, len(ranked)
    while low < high:
        middle = (low + high + 1) // 2
        if count(schema.restrict(ranked[:middle])) <= limit:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        raise SchemaError(f"every label takes more than the {limit} tokens that the model reads of a schema")
    everything = len(schema.labels)
    return schema.restrict(ranked[:low]), Notice("schema_cut", left=everything - low, all=everything)
