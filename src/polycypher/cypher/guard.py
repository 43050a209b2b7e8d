"""The read-only guard: lets a query through only if every part of it is known to read.

Four checks, each enough to refuse: the characters (look-alikes, invisible ones, escapes that some engines
decode before they look for quotes), the words (none that writes, unless it plainly names a property, a
label or a key), the grammar of `syntax` (which has no clause that writes), and the functions and
procedures called (only listed ones). The query that comes back has no comments, so that nothing runs that
was not looked at. It knows nothing of databases, and does not replace a database user that may only read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from polycypher.cypher.lexer import BLANK, Kind, Token, name_value, tokenize
from polycypher.cypher.syntax import Role, Word, read_structure
from polycypher.cypher.words import FUNCTIONS, PROCEDURES, WRITING
from polycypher.errors import GuardError, QueryError

LONGEST = 20_000
"""Characters of the longest query that is looked at."""
DEEPEST = 60
"""Brackets inside one another in the deepest query."""

_ALLOWED = "only queries that read are run (MATCH … RETURN)"
_HARMLESS_ROLES = frozenset({Role.PROPERTY, Role.LABEL})
_NAMED = frozenset({Kind.NAME, Kind.QUOTED_NAME})
_ESCAPE = re.compile(r"\\(?:u+([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f]")
"""Letters and marks by category that show nothing; other invisible characters are no part of a name."""
_ENDING = frozenset(map(ord, "\0'\"`\\"))
"""Characters that end a string or a name in backticks, or hide its end."""
_PLAIN_SPACES = frozenset(" \t\n\r\f\v")
_PROCEDURES = frozenset(name.lower() for name in PROCEDURES)
_FUNCTIONS = frozenset(name.lower() for name in FUNCTIONS)


def check(query: str) -> str:
    """The query to execute: the same tokens with single spaces, without comments and closing semicolons.

    Raises:
        GuardError: the query is not known to be one query that only reads; the message says what was
            found, and where.
    """
    if len(query) > LONGEST:
        raise _refused(
            f"it has {len(query):,} characters and {LONGEST:,} are the limit; ask for less at once"
        )
    try:
        tokens = tokenize(query, keep_blank=True)
    except QueryError as error:
        raise _refused(str(error)) from None
    for token in tokens:
        _check_characters(token)
    solid = [token for token in tokens if token.kind not in BLANK]
    if not solid:
        raise _refused("it is empty")
    _check_depth(solid)
    _check_single(solid)
    _check_words(solid)
    try:
        structure = read_structure(solid)
    except QueryError as error:
        raise _refused(str(error)) from None
    _check_calls(structure.words)
    return _text(tokens)


def _refused(reason: str) -> GuardError:
    return GuardError(f"the query is refused: {reason}; {_ALLOWED}")


def _at(token: Token | Word) -> str:
    return f"at character {token.start + 1}"


# ---------------------------------------------------------------------- characters


def _check_characters(token: Token) -> None:
    """Refuse characters that a person, this lexer and an engine's lexer could each read differently."""
    text = token.text
    if token.kind is Kind.COMMENT:
        return
    if token.kind is Kind.UNKNOWN:
        raise _refused(f"the character {text!r} {_at(token)} has no place outside strings and backticks")
    if token.kind is Kind.SPACE:
        if not _PLAIN_SPACES.issuperset(text):
            raise _refused(f"there is an unusual space {_at(token)}; write a plain one")
        return
    quoted = token.kind in (Kind.STRING, Kind.QUOTED_NAME) or text.endswith("`")
    if quoted:
        if "\0" in text:
            raise _refused(f"there is a NUL in the {token.kind.value} {_at(token)}")
        for found in _ESCAPE.finditer(text):
            # Some engines decode these before they look for quotes, so that the string ends early.
            point = int(found[1] or found[2], 16)
            if point in _ENDING:
                raise _refused(f"the escape {found[0]} {_at(token)} stands for a quote or a backslash")
    elif not text.isascii():
        if not unicodedata.is_normalized("NFKC", text):
            raise _refused(f"{text!r} {_at(token)} holds look-alikes of other letters; write it in backticks")
        if _INVISIBLE.search(text):
            raise _refused(f"{text!r} {_at(token)} holds an invisible letter; write it in backticks")


# ---------------------------------------------------------------------- words


def _check_depth(tokens: Sequence[Token]) -> None:
    depth = 0
    for token in tokens:
        if token.kind is Kind.SYMBOL:
            depth += (token.text in "([{") - (token.text in ")]}")
            if depth > DEEPEST:
                raise _refused(f"its brackets are more than {DEEPEST} deep {_at(token)}; write it flatter")


def _check_single(tokens: Sequence[Token]) -> None:
    ended = False
    for token in tokens:
        semicolon = token.kind is Kind.SYMBOL and token.text == ";"
        if ended and not semicolon:
            raise _refused(f"a second statement begins {_at(token)}; send one at a time")
        ended = ended or semicolon


def _check_words(tokens: Sequence[Token]) -> None:
    """Refuse a word that starts writing, wherever its neighbours do not make it a plain name.

    This does not trust the grammar: a name is plain after a dot, a colon or a sign of a label expression,
    and before a colon. Nothing else is needed, because whatever else is so called can be put in backticks.
    """
    for index, token in enumerate(tokens):
        if token.kind is not Kind.NAME or not _writes(token.text):
            continue
        before = tokens[index - 1].text if index else ""
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if before in (".", ":", "|", "&", "!") or after == ":":
            continue
        if before == "(" and index > 1 and tokens[index - 2].text in (":", "!", "&", "|"):
            continue
        raise _refused(f"{token.text.upper()} {_at(token)} does not read; a name spelt so needs backticks")


def _writes(text: str) -> bool:
    # Engines fold case in different ways, so that the dotless `ı` may be an I to one and not to another.
    return any(form in WRITING for form in (text.upper(), text.lower().upper(), text.casefold().upper()))


# ---------------------------------------------------------------------- grammar


def _check_calls(words: Sequence[Word]) -> None:
    for word in words:
        if word.role is Role.PROCEDURE:
            if _called(word) not in _PROCEDURES:
                raise _refused(f"the procedure {word.text[:60]} {_at(word)} is not known to only read")
        elif word.role is Role.FUNCTION:
            if _called(word) not in _FUNCTIONS:
                raise _refused(f"the function {word.text[:60]} {_at(word)} is not known to only compute")
        elif word.role not in _HARMLESS_ROLES and word.role is not Role.STRING and _writes(word.text):
            raise _refused(f"{word.text.upper()} {_at(word)} does not read; a name spelt so needs backticks")


def _called(word: Word) -> str:
    """The dotted name of a call without backticks and case."""
    tokens = [token for token in tokenize(word.text) if token.kind in _NAMED]
    return ".".join(name_value(token.text) for token in tokens).lower()


# ---------------------------------------------------------------------- text


def _text(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    space = False
    for token in tokens:
        if token.kind in BLANK:
            space = bool(parts)
        elif token.kind is Kind.SYMBOL and token.text == ";":
            break
        else:
            if space:
                parts.append(" ")
            parts.append(token.text)
            space = False
    return "".join(parts)
