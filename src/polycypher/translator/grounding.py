"""Grounding: a literal may only be asked of a property that holds it.

A small model now and then asks a person for a film's title. Where every name in the question is a value
that the graph stores, the maps of a pattern (`{title: '…'}`) may hold those values alone, each at its own
properties. Where a quoted or capitalised name is stored nowhere, nothing is restricted: the question may
know better than the graph. Knows nothing of models or databases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Homes = Mapping[str, frozenset[tuple[str, str]]]
"""Stored text → the (label or relationship type, property) pairs that hold it."""

LONGEST = 8
"""Words a candidate may have."""
_WORD = re.compile(r"\w+(?:[.\-&/]\w+)*")
_QUOTED = re.compile(
    r"'([^']{1,120})'|\"([^\"]{1,120})\"|“([^”]{1,120})”|«([^»]{1,120})»|„([^“”]{1,120})[“”]"
)
_NAME = re.compile(r"[^\W\d_a-zß-öø-ÿ][\w.-]*(?: [^\W\d_a-zß-öø-ÿ][\w.-]*)+")


def candidates(question: str) -> list[str]:
    """Texts in the question that may be stored values: what is quoted, and runs of up to `LONGEST` words."""
    words = [(found.start(), found.end()) for found in _WORD.finditer(question)]
    runs = (
        question[words[first][0] : words[last][1]]
        for first in range(len(words))
        for last in range(first, min(first + LONGEST, len(words)))
    )
    return list(dict.fromkeys((*quoted(question), *runs)))


def quoted(question: str) -> list[str]:
    """What stands in quotation marks; an apostrophe within a word quotes nothing."""
    spaced = re.sub(r"(?<=\w)'(?=\w)", "\N{MODIFIER LETTER APOSTROPHE}", question)
    return [
        "".join(groups).replace("\N{MODIFIER LETTER APOSTROPHE}", "'") for groups in _QUOTED.findall(spaced)
    ]


def grounded(question: str, stored: Homes, known: Iterable[str] = ()) -> Homes | None:
    """The stored values to hold the query to, or None where it is not to be held.

    Args:
        question: as asked.
        stored: which candidates the graph stores, and where.
        known: names of the schema; they are no values.

    A value counts if it is quoted, has several words, or is written with a capital after the question's
    first word; one inside a longer one does not.
    """
    schema_names = {name.casefold() for name in known}
    first = re.match(r"\W*\w+", question)
    start = first.end() if first else 0
    in_quotes = {text.casefold() for text in quoted(question)}
    counted: dict[str, frozenset[tuple[str, str]]] = {}
    for text, places in stored.items():
        at = question.casefold().find(text.casefold())
        own = question[at : at + len(text)]
        capital = at >= start and own[:1].isupper()
        if text.casefold() in in_quotes or (
            text.casefold() not in schema_names and (" " in text.strip() or capital)
        ):
            counted[text] = places
    names = {text.casefold() for text in counted}
    counted = {
        text: places
        for text, places in counted.items()
        if not any(text.casefold() != name and text.casefold() in name for name in names)
    }
    unknown = [text for text in quoted(question) if text.casefold() not in names]
    rest = question[start:]
    unknown += [
        found[0]
        for found in _NAME.finditer(rest)
        if not any(found[0].casefold() in name or name in found[0].casefold() for name in names)
    ]
    return counted if counted and not unknown else None
