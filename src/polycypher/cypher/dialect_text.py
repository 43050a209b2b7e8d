"""A query's words with what a rewriting rule asks of them: brackets, clauses, spans of the source, edits.

Knows the words of `syntax` and nothing of any vendor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from polycypher.cypher.lexer import name_value, tokenize
from polycypher.cypher.syntax import Role, Word, read_structure

_OPENERS = frozenset("([{")
_CLOSERS = frozenset(")]}")
_BRACKETS = frozenset({Role.PATTERN, Role.SYMBOL})
_CLAUSES = frozenset({"MATCH", "OPTIONAL", "WITH", "RETURN", "UNWIND", "CALL", "UNION", "YIELD"})
_PAIRED = frozenset({"STARTS", "ENDS"})


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` of the source become `text`."""

    start: int
    end: int
    text: str


class Text:
    """A query that was read.

    `words` are in the order of the text; `star` says that all variables are named by `*` somewhere;
    `closing` maps an opening bracket's word to its closing one;
    `around` is, for each word, the opening bracket that holds it, -1 outside all.

    Raises:
        QueryError: the text is not one reading query.
    """

    def __init__(self, query: str) -> None:
        self.query = query
        structure = read_structure(tokenize(query))
        self.words: list[Word] = structure.words
        self.star = structure.star
        self._taken = {name_value(word.text) for word in self.words if word.role is Role.VARIABLE}
        self.closing: dict[int, int] = {}
        self.around: list[int] = []
        open_at: list[int] = []
        for index, word in enumerate(self.words):
            bracket = word.role in _BRACKETS
            if bracket and word.text in _CLOSERS:
                self.closing[open_at.pop()] = index
            self.around.append(open_at[-1] if open_at else -1)
            if bracket and word.text in _OPENERS:
                open_at.append(index)

    # ------------------------------------------------------------------ words

    def key(self, index: int) -> str:
        """The word in capitals; empty outside the query and for what is quoted."""
        if not 0 <= index < len(self.words) or self.words[index].text[0] in "'\"`":
            return ""
        return self.words[index].text.upper()

    def role(self, index: int) -> Role | None:
        """The word's role; None outside the query."""
        return self.words[index].role if 0 <= index < len(self.words) else None

    def opens_pattern(self, index: int) -> bool:
        """Whether a node's bracket stands here."""
        return self.role(index) is Role.PATTERN and self.words[index].text == "("

    def level(self, index: int) -> Iterable[int]:
        """The words from `index` on that lie in the same bracket; brackets inside it are stepped over."""
        while index < len(self.words) and not (
            self.words[index].text in _CLOSERS and self.words[index].role in _BRACKETS
        ):
            yield index
            index = self.closing.get(index, index) + 1

    def clause_at(self, index: int) -> str:
        """The clause that begins with this word, in capitals; empty if none does."""
        key = self.key(index)
        if self.role(index) is not Role.KEYWORD or key not in _CLAUSES or self.key(index - 1) in _PAIRED:
            return ""
        return key

    def governor(self, index: int) -> int:
        """The keyword that governs a word at its own level: of a clause, WHERE or ORDER; -1 for none."""
        for before in range(index - 1, self.around[index], -1):
            if self.around[before] == self.around[index]:
                part = self.role(before) is Role.KEYWORD and self.key(before) in ("WHERE", "ORDER")
                if part or self.clause_at(before):
                    return before
        return -1

    def clause_of(self, index: int) -> str:
        """`governor` in capitals: `MATCH`, `RETURN`, `WHERE`, …; empty for none."""
        return self.key(self.governor(index))

    def is_optional(self, clause: int) -> bool:
        """Whether the MATCH or CALL at this word is an optional one."""
        return self.key(clause - 1) == "OPTIONAL" and self.role(clause - 1) is Role.KEYWORD

    def occurrences(self, variable: str) -> int:
        """How often a variable stands in the query."""
        return sum(w.role is Role.VARIABLE and name_value(w.text) == variable for w in self.words)

    def fresh(self) -> str:
        """A variable that the query does not have; another one at each call."""
        name = next(name for i in count(1) if (name := f"{FRESH}{i}") not in self._taken)
        self._taken.add(name)
        return name

    # ------------------------------------------------------------------ characters

    def start(self, index: int) -> int:
        """The offset of a word; of the query's end for the index after the last."""
        return self.words[index].start if index < len(self.words) else len(self.query)

    def end(self, index: int) -> int:
        """The offset behind a word, blanks left out."""
        word = self.words[index]
        if word.role in (Role.FUNCTION, Role.PROCEDURE):  # may hold blanks around its dots
            return len(self.query[: self.start(index + 1)].rstrip())
        return word.start + len(word.text)

    def source(self, first: int, last: int) -> str:
        """The text of the words `first` to `last` inclusive; empty if there are none."""
        return self.query[self.start(first) : self.end(last)] if first <= last else ""

    def replace(self, first: int, last: int, text: str) -> Edit:
        """The edit that puts `text` in the place of the words `first` to `last` inclusive."""
        return Edit(self.start(first), self.end(last), text)

    def insert(self, index: int, text: str) -> Edit:
        """The edit that puts `text` before a word."""
        return Edit(self.start(index), self.start(index), text)

    def remove(self, first: int, last: int) -> Edit:
        """The edit that leaves out the words `first` to `last` inclusive, and the blanks before them."""
        return Edit(self.end(first - 1) if first else 0, self.end(last), "")

    def append(self, index: int, text: str) -> Edit:
        """The edit that puts `text` right behind a word."""
        return Edit(self.end(index), self.end(index), text)

    def edited(self, edits: Iterable[Edit]) -> str:
        """The query with the edits made; they must not overlap."""
        text = self.query
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text


FRESH = "any_"
"""How variables begin that a rewriting needs and the query has not."""
