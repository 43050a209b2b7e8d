"""The reader's part for clauses and whole queries. There is no clause here that writes."""

from __future__ import annotations

from collections.abc import Sequence

from polycypher.cypher.lexer import Token, name_value
from polycypher.cypher.syntax.expressions import ExpressionReader
from polycypher.cypher.syntax.structure import Binding, BindingKind, Item, Projection, Role, Structure

_DIRECTIONS = frozenset({"ASC", "ASCENDING", "DESC", "DESCENDING"})


def read_structure(tokens: Sequence[Token]) -> Structure:
    """Read the tokens of one query (no blank ones; semicolons may end it).

    Raises:
        QueryError: the tokens are not one reading query of Cypher; the message names the place.
    """
    return ClauseReader(tokens).run()


class ClauseReader(ExpressionReader):
    """Reads clauses."""

    def run(self) -> Structure:
        """Read all tokens as one query."""
        self.query()
        while self.key == ";":
            self.step()
        if self.at < len(self.tokens):
            raise self.fail("the end of the query")
        return self.out

    def query(self) -> None:
        """Clauses, with UNION between where it stands."""
        self.single()
        while self.key == "UNION":
            self.out.unions.add(self.depth)
            self.take(Role.KEYWORD)
            if self.key in ("ALL", "DISTINCT"):
                self.take(Role.KEYWORD)
            self.single()

    def single(self) -> None:
        """Clauses without UNION, at least one."""
        before = self.at
        while self.clause():
            pass
        if self.at == before:
            raise self.fail("a clause that reads (MATCH, WITH, UNWIND, CALL, RETURN)")

    def clause(self) -> bool:
        """One clause, if one that reads stands here."""
        if self.key == "OPTIONAL" and self.keys[self.at + 1] in ("MATCH", "CALL"):
            self.take(Role.KEYWORD)
        if self.key == "MATCH":
            self.take(Role.KEYWORD)
            self.patterns()
            self.where()
        elif self.key in ("WITH", "RETURN"):
            self.projection(self.key)
        elif self.key == "UNWIND":
            self.take(Role.KEYWORD)
            start = len(self.words)
            self.expression()
            self.alias(start)
        elif self.key == "CALL":
            self.call()
        else:
            return False
        return True

    def alias(self, start: int) -> int:
        """`AS name` for the expression from the word `start` on; returns the name's word."""
        end = len(self.words)
        self.keyword("AS")
        word = self.name(Role.VARIABLE)
        self.out.bindings.append(Binding(word, BindingKind.ALIAS, expression=(start, end)))
        return word

    def projection(self, clause: str) -> None:
        """WITH or RETURN with all that belongs to it."""
        self.take(Role.KEYWORD)
        if self.key == "DISTINCT":
            self.take(Role.KEYWORD)
        found = Projection(clause, self.depth)
        self.out.projections.append(found)
        while True:
            start = len(self.words)
            if self.key == "*":
                self.take(Role.SYMBOL)
                self.out.star = True
            else:
                self.expression()
                end = len(self.words)
                found.items.append(Item(start, end, self.alias(start) if self.key == "AS" else None))
            if not self.comma():
                break
        tail = len(self.words)
        if self.key == "ORDER":
            self.order()
        for keys in (("SKIP", "OFFSET"), ("LIMIT",)):
            if self.key in keys:
                self.take(Role.KEYWORD)
                self.expression()
        if clause == "WITH":
            self.where()
        found.tail = (tail, len(self.words))

    def order(self) -> None:
        """`ORDER BY expression [DESC], …`"""
        self.keyword("ORDER", "BY")
        while True:
            self.expression()
            if self.key in _DIRECTIONS:
                self.take(Role.KEYWORD)
            if not self.comma():
                break

    def call(self) -> None:
        """A subquery, or a procedure with what it yields."""
        self.take(Role.KEYWORD)
        if self.key == "(":
            self.imported()
            if self.key != "{":
                raise self.fail("`{`")
        if self.key == "{":
            self.block()
            return
        self.dotted(Role.PROCEDURE)
        if self.key == "(":
            self.open(glued=True)
            if self.key != ")":
                self.items()
            self.close(")")
        if self.key == "YIELD":
            self.yielded()

    def imported(self) -> None:
        """The variables that a subquery takes over: `(a, b)` or `(*)`."""
        self.open()
        while self.key != ")":
            if self.key == "*":
                self.take(Role.SYMBOL)
                self.out.star = True
            else:
                self.name(Role.VARIABLE)
            if not self.comma():
                break
        self.close(")")

    def yielded(self) -> None:
        """A procedure's columns, whose names are the procedure's."""
        self.take(Role.KEYWORD)
        if self.key == "*":
            self.take(Role.SYMBOL)
            self.out.star = True
        else:
            while True:
                word = self.name(Role.VARIABLE)
                self.out.bindings.append(Binding(word, BindingKind.COLUMN))
                self.out.pinned.add(name_value(self.words[word].text))
                if self.key == "AS":
                    self.alias(word)
                if not self.comma():
                    break
        self.where()
