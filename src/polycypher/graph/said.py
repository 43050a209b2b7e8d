"""Where a question says the texts that may be values, and which of them are written like names.

Every question is read so, with some hundred texts, so that this avoids what costs: a regular expression of
its own for each text, and looking at the same word once for every run of words it is in. Knows no graphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from polycypher.graph.folding import fold

_QUOTES = "'\"“”«»„‘’"
_BEFORE, _AFTER = re.compile(r"\w+ $"), re.compile(r" (\w+)")


@dataclass(frozen=True, slots=True)
class Said:
    """A text of the question, where it stands, and its folded form.

    `name` says that it looks like a name, `alone` that no capital beside it makes it part of a longer one.
    """

    text: str
    start: int
    end: int
    name: bool
    alone: bool
    folded: str


def said_in(question: str, texts: Sequence[str]) -> Iterator[Said]:
    """Each of `texts` wherever it stands in the question as whole words; not what folds to nothing."""
    around = _Around(question)
    for text in dict.fromkeys(texts):
        if text and (folded := fold(text)):
            look = _Look(text)
            for start in _places(question, text):
                yield around.said(look, folded, start)


def _places(question: str, text: str) -> Iterator[int]:
    """Where a text stands without a letter, digit or underscore right before or behind it."""
    start = question.find(text)
    while start >= 0:
        end = start + len(text)
        if not _within(question[start - 1 : start]) and not _within(question[end : end + 1]):
            yield start
            start = question.find(text, end)
        else:
            start = question.find(text, start + 1)


def _within(char: str) -> bool:
    """Whether this is a character of words; there may be none."""
    return char.isalnum() or char == "_"


class _Look:
    """What a text looks like, wherever it stands.

    `small` words (`of`, `de la`) may stand in a name; `proper` says that several words show capitals.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        words = text.split()
        big = [word[0].isupper() or word[0].isdigit() for word in words]
        small = all(large or len(word) < 4 for large, word in zip(big, words, strict=True))
        self.capital = words[0][0].isupper() and big[-1] and small
        # A question begins with a capital anyhow: `List the top 5` is no name, `Apollo 13` may be.
        self.proper = len(words) > 1 and (all(big) or any(word[0].isupper() for word in words[1:]))


class _Around:
    """A question, and what is known of the words before and after each place in it."""

    def __init__(self, question: str) -> None:
        self._question = question
        self._begin = len(question) - len(question.lstrip("¿¡ \t" + _QUOTES))
        self._before: dict[int, bool] = {}
        self._after: dict[int, bool] = {}

    def said(self, look: _Look, folded: str, start: int) -> Said:
        """A text that stands here."""
        question, end = self._question, start + len(look.text)
        quoted = question[max(0, start - 1)] in _QUOTES and question[end : end + 1] in tuple(_QUOTES)
        name = quoted or (look.capital and (look.proper or start > self._begin))
        alone = quoted or not (self._capital_before(start) or self._capital_after(end))
        return Said(look.text, start, end, name, alone, folded)

    def _capital_before(self, start: int) -> bool:
        if (known := self._before.get(start)) is None:
            found = _BEFORE.search(self._question[:start])
            known = found is not None and found.start() > self._begin and found[0][0].isupper()
            self._before[start] = known
        return known

    def _capital_after(self, end: int) -> bool:
        if (known := self._after.get(end)) is None:
            found = _AFTER.match(self._question[end:])
            known = found is not None and found[1][0].isupper()
            self._after[end] = known
        return known
