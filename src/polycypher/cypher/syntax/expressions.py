"""The reader's part for expressions: operators, operands, calls, lists, maps, CASE and subqueries."""

from __future__ import annotations

from polycypher.cypher.lexer import Kind, name_value
from polycypher.cypher.syntax.cursor import NAMES
from polycypher.cypher.syntax.patterns import PATH_FUNCTIONS, PatternReader
from polycypher.cypher.syntax.structure import BindingKind, Role, Word

_BINARY = frozenset({"=", "<>", "!=", "<", "<=", ">", ">=", "=~", "+", "-", "*", "/", "%", "^", "||"})
_BINARY_WORDS = frozenset({"AND", "OR", "XOR", "IN", "CONTAINS"})
_NO_OPERAND = frozenset(
    {
        "WHERE",
        "RETURN",
        "WITH",
        "AND",
        "OR",
        "XOR",
        "AS",
        "WHEN",
        "THEN",
        "ELSE",
        "IN",
        "UNION",
        "CONTAINS",
        "IS",
    }
)
_LIST_PREDICATES = frozenset({"ANY", "ALL", "NONE", "SINGLE", "FILTER", "EXTRACT"})
_CONSTANTS = frozenset({"NULL", "TRUE", "FALSE"})
_SUBQUERIES = frozenset({"EXISTS", "COUNT", "COLLECT"})
_AFTER_VARIABLE = frozenset(
    {".", ",", ")", "]", "}", ":", "", "AS", "ORDER", "LIMIT", "SKIP", "IS", "IN", "="}
)
"""What follows a variable that is spelt like a keyword, and never follows the keyword."""


class ExpressionReader(PatternReader):
    """Reads expressions."""

    def expression(self, in_list: bool = False) -> None:
        """Operands with operators between; precedence does not matter to who only reads the words.

        `in_list`: a bar ends it (see `labels`).
        """
        self.nest()
        while True:
            while self.key == "NOT" or self.key in ("+", "-"):
                if self.key == "NOT":
                    self.take(Role.KEYWORD)
                else:
                    self.open()
            self.operand(in_list)
            while self.key == "IS":
                self.is_test()
            if self.key in _BINARY:
                self.take(Role.SYMBOL)
            elif self.key in _BINARY_WORDS:
                self.take(Role.KEYWORD)
            elif self.key in ("STARTS", "ENDS"):
                self.keyword(self.key, "WITH")
            elif self.key == "<-":
                self.split_arrow()
            else:
                break
        self.level -= 1

    def split_arrow(self) -> None:
        """`a <-1` compares with a negative number: the lexer's arrow is two words here."""
        start = self.tokens[self.at].start
        self.words.append(Word("<", Role.SYMBOL, start, False))
        self.words.append(Word("-", Role.SYMBOL, start + 1, False))
        self.step()
        self.tight = True

    def is_test(self) -> None:
        """`IS [NOT] NULL`, `IS [NOT] NORMALIZED` or `IS [NOT] :: TYPE`"""
        self.take(Role.KEYWORD)
        if self.key == "NOT":
            self.take(Role.KEYWORD)
        if self.key in ("NULL", "NORMALIZED"):
            self.take(Role.KEYWORD)
        elif self.key in ("NFC", "NFD", "NFKC", "NFKD"):
            self.take(Role.KEYWORD)
            self.keyword("NORMALIZED")
        elif self.key == "::":
            self.take(Role.SYMBOL)
            self.value_type()
        elif self.key == "TYPED":
            self.take(Role.KEYWORD)
            self.value_type()
        else:
            raise self.fail("`NULL` or `:: TYPE`")

    def value_type(self) -> None:
        """`INTEGER`, `LIST<STRING NOT NULL>`, `ZONED DATETIME`, …"""
        self.name(Role.TYPE)
        while self.key in ("NOT", "NULL", "DATETIME", "TIME", "NODE", "RELATIONSHIP", "VALUE"):
            self.take(Role.TYPE)
        if self.key == "<":
            self.open(Role.TYPE, glued=True)
            self.nest()
            self.value_type()
            self.level -= 1
            self.close(">", Role.TYPE)

    # ------------------------------------------------------------------ operands

    def operand(self, in_list: bool) -> None:
        """One operand with the property accesses, indexes and label tests behind it."""
        kind, key = self.kind(), self.key
        if kind is None:
            raise self.fail("an expression")
        if kind is Kind.STRING:
            self.take(Role.STRING)
        elif kind is Kind.NUMBER:
            self.number()
        elif kind is Kind.PARAMETER:
            self.take(Role.PARAMETER)
        elif key == "(":
            if self.pattern_ahead():
                self.chain()
                return
            self.open()
            self.expression()
            self.close(")")
        elif key == "[":
            self.list()
        elif key == "{":
            self.map()
        elif kind in NAMES:
            self.named(key)
        else:
            raise self.fail("an expression")
        while True:
            if self.key == ".":
                self.open(glued=True)
                self.name(Role.PROPERTY)
            elif self.key == "[":
                self.index()
            elif self.key == ":":
                self.labels(in_list)
            else:
                return

    def number(self) -> None:
        """A number; a name or a dot right behind it is read differently by different engines."""
        token = self.tokens[self.at]
        self.take(Role.NUMBER)
        end = token.start + len(token.text)
        if self.key == "." or (self.is_name() and self.tokens[self.at].start == end):
            raise self.fail("a space or an operator after the number")

    def index(self) -> None:
        """`[3]`, `[1..3]`, `[..3]` or `[1..]`"""
        self.open(glued=True)
        if self.key != "..":
            self.expression()
        if self.key == "..":
            self.open(glued=True)
            if self.key != "]":
                self.expression()
        self.close("]")

    def named(self, key: str) -> None:
        """An operand that starts with a name: a keyword form, a function call or a variable."""
        after = self.keys[self.at + 1]
        if key == "CASE" and after not in _AFTER_VARIABLE:
            self.case()
        elif key in _CONSTANTS and after not in (".", "("):
            self.take(Role.KEYWORD)
        elif key in _SUBQUERIES and after == "{":
            self.take(Role.KEYWORD)
            self.block()
        elif after == "(" or self.call_ahead():
            self.call_function(key)
        elif key in _NO_OPERAND and after not in _AFTER_VARIABLE:
            raise self.fail("an expression")
        else:
            self.name(Role.VARIABLE)
            if self.key == "{":
                self.map_projection()

    def call_ahead(self) -> bool:
        """Whether a name with namespaces and an opening bracket stands here."""
        index = self.at + 1
        while (
            self.keys[index] == "." and index + 1 < len(self.tokens) and self.tokens[index + 1].kind in NAMES
        ):
            index += 2
        return index > self.at + 1 and self.keys[index] == "("

    def case(self) -> None:
        """`CASE [value] WHEN … THEN … [ELSE …] END`"""
        self.take(Role.KEYWORD)
        self.nest()
        if self.key != "WHEN":
            self.expression()
        if self.key != "WHEN":
            raise self.fail("`WHEN`")
        while self.key == "WHEN":
            self.take(Role.KEYWORD)
            self.expression()
            while self.comma():
                self.expression()
            self.keyword("THEN")
            self.expression()
        if self.key == "ELSE":
            self.take(Role.KEYWORD)
            self.expression()
        self.level -= 1
        self.keyword("END")

    def block(self) -> None:
        """A subquery in braces: a whole query, or only patterns with an optional WHERE."""
        self.take(Role.SYMBOL)
        self.depth += 1
        self.nest()
        if self.key == "(" or (self.is_name() and self.keys[self.at + 1] == "="):
            self.patterns()
            self.where()
        else:
            self.query()
        self.level -= 1
        self.depth -= 1
        self.close("}", glued=False)

    # ------------------------------------------------------------------ calls

    def call_function(self, key: str) -> None:
        """A function's name and its arguments, some functions having a grammar of their own."""
        self.dotted(Role.FUNCTION)
        self.open(glued=True)
        self.nest()
        if key in PATH_FUNCTIONS:
            self.chain()
        elif key in _LIST_PREDICATES and self.is_name() and self.keys[self.at + 1] == "IN":
            self.element()
        elif key == "REDUCE":
            self.bind(BindingKind.ACCUMULATOR)
            self.close("=", glued=False)
            self.expression()
            self.close(",")
            self.element()
        elif key == "TRIM" and self.key in ("BOTH", "LEADING", "TRAILING"):
            self.trim()
        elif self.key == "*" and self.keys[self.at + 1] == ")":
            self.take(Role.SYMBOL)
        elif self.key != ")":
            if self.key in ("DISTINCT", "ALL") and self.keys[self.at + 1] not in (")", ",", "."):
                self.take(Role.KEYWORD)
            self.items()
        self.level -= 1
        self.close(")")

    def trim(self) -> None:
        """`trim(BOTH 'x' FROM text)`"""
        if self.keys[self.at + 1] in (")", ".", ","):
            self.items()
            return
        self.take(Role.KEYWORD)
        if self.key != "FROM":
            self.expression()
        self.keyword("FROM")
        self.expression()

    def items(self) -> None:
        """Expressions with commas between."""
        self.expression()
        while self.comma():
            self.expression()

    def element(self) -> None:
        """`x IN list [WHERE condition] [| result]`"""
        self.bind(BindingKind.ELEMENT)
        self.keyword("IN")
        self.expression(in_list=True)
        self.filtered()

    def filtered(self) -> None:
        """The condition and the result of a comprehension."""
        if self.key == "WHERE":
            self.take(Role.KEYWORD)
            self.expression(in_list=True)
        if self.key == "|":
            self.take(Role.SYMBOL)
            self.expression()

    # ------------------------------------------------------------------ lists and maps

    def list(self) -> None:
        """A list, a list comprehension or a pattern comprehension."""
        self.open()
        self.nest()
        if self.is_name() and self.keys[self.at + 1] == "IN":
            self.element()
        elif self.is_name() and self.keys[self.at + 1] == "=" and self.keys[self.at + 2] == "(":
            self.bind(BindingKind.PATH)
            self.take(Role.SYMBOL)
            self.chain()
            self.filtered()
        elif self.key == "(" and self.pattern_ahead():
            self.chain()
            self.filtered()
        elif self.key != "]":
            self.items()
        self.level -= 1
        self.close("]")

    def map(self) -> None:
        """`{key: value, …}`"""
        self.open()
        self.nest()
        while self.key != "}":
            self.name(Role.PROPERTY)
            self.close(":")
            self.expression()
            if not self.comma():
                break
        self.level -= 1
        self.close("}")

    def map_projection(self) -> None:
        """`{.key, .*, key: value, variable}`; the last of these names a key by the variable's name."""
        self.open()
        self.nest()
        while self.key != "}":
            if self.key == ".":
                self.open()
                if self.key == "*":
                    self.take(Role.SYMBOL)
                else:
                    self.name(Role.PROPERTY)
            elif self.keys[self.at + 1] == ":":
                self.name(Role.PROPERTY)
                self.close(":")
                self.expression()
            else:
                chosen = self.name(Role.VARIABLE)
                self.out.pinned.add(name_value(self.words[chosen].text))
            if not self.comma():
                break
        self.level -= 1
        self.close("}")
