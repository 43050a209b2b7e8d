"""One canonical text for queries that differ only in spelling.

Layout, case of keywords and functions, quotes, backticks, variable names and idle aliases are made the
same; the meaning is not touched, and nothing is reordered. It is what a model is trained to write and what
two queries are compared by. It knows nothing of schemas, models or databases.

Renaming maps each name of the query to one new name, and no two to the same one: a map like that keeps
every binding what it was, whatever the scopes, so scopes need not be followed.
"""

from __future__ import annotations

from collections import Counter

from polycypher.cypher.lexer import name_value, quote_name, quote_string, string_value, tokenize
from polycypher.cypher.syntax import (
    Binding,
    BindingKind,
    Item,
    Projection,
    Role,
    Structure,
    Word,
    read_structure,
)
from polycypher.cypher.variables import node_name
from polycypher.cypher.words import FUNCTIONS, KEYWORDS, WRITING
from polycypher.errors import QueryError

_FUNCTION_SPELLING = {name.lower(): name for name in FUNCTIONS}
_ALIAS_NAMES = {
    "count": "count",
    "sum": "total",
    "avg": "average",
    "min": "minimum",
    "max": "maximum",
    "collect": "items",
    "size": "size",
}
_FIXED_NAMES = {
    BindingKind.RELATIONSHIP: "r",
    BindingKind.PATH: "path",
    BindingKind.ELEMENT: "x",
    BindingKind.ACCUMULATOR: "sum",
}
_UNSAFE_NAMES = frozenset(word.lower() for word in KEYWORDS | WRITING)
"""Names that a reader, or the guard, could take for a keyword; no property lends them to an alias."""
_SPELLINGS = {"!=": "<>", "OFFSET": "SKIP", "DESCENDING": "DESC", "TRUE": "true", "FALSE": "false"}
_IDLE_DIRECTIONS = frozenset({"ASC", "ASCENDING"})


def normalise(query: str) -> str:
    """Write a read query in its canonical form.

    `normalise(normalise(q)) == normalise(q)`, and both give the same rows; the names of the columns may
    differ, except in a query with UNION, whose branches need the same ones.

    Raises:
        QueryError: the query is not one read query that can be understood; the message names the place.
    """
    structure = read_structure(tokenize(query))
    return _Writer(structure).text()


class _Writer:
    """Decides on each word of one query: dropped, renamed or respelt."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.words = structure.words
        self.dropped: set[int] = set()
        self.names = {i: name_value(w.text) for i, w in enumerate(self.words) if w.role is Role.VARIABLE}
        self.pinned = set(structure.pinned)
        if structure.star:
            # The columns of `*` are ordered by their names.
            self.pinned.update(self.names.values())
        self._drop_aliases()
        self._drop_idle_relationship_names()
        self._drop_idle_words()
        self.renamed = self._rename()

    # ------------------------------------------------------------------ what goes

    def _drop_aliases(self) -> None:
        returns = [p for p in self.structure.projections if p.clause == "RETURN" and p.depth == 0]
        if 0 in self.structure.unions:
            self.pinned.update(self.names[i.alias] for p in returns for i in p.items if i.alias is not None)
        elif len(returns) == 1:
            self._drop_final_aliases(returns[0])
        for projection in self.structure.projections:
            for item in projection.items:
                plain = item.end == item.start + 1 and item.start in self.names
                if plain and item.alias is not None and self.names[item.start] == self.names[item.alias]:
                    self._drop_alias(item)

    def _drop_final_aliases(self, found: Projection) -> None:
        """Drop the aliases of the last RETURN that nothing after it needs, unless two columns would agree."""
        used = {self.names[i] for i in range(*found.tail) if i in self.names}
        columns = {self._column(item) for item in found.items if item.alias is None}
        if len(columns) < sum(item.alias is None for item in found.items):
            raise QueryError("two columns of the RETURN have the same name; name one of them with AS")
        aliases = Counter(self.names[item.alias] for item in found.items if item.alias is not None)
        for item in found.items:
            if item.alias is None:
                continue
            alias, column = self.names[item.alias], self._column(item)
            if column in columns or (len(column) == 1 and aliases[column[0]] > (column[0] == alias)):
                continue
            if alias in used:
                if item.end > item.start + 1 or item.start not in self.names:
                    continue
                if not self._only_in_tail(alias, found.tail, item):
                    continue
                # The alias of a plain variable: what follows can use the variable.
                for i in range(*found.tail):
                    if self.names.get(i) == alias:
                        self.names[i] = column[0]
            columns.add(column)
            self._drop_alias(item)

    def _column(self, item: Item) -> tuple[str, ...]:
        """An expression's text, by which its column is called without an alias."""
        words = enumerate(self.words[item.start : item.end], item.start)
        return tuple(self.names.get(i) or self._spell(i, word) for i, word in words)

    def _only_in_tail(self, alias: str, tail: tuple[int, int], item: Item) -> bool:
        places = [i for i, name in self.names.items() if name == alias]
        return all(i == item.alias or tail[0] <= i < tail[1] for i in places)

    def _drop_alias(self, item: Item) -> None:
        if item.alias is not None:
            self.dropped.update((item.alias - 1, item.alias))

    def _drop_idle_relationship_names(self) -> None:
        if self.structure.star:
            return
        uses = Counter(name for i, name in self.names.items() if i not in self.dropped)
        for binding in self.structure.bindings:
            index = binding.word
            if binding.kind is not BindingKind.RELATIONSHIP or uses[self.names[index]] != 1:
                continue
            self.dropped.add(index)
            if self.words[index - 1].text == "[" and self.words[index + 1].text == "]":
                self.dropped.update((index - 1, index + 1))
            elif not self.words[index + 1].glued:
                self.words[index + 1].glued = True

    def _drop_idle_words(self) -> None:
        for index, word in enumerate(self.words):
            if word.role is Role.KEYWORD:
                key = word.text.upper()
                after_union = index > 0 and self.words[index - 1].text.upper() == "UNION"
                if key in _IDLE_DIRECTIONS or (key == "DISTINCT" and after_union):
                    self.dropped.add(index)
            elif word.role is Role.PATTERN:
                before = self.words[index - 1].text if index else ""
                empty = word.text == "]" and before == "[" and self.words[index - 1].role is Role.PATTERN
                if empty:
                    self.dropped.update((index - 1, index))
                elif word.text == ":" and before == "|":
                    self.dropped.add(index)

    # ------------------------------------------------------------------ names

    def _rename(self) -> dict[str, str]:
        """The map from old names to new ones, made in the order in which the names are bound."""
        labels: dict[str, str] = {}
        for binding in self.structure.bindings:
            if binding.kind is BindingKind.NODE and binding.label is not None:
                labels.setdefault(self.names[binding.word], binding.label)
        bound = {self.names[b.word] for b in self.structure.bindings if b.word not in self.dropped}
        live = {name for i, name in self.names.items() if i not in self.dropped}
        renamed = {name: name for name in self.pinned | (live - bound)}
        taken = set(renamed)
        for binding in self.structure.bindings:
            old = self.names[binding.word]
            if binding.word in self.dropped or old in renamed:
                continue
            wanted = self._wanted(binding, labels.get(old))
            new, number = wanted, 1
            while new in taken:
                number += 1
                new = f"{wanted}{number}"
            taken.add(new)
            renamed[old] = new
        return renamed

    def _wanted(self, binding: Binding, label: str | None) -> str:
        if binding.kind is BindingKind.NODE:
            return node_name(label or "")
        if binding.expression is None:
            return _FIXED_NAMES.get(binding.kind, "value")
        start, end = binding.expression
        last = self.words[end - 1]
        if last.role is Role.PROPERTY and self._is_access(start, end):
            name = name_value(last.text)
            return name if quote_name(name) == name and name.lower() not in _UNSAFE_NAMES else "value"
        first_word = self.words[start]
        called = first_word.role in (Role.FUNCTION, Role.KEYWORD) and end > start + 1
        if called and self.words[start + 1].text in ("(", "{") and self._closes(start, end):
            return _ALIAS_NAMES.get(first_word.text.lower(), "value")
        return "value"

    def _is_access(self, start: int, end: int) -> bool:
        """Whether the words are a variable with property names after dots, and nothing else."""
        if start not in self.names or (end - start) % 2 == 0:
            return False
        pairs = zip(self.words[start + 1 : end : 2], self.words[start + 2 : end : 2], strict=True)
        return all(dot.text == "." and key.role is Role.PROPERTY for dot, key in pairs)

    def _closes(self, start: int, end: int) -> bool:
        """Whether the bracket after the first word closes at the last."""
        level = 0
        for i in range(start + 1, end):
            text = self.words[i].text
            if text in ("(", "[", "{"):
                level += 1
            elif text in (")", "]", "}"):
                level -= 1
                if level == 0:
                    return i == end - 1
        return False

    # ------------------------------------------------------------------ text

    def text(self) -> str:
        parts: list[str] = []
        for index, word in enumerate(self.words):
            if index in self.dropped:
                continue
            if parts and not word.glued:
                parts.append(" ")
            parts.append(self._spell(index, word))
        return "".join(parts)

    def _spell(self, index: int, word: Word) -> str:
        role, text = word.role, word.text
        if role is Role.KEYWORD:
            key = text.upper()
            return _SPELLINGS.get(key, key)
        if role is Role.SYMBOL:
            return _SPELLINGS.get(text, text)
        if role is Role.VARIABLE:
            name = self.renamed[self.names[index]]
            return f"`{name}`" if name.upper() in WRITING else quote_name(name)
        if role is Role.LABEL or role is Role.PROPERTY:
            return quote_name(name_value(text))
        if role is Role.STRING:
            return quote_string(string_value(text))
        if role is Role.FUNCTION:
            return _FUNCTION_SPELLING.get(text.lower(), text)
        if role is Role.TYPE:
            return text.upper()
        return text
