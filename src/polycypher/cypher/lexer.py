"""Cypher as tokens: every character of a query lies in exactly one token.

Keywords are plain names here (Cypher reserves almost none); who needs them compares without case. The
lexer knows nothing of clauses, patterns or what a query means, and takes time linear in its length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from polycypher.errors import QueryError


class Kind(StrEnum):
    """What a token is, by its spelling alone."""

    NAME = "name"
    """A bare identifier or keyword."""
    QUOTED_NAME = "quoted name"
    """An identifier in backticks, a backtick inside doubled."""
    STRING = "string"
    """A literal in single or double quotes, with backslash escapes."""
    NUMBER = "number"
    PARAMETER = "parameter"
    SYMBOL = "symbol"
    COMMENT = "comment"
    SPACE = "space"
    UNKNOWN = "unknown"
    """A character that Cypher has no use for outside strings, names in backticks and comments; or all
    the rest, from where one of these opens and does not close."""


BLANK = frozenset({Kind.SPACE, Kind.COMMENT})
"""Kinds that separate other tokens and mean nothing."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the source: its kind, its text as written, and its offset in characters."""

    kind: Kind
    text: str
    start: int


# `\w` leaves out the combining marks that Indic, Thai or Vietnamese names are written with.
_MARKS = "".join(
    re.escape(chr(point))
    for point in range(0x300, 0xFE30)
    if unicodedata.category(chr(point)) in ("Mn", "Mc")
)
_NAME = rf"[^\W\d][\w{_MARKS}]*"
_QUOTED = r"`(?:[^`]|``)*`"
_EXPONENT = r"(?:[eE][+-]?[0-9]+)"
_DIGITS = r"[0-9](?:_?[0-9])*"

_TOKEN = re.compile(
    "|".join(
        f"(?P<{group}>{pattern})"
        for group, pattern in (
            ("SPACE", r"\s+"),
            ("NAME", _NAME),
            ("COMMENT", r"//[^\r\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/"),
            ("STRING", r"'[^'\\]*(?:\\.[^'\\]*)*'" + r'|"[^"\\]*(?:\\.[^"\\]*)*"'),
            ("QUOTED_NAME", _QUOTED),
            # Comes after what is closed, and takes the rest, so that no text is searched twice for an end.
            ("UNCLOSED", r"['\"`].*|/\*.*"),
            # `..` stands before numbers, so that `*1..3` and `[..3]` hold a range and not `.3`.
            ("RANGE", r"\.\."),
            (
                "NUMBER",
                rf"0[xX][0-9a-fA-F]+|0o[0-7]+|{_DIGITS}(?:\.{_DIGITS})?{_EXPONENT}?|\.{_DIGITS}{_EXPONENT}?",
            ),
            ("PARAMETER", rf"\$(?:{_NAME}|[0-9]+|{_QUOTED})"),
            ("SYMBOL", r"<>|<=|>=|!=|=~|\+=|->|<-|\|\||::|[-+*/%^=<>(){}\[\],.:;|&!]"),
            ("UNKNOWN", r"."),
        )
    ),
    re.DOTALL,
)
_KINDS = {kind.name: kind for kind in Kind} | {"RANGE": Kind.SYMBOL, "UNCLOSED": Kind.UNKNOWN}
_OPENERS = {"'": "string", '"': "string", "`": "name in backticks", "/": "comment"}


def scan(text: str, start: int = 0) -> Iterator[Token]:
    """All tokens from an offset on, blank ones too; what is not closed is `UNKNOWN` and no error."""
    for found in _TOKEN.finditer(text, start):
        group = found.lastgroup
        assert group is not None  # every alternative is named
        yield Token(_KINDS[group], found[0], found.start())


def tokenize(text: str, *, keep_blank: bool = False) -> list[Token]:
    """Split a query into tokens.

    Args:
        text: the query.
        keep_blank: keep spaces and comments too; the texts of all tokens then join to `text`.

    Raises:
        QueryError: a string, a comment or a name in backticks is not closed.
    """
    tokens: list[Token] = []
    for token in scan(text):
        if token.kind is Kind.UNKNOWN and (what := _OPENERS.get(token.text[0])):
            raise QueryError(f"the {what} that opens at character {token.start + 1} is not closed; close it")
        if keep_blank or token.kind not in BLANK:
            tokens.append(token)
    return tokens


# ---------------------------------------------------------------------- names and strings as values

_PLAIN_NAME = re.compile(_NAME)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
_UNESCAPED = {"\t": "\\t", "\b": "\\b", "\n": "\\n", "\r": "\\r", "\f": "\\f", "'": "\\'", "\\": "\\\\"}
_NEEDS_ESCAPE = re.compile(r"['\\\x00-\x1f\x7f\ud800-\udfff]")


def name_value(text: str) -> str:
    """The identifier that a `NAME` or `QUOTED_NAME` token's text stands for."""
    return text[1:-1].replace("``", "`") if text.startswith("`") else text


def quote_name(name: str) -> str:
    """Write an identifier, in backticks only where it cannot do without them.

    Names that Unicode compatibility normalisation (NFKC) changes keep their backticks, because such
    look-alikes are not accepted bare.
    """
    if _PLAIN_NAME.fullmatch(name) and (name.isascii() or unicodedata.is_normalized("NFKC", name)):
        return name
    return "`" + name.replace("`", "``") + "`"


def string_value(text: str) -> str:
    """The characters that a `STRING` token's text stands for; an unknown escape stays as written."""

    def replace(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if code is None:
            return _ESCAPED.get(found[3], found[0])
        point = int(code, 16)
        return chr(point) if point <= 0x10FFFF else found[0]

    value = _ESCAPE.sub(replace, text[1:-1]) if "\\" in text else text[1:-1]
    if any("\ud800" <= char <= "\udfff" for char in value):
        # Two `\uXXXX` may be the halves of one character beyond the first 65,536.
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return value


def quote_string(value: str) -> str:
    """Write a string literal in single quotes."""
    if not _NEEDS_ESCAPE.search(value):
        return f"'{value}'"
    return "'" + _NEEDS_ESCAPE.sub(lambda c: _UNESCAPED.get(c[0], f"\\u{ord(c[0]):04x}"), value) + "'"
