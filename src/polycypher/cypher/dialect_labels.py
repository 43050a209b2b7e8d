"""Label expressions as trees, and the same condition in labels tested one by one.

`:A|B&!C` after a node's name is `(n:A OR (n:B AND NOT n:C))`, which every Cypher understands; of a
relationship the types are compared instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from polycypher.cypher.dialect_text import Text
from polycypher.cypher.lexer import name_value, quote_string
from polycypher.cypher.syntax import Role


@dataclass(frozen=True, slots=True)
class LabelExpression:
    """One label expression: its words from the colon on, what it belongs to, and the signs in it.

    `owner` is `node` or `relationship` for one in a pattern, `predicate` for one behind an operand.
    """

    first: int
    last: int
    owner: str
    signs: frozenset[str]


def label_expression(text: Text, colon: int) -> LabelExpression | None:
    """The expression that begins with the colon (or IS) at this word; None where none begins."""
    if text.role(colon) is Role.KEYWORD:
        if text.key(colon) != "IS" or text.role(colon + 1) not in (Role.LABEL, Role.PATTERN):
            return None
    elif text.role(colon) is not Role.PATTERN or text.key(colon) != ":":
        return None
    if text.key(colon - 1) == "|" or (
        text.role(colon - 1) is Role.LABEL and text.role(colon) is Role.PATTERN
    ):
        return None  # inside an expression that began before
    last, signs = _extent(text, colon)
    before = colon - 1 if text.role(colon - 1) is not Role.VARIABLE else colon - 2
    owner = "predicate"
    if text.role(before) is Role.PATTERN and text.around[colon] == before:
        owner = {"(": "node", "[": "relationship"}.get(text.words[before].text, owner)
    return LabelExpression(colon, last, owner, frozenset(signs))


def _extent(text: Text, colon: int) -> tuple[int, set[str]]:
    index, depth, wants_label, signs = colon + 1, 0, True, set()
    while index < len(text.words) and text.role(index) in (Role.LABEL, Role.PATTERN):
        key = text.words[index].text
        is_label = text.role(index) is Role.LABEL or key == "%"
        if wants_label:
            if not is_label and key not in ("!", "(", ":"):
                break
            depth += key == "(" and not is_label
            wants_label = not is_label
        elif key == ")" and depth:
            depth -= 1
        elif key in ("|", "&", ":"):
            wants_label = True
        else:
            break
        if text.role(index) is Role.PATTERN and key in ("|", "&", "!", "%", "("):
            signs.add(key)
        index += 1
    return index - 1, signs


def condition(text: Text, found: LabelExpression, variable: str) -> str:
    """The same condition on `variable`, with AND, OR, NOT and single labels or types."""
    return _Reader(text, found, variable).either()


class _Reader:
    """Reads a label expression by precedence: `!` before `&` (and `:`) before `|`."""

    def __init__(self, text: Text, found: LabelExpression, variable: str) -> None:
        self.text = text
        self.at = found.first + 1
        self.last = found.last
        self.owner = found.owner
        self.variable = variable

    def either(self) -> str:
        parts = [self.both()]
        while self.sign() == "|":
            self.at += 1
            self.at += self.sign() == ":"
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def both(self) -> str:
        parts = [self.one()]
        while self.sign() in ("&", ":"):
            self.at += 1
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def one(self) -> str:
        if self.sign() == "!":
            self.at += 1
            return f"NOT {self.one()}"
        if self.sign() == "(":
            self.at += 1
            inner = self.either()
            self.at += 1
            return inner
        label = self.text.words[self.at].text
        any_label = self.text.role(self.at) is not Role.LABEL
        self.at += 1
        if self.owner == "relationship":
            return "true" if any_label else f"type({self.variable}) = {quote_string(name_value(label))}"
        return f"size(labels({self.variable})) > 0" if any_label else f"{self.variable}:{label}"

    def sign(self) -> str:
        if self.at > self.last or self.text.role(self.at) is not Role.PATTERN:
            return ""
        return self.text.words[self.at].text
