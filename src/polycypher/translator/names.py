"""Whole names: a literal that is a part of a capitalised name in the question becomes the whole name.

A small model now and then copies `Eastwood` where the question says Clint Eastwood. Only literals that a
property must equal are completed, and never by the question's first word, whose capital says nothing. Knows
nothing of models.
"""

from __future__ import annotations

import re

from polycypher.cypher.lexer import Kind, quote_string, string_value, tokenize
from polycypher.errors import QueryError

_NAME = re.compile(r"[^\W\d_a-zß-öø-ÿ][\w.-]*(?: [^\W\d_a-zß-öø-ÿ][\w.-]*)+")


def complete_names(cypher: str, question: str) -> str:
    """The query with each such literal completed; unchanged if it cannot be read."""
    first = re.match(r"\W*\w+\W*", question)
    rest = question[first.end() :] if first else question
    names = [found[0] for text in (question, rest) for found in _NAME.finditer(text)]
    try:
        tokens = tokenize(cypher, keep_blank=True)
    except QueryError:
        return cypher
    written: list[str] = []
    before = ""
    for token in tokens:
        text = token.text
        if token.kind is Kind.STRING and before in (":", "="):
            value = string_value(text)
            whole = _whole(value, names, rest)
            if f"'{value}'" not in question and whole is not None:
                text = quote_string(whole)
        if text.strip():
            before = text.strip()
        written.append(text)
    return "".join(written)


def _whole(value: str, names: list[str], rest: str) -> str | None:
    for name in names:
        words, wanted = name.split(), value.split()
        if wanted and len(words) > len(wanted) and words[-len(wanted) :] == wanted and name in rest:
            return name
    return None
