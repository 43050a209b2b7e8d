"""The reader's part for path patterns: nodes, relationships, labels and what quantifies them."""

from __future__ import annotations

from polycypher.cypher.lexer import Kind, name_value
from polycypher.cypher.syntax.cursor import NAMES, Cursor
from polycypher.cypher.syntax.structure import Binding, BindingKind, Role

PATH_FUNCTIONS = frozenset({"SHORTESTPATH", "ALLSHORTESTPATHS"})
"""Functions whose argument is a pattern."""

_SELECTORS = frozenset({"ALL", "ANY", "SHORTEST", "PATH", "PATHS", "GROUP", "GROUPS"})


class PatternReader(Cursor):
    """Reads patterns."""

    def patterns(self) -> None:
        """Patterns with commas between, and the hints that may follow them."""
        self.pattern_part()
        while self.comma():
            self.pattern_part()
        while self.key == "USING":
            self.hint()

    def hint(self) -> None:
        """`USING INDEX n:Label(key)` and its like: advice to the planner."""
        self.take(Role.KEYWORD)
        while self.key in ("INDEX", "SEEK", "TEXT", "RANGE", "POINT", "SCAN", "JOIN", "ON") and self.is_name(
            1
        ):
            self.take(Role.KEYWORD)
        self.name(Role.VARIABLE)
        while self.comma():
            self.name(Role.VARIABLE)
        if self.key == ":":
            self.labels()
        if self.key == "(":
            self.open(glued=True)
            self.name(Role.PROPERTY)
            while self.comma():
                self.name(Role.PROPERTY)
            self.close(")")

    def pattern_part(self) -> None:
        """One pattern with the name of its path, if it has one."""
        if self.is_name() and self.keys[self.at + 1] == "=":
            self.bind(BindingKind.PATH)
            self.take(Role.SYMBOL)
        while self.key in _SELECTORS or self.kind() is Kind.NUMBER:
            self.take(Role.NUMBER if self.kind() is Kind.NUMBER else Role.KEYWORD)
        if self.key in PATH_FUNCTIONS:
            self.take(Role.FUNCTION)
            self.open(glued=True)
            self.chain()
            self.close(")")
        else:
            self.chain()

    def chain(self) -> None:
        """Nodes and relationships in turn; quantified parts in brackets may stand between."""
        self.nest()
        self.node(first=True)
        while True:
            if self.key in ("-", "<-"):
                self.relationship()
            elif self.key != "(":
                break
            self.node()
        self.level -= 1

    def node(self, first: bool = False) -> None:
        """`(name:Label {key: value} WHERE …)`, or a whole part in brackets with its quantifier."""
        if self.key != "(":
            raise self.fail("a node pattern")
        self.open(Role.PATTERN, glued=not first)
        if self.key == "(" or (self.is_name() and self.keys[self.at + 1] == "="):
            self.pattern_part()
            self.where()
            self.close(")", Role.PATTERN)
            self.quantifier()
            return
        self.filler(BindingKind.NODE)
        self.close(")", Role.PATTERN)

    def relationship(self) -> None:
        """`-[name:TYPE*1..3 {key: value}]->` in any direction, with its quantifier."""
        self.take(Role.PATTERN, glued=True)
        if self.key == "[":
            self.open(Role.PATTERN, glued=True)
            self.filler(BindingKind.RELATIONSHIP)
            self.close("]", Role.PATTERN)
        if self.key not in ("-", "->"):
            raise self.fail("`-` or `->`")
        self.take(Role.PATTERN, glued=True)
        self.quantifier()

    def filler(self, kind: BindingKind) -> None:
        """The inside of a node's or relationship's brackets."""
        binding = None
        condition = self.key == "WHERE" and self.keys[self.at + 1] not in (":", ")", "]", "{", "*")
        if self.is_name() and not condition:
            binding = self.name(Role.VARIABLE)
        label = None
        if self.key == ":" or (self.key == "IS" and self.is_name(1)):
            label = self.labels()
        if binding is not None:
            self.out.bindings.append(Binding(binding, kind, label))
        if kind is BindingKind.RELATIONSHIP and self.key == "*":
            self.length()
        if self.key == "{":
            self.map()
        elif self.kind() is Kind.PARAMETER:
            self.take(Role.PARAMETER)
        self.where()

    def length(self) -> None:
        """`*`, `*2`, `*1..`, `*..3` or `*1..3`"""
        self.take(Role.PATTERN, glued=True)
        if self.kind() is Kind.NUMBER:
            self.take(Role.NUMBER, glued=True)
        if self.key == "..":
            self.take(Role.PATTERN, glued=True)
            if self.kind() is Kind.NUMBER:
                self.take(Role.NUMBER, glued=True)

    def quantifier(self) -> None:
        """`+`, `*`, `{2}` or `{1,3}`, if one stands here."""
        if self.key in ("+", "*"):
            self.take(Role.PATTERN, glued=True)
        elif self.key == "{":
            self.open(Role.PATTERN, glued=True)
            while self.key == "," or self.kind() is Kind.NUMBER:
                self.take(Role.PATTERN if self.key == "," else Role.NUMBER, glued=True)
            self.close("}", Role.PATTERN)

    # ------------------------------------------------------------------ labels

    def labels(self, in_list: bool = False) -> str | None:
        """A label expression from its colon (or IS) on, written tight; returns the first label named.

        `in_list`: a bar ends it, because there it separates a comprehension's result.
        """
        if self.key == "IS":
            self.take(Role.KEYWORD)
        else:
            self.open(Role.PATTERN, glued=True)
        label = self.label_term()
        while self.key in ("&", ":") or (self.key == "|" and not in_list):
            bar = self.key == "|"
            self.open(Role.PATTERN, glued=True)
            if bar and self.key == ":":
                self.open(Role.PATTERN, glued=True)
            other = self.label_term()
            label = label or other
        return label

    def label_term(self) -> str | None:
        """A label, a negation, the wildcard, or an expression of these in brackets."""
        while self.key == "!":
            self.open(Role.PATTERN)
        if self.key == "%":
            self.take(Role.PATTERN)
            return None
        if self.key == "(":
            self.open(Role.PATTERN)
            self.nest()
            label = self.label_term()
            while self.key in ("&", "|"):
                self.open(Role.PATTERN, glued=True)
                self.label_term()
            self.level -= 1
            self.close(")", Role.PATTERN)
            return label
        return name_value(self.words[self.name(Role.LABEL)].text)

    # ------------------------------------------------------------------ looking ahead

    def pattern_ahead(self) -> bool:
        """Whether the bracket that opens here opens a path pattern and not an expression."""
        keys, at = self.keys, self.at
        end = self.match[at]
        if keys[end + 1] not in ("-", "<-"):
            return False
        inside = at + 1
        if inside < end and self.tokens[inside].kind in NAMES:
            inside += 1
        if inside < end and keys[inside] not in (":", "{", "WHERE", "IS"):
            return False
        index = end + 2
        if keys[index] == "[":
            index = self.match[index] + 1
        return keys[index] == "->" or (keys[index] == "-" and keys[index + 1] == "(")
