"""A place in a list of tokens, and the words taken so far: what every part of the reader stands on.

It knows brackets and names, and no grammar. The parts of the grammar that call one another across files
are declared here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from polycypher.cypher.lexer import Kind, Token
from polycypher.cypher.syntax.structure import Binding, BindingKind, Role, Structure, Word
from polycypher.errors import QueryError

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_DEEPEST = 100
"""Levels of expressions, lists, patterns and subqueries inside one another; keeps Python's stack small."""

NAMES = frozenset({Kind.NAME, Kind.QUOTED_NAME})
"""The kinds of token that can name something."""


def _comparable(token: Token) -> str:
    """Upper case for bare names, a symbol itself, nothing for all else.

    Only ASCII folds, because `ı` and `ſ` would become letters of a keyword and are none.
    """
    if token.kind is Kind.SYMBOL:
        return token.text
    return token.text.upper() if token.kind is Kind.NAME and token.text.isascii() else ""


class Cursor(ABC):
    """Walks over tokens without blanks and turns them into the words of `out`."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.level = 0
        self.tight = False
        self.out = Structure()
        self.words = self.out.words
        self.keys = [_comparable(token) for token in tokens]
        # The grammar looks at most three tokens ahead.
        self.keys += [""] * 4
        self.match = self._brackets()
        self.key = self.keys[0]

    def _brackets(self) -> dict[int, int]:
        match: dict[int, int] = {}
        open_at: list[int] = []
        for index, token in enumerate(self.tokens):
            key = self.keys[index]
            if key in _CLOSERS:
                open_at.append(index)
            elif key in (")", "]", "}"):
                if not open_at or _CLOSERS[self.keys[open_at[-1]]] != key:
                    raise QueryError(f"the {key} at character {token.start + 1} closes nothing; remove it")
                match[open_at.pop()] = index
            elif token.kind is Kind.UNKNOWN:
                place = f"the character {token.text!r} at {token.start + 1}"
                raise QueryError(f"{place} has no meaning in Cypher outside strings; remove it")
        if open_at:
            token = self.tokens[open_at[-1]]
            raise QueryError(f"the {token.text} at character {token.start + 1} is not closed; close it")
        return match

    # ------------------------------------------------------------------ looking

    def fail(self, expected: str) -> QueryError:
        """The error for a token that does not fit; raise it."""
        if self.at >= len(self.tokens):
            return QueryError(f"the query ends where {expected} should stand; complete it")
        token = self.tokens[self.at]
        shown = token.text if len(token.text) <= 40 else token.text[:39] + "…"
        return QueryError(f"{shown!r} at character {token.start + 1} stands where {expected} should stand")

    def kind(self) -> Kind | None:
        """The current token's kind; `None` at the end."""
        return self.tokens[self.at].kind if self.at < len(self.tokens) else None

    def is_name(self, ahead: int = 0) -> bool:
        """Whether the token that far ahead can name something."""
        index = self.at + ahead
        return index < len(self.tokens) and self.tokens[index].kind in NAMES

    # ------------------------------------------------------------------ moving

    def step(self) -> None:
        """Go on by one token without a word for it."""
        self.at += 1
        self.key = self.keys[self.at]

    def take(self, role: Role, glued: bool = False) -> int:
        """Append the current token as a word and go on; returns the word's index."""
        if self.at >= len(self.tokens):
            raise self.fail("more")
        token = self.tokens[self.at]
        self.words.append(Word(token.text, role, token.start, glued or self.tight))
        self.tight = False
        self.step()
        return len(self.words) - 1

    def open(self, role: Role = Role.SYMBOL, glued: bool = False) -> None:
        """Take a word that the next one follows without a space."""
        self.take(role, glued)
        self.tight = True

    def close(self, key: str, role: Role = Role.SYMBOL, glued: bool = True) -> None:
        """Take the symbol `key`, which must stand here."""
        if self.key != key:
            raise self.fail(f"`{key}`")
        self.take(role, glued)

    def keyword(self, *keys: str) -> None:
        """Take these keywords, which must stand here."""
        for key in keys:
            if self.key != key:
                raise self.fail(f"`{key}`")
            self.take(Role.KEYWORD)

    def comma(self) -> bool:
        """Take a comma if one stands here."""
        if self.key != ",":
            return False
        self.take(Role.SYMBOL, glued=True)
        return True

    def name(self, role: Role, glued: bool = False) -> int:
        """Take a name, which must stand here."""
        if not self.is_name():
            raise self.fail(f"a {role.value}")
        return self.take(role, glued)

    def bind(self, kind: BindingKind) -> int:
        """Take a variable and note that it is bound here."""
        word = self.name(Role.VARIABLE)
        self.out.bindings.append(Binding(word, kind))
        return word

    def dotted(self, role: Role) -> None:
        """Take a function's or procedure's name with its namespaces, as one word."""
        first = self.name(role)
        while self.key == "." and self.is_name(1):
            self.step()
            self.words[first].text += "." + self.tokens[self.at].text
            self.step()

    def nest(self) -> None:
        """Enter one more level; whoever calls it leaves it by `self.level -= 1`."""
        self.level += 1
        if self.level > _DEEPEST:
            raise self.fail("an end of the nesting (the query is nested too deeply)")

    # ------------------------------------------------------------------ grammar in other files

    @abstractmethod
    def expression(self, in_list: bool = False) -> None:
        """One expression."""

    @abstractmethod
    def map(self) -> None:
        """A map in braces."""

    @abstractmethod
    def query(self) -> None:
        """A query without what may stand around it."""

    def where(self) -> None:
        """WHERE and its condition, if it stands here."""
        if self.key == "WHERE":
            self.take(Role.KEYWORD)
            self.expression()
