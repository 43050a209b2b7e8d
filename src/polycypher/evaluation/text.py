"""Measures on the text of a query: ROUGE-L as the paper computes it, and ROUGE-L over Cypher tokens.

Knows nothing of databases: a right query in other words scores low here, which is why execution accuracy
stands beside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from polycypher.cypher.lexer import Kind, Token, name_value, quote_string, string_value, tokenize
from polycypher.cypher.words import KEYWORDS
from polycypher.errors import QueryError

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

_PIECE = re.compile(r"\w+|[^\w\s]")


def rouge_l(gold: str, prediction: str) -> float:
    """ROUGE-L F-measure by the `rouge-score` package without stemming, in [0, 1] (§5 of arXiv 2601.16097).

    It lower-cases, keeps ASCII letters and digits only and so cannot see an arrow's direction or an
    operator; `cypher_rouge_l` can.
    """
    return float(_scorer().score(gold, prediction)["rougeL"].fmeasure)


def cypher_rouge_l(gold: str, prediction: str) -> float:
    """ROUGE-L F-measure over Cypher tokens, in [0, 1]: 2·LCS / (tokens of gold + tokens of prediction).

    Symbols count, so `(a)-->(b)` differs from `(a)<--(b)`; case counts in names and texts, not in
    keywords and function names; comments, blanks, the kind of quotes and a closing semicolon do not
    count. Text that the lexer refuses is cut into words and signs instead.
    """
    first, second = cypher_words(gold), cypher_words(prediction)
    if not first or not second:
        return 0.0
    return 2.0 * _common_length(first, second) / (len(first) + len(second))


def cypher_words(query: str) -> list[str]:
    """The tokens that `cypher_rouge_l` compares."""
    try:
        tokens = tokenize(query)
    except QueryError:
        return _PIECE.findall(query)
    framed = [None, *tokens, None]
    words = [_word(framed[place], token, framed[place + 2]) for place, token in enumerate(tokens)]
    while words and words[-1] == ";":
        words.pop()
    return words


def _word(before: Token | None, token: Token, after: Token | None) -> str:
    """A token's text without the freedoms of spelling that Cypher gives."""
    if token.kind is Kind.STRING:
        return quote_string(string_value(token.text))
    if token.kind is Kind.QUOTED_NAME:
        return name_value(token.text)
    if token.kind is Kind.NAME and not (before and before.text in {".", ":", "|"}):
        upper = token.text.upper()
        opening = after.text if after else ""
        called = opening == "(" or (opening == "{" and upper in {"COUNT", "COLLECT"})
        if called or upper in KEYWORDS:
            return upper
    return token.text


def _common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, one row of the table at a time."""
    row = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for place, other in enumerate(second, start=1):
            above = row[place]
            row[place] = diagonal + 1 if word == other else max(above, row[place - 1])
            diagonal = above
    return row[-1]


@cache
def _scorer() -> RougeScorer:
    # Imported at first use: the package brings a language toolkit that takes a second to load.
    from rouge_score.rouge_scorer import RougeScorer

    return cast("RougeScorer", RougeScorer(["rougeL"], use_stemmer=False))
