"""A schema of films, and whether a text is accepted by the grammars made for it, byte by byte."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import llguidance

from polycypher.cypher.grammar import schema_grammar
from polycypher.cypher.grammar_literals import literal_grammar
from polycypher.schema import GraphSchema, Pattern

FILMS = GraphSchema(
    {
        "Person": {"name": "STRING", "born": "INTEGER", "since": "DATE"},
        "Movie": {"title": "STRING", "released": "INTEGER", "shot-on": "DATE"},
        "Film Studio": {"name": "STRING"},
    },
    {"ACTED_IN": {"roles": "LIST"}, "SIGNED": {"on": "DATE"}},
    (
        Pattern("Person", "ACTED_IN", "Movie"),
        Pattern("Person", "DIRECTED", "Movie"),
        Pattern("Person", "FOLLOWS", "Person"),
        Pattern("Film Studio", "MADE", "Movie"),
        Pattern("Film Studio", "SIGNED", "Person"),
    ),
)


class _Bytes:
    """A tokenizer whose tokens are single bytes, so that any text is fed as it is."""

    eos_token_id = 256
    bos_token_id = None
    tokens = (*(bytes([n]) for n in range(256)), b"<end>")
    special_token_ids = (256,)

    def __call__(self, text: bytes | str) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


@lru_cache
def _tokenizer() -> llguidance.LLTokenizer:
    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Bytes()))


@lru_cache
def _compiled(text: str) -> llguidance.LLMatcher:
    compiled = llguidance.LLMatcher(_tokenizer(), text, log_level=0)
    assert not compiled.is_error(), compiled.get_error()
    return compiled


def takes(grammar: str, text: str) -> bool:
    """Whether a grammar accepts a text."""
    matcher = _compiled(grammar).deep_copy()
    tokens = list(text.encode())
    return bool(matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting())


def accepts(query: str, schema: GraphSchema = FILMS, **options: Any) -> bool:
    """Whether the grammar of a schema accepts a query, whatever stands in its strings."""
    return takes(schema_grammar(schema, **options), query)


def holds(
    query: str,
    schema: GraphSchema = FILMS,
    literals: Sequence[str] = (),
    spans_of: str = "",
    homes: Mapping[str, Collection[tuple[str, str]]] | None = None,
) -> bool:
    """Whether both the grammar of a schema and that of the literals accept a query."""
    text = literal_grammar(schema, literals=literals, spans_of=spans_of, homes=homes)
    return accepts(query, schema) and takes(text, query)
