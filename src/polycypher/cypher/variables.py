"""What the canonical form calls a node. The writer, the grammar and the synthesiser must agree on it."""

from __future__ import annotations

from polycypher.cypher.lexer import quote_name


def node_name(label: str) -> str:
    """The label's first letter in lower case; `n` where it has none that stands without backticks."""
    letter = next((char for char in label if char.isalpha()), "n").lower()
    return letter if quote_name(letter) == letter else "n"
