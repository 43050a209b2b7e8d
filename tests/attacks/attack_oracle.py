"""A second opinion on whether a query writes, sharing nothing with the package's lexer and guard.

It reads character by character, and reads each query twice: as it stands, and as an engine reads it that
decodes `\\uXXXX` before it looks for quotes. It errs on the side of finding something.
"""

from __future__ import annotations

import unicodedata


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


WRITES = _set(
    "CREATE MERGE SET REMOVE DELETE DETACH NODETACH INSERT FOREACH LOAD DROP ALTER GRANT DENY REVOKE RENAME"
)
_FOLLOWS = _set(
    "AND OR XOR IS IN AS ASC DESC WHERE RETURN WITH ORDER SKIP OFFSET LIMIT MATCH OPTIONAL UNWIND CALL UNION "
    "WHEN THEN ELSE END CONTAINS STARTS ENDS USING YIELD"
)
"""What may stand behind a label that is spelt like a clause; behind the clause stands something else."""
_STARTS = _set("MATCH OPTIONAL WITH UNWIND RETURN CALL")
_NAMESPACES = _set("DB DBMS DATE DATETIME LOCALDATETIME TIME LOCALTIME DURATION POINT VECTOR")
_PROCEDURES = ("db.labels", "db.index.", "db.propertykeys", "db.relationshiptypes", "db.schema.", "dbms.comp")


def findings(query: str) -> list[str]:
    """What makes the query more than one that reads, in words; empty if nothing was found.

    One that is only to be planned is judged as if it were to run.
    """
    query = query.removeprefix("EXPLAIN ")
    found = []
    for reading in {query, _decoded(query)}:
        try:
            pieces = _pieces(reading)
        except ValueError as error:
            found.append(str(error))
        else:
            found += _judged(pieces)
    return found


def _decoded(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in ("u", "U"):
            digits_at = at + 1
            while text[digits_at : digits_at + 1] == "u":
                digits_at += 1
            width = 4
            if text[digits_at : digits_at + 1] == "U":
                digits_at, width = digits_at + 1, 8
            digits = text[digits_at : digits_at + width]
            if len(digits) == width and all(digit in "0123456789abcdefABCDEF" for digit in digits):
                point = int(digits, 16)
                if point < 0x110000:
                    out.append(chr(point))
                    at = digits_at + width
                    continue
        out.append(text[at])
        at += 1
    return "".join(out)


def _pieces(text: str) -> list[tuple[str, str]]:
    """(kind, text) of words, quoted names, literals and signs; blanks and comments are left out."""
    pieces: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in "'\"":
            end = at + 1
            while end < len(text) and text[end] != char:
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                raise ValueError("a string is not closed")
            pieces.append(("literal", text[at : end + 1]))
            at = end + 1
        elif char == "`":
            end = at + 1
            while True:
                end = text.find("`", end)
                if end < 0:
                    raise ValueError("a name is not closed")
                if text[end + 1 : end + 2] != "`":
                    break
                end += 2
            pieces.append(("name", text[at + 1 : end]))
            at = end + 1
        elif text.startswith("//", at):
            ends = [text.find(sign, at) for sign in "\r\n\u2028\u2029\u0085"]
            at = min((end for end in ends if end >= 0), default=len(text))
        elif text.startswith("/*", at):
            end = text.find("*/", at + 2)
            if end < 0:
                raise ValueError("a comment is not closed")
            at = end + 2
        elif char.isspace():
            at += 1
        elif _in_word(char):
            end = at
            while end < len(text) and _in_word(text[end]):
                end += 1
            pieces.append(("word", text[at:end]))
            at = end
        else:
            pieces.append(("sign", char))
            at += 1
    return pieces


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_" or unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf", "Pc")


def _judged(pieces: list[tuple[str, str]]) -> list[str]:
    found = []
    if not pieces or _folded(pieces[0][1]) not in _STARTS:
        found.append("it begins with no clause that reads")
    for index, (kind, text) in enumerate(pieces):
        before = pieces[index - 1] if index else ("", "")
        after = pieces[index + 1] if index + 1 < len(pieces) else ("", "")
        if kind == "sign" and text == ";":
            found.append("a semicolon")
        if kind == "word" and _folded(text) in WRITES and not _plain_name(pieces, index):
            found.append(f"the word {text}")
        if kind == "word" and _folded(text) == "IN" and before == ("sign", "}"):
            opened = _opener(pieces, index - 1)
            if opened and pieces[opened - 1] == ("sign", ")"):
                opened = _opener(pieces, opened - 1)
            if opened and _folded(pieces[opened - 1][1]) == "CALL":
                found.append("transactions of its own")
        if kind == "word" and _folded(text) == "CALL" and before != ("sign", "."):
            name = "".join(part for _, part in pieces[index + 1 : index + 8]).lower()
            if after[1] not in ("{", "(", ":") and not name.startswith(_PROCEDURES):
                found.append(f"a call of {name[:30]}")
        called = kind in ("word", "name") and after == ("sign", "(") and before == ("sign", ".")
        if called and _namespace(pieces, index) not in _NAMESPACES:
            found.append(f"a function {text} of a namespace")
    return found


def _folded(text: str) -> str:
    """A word as the most lenient engine might fold it."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text)
        if unicodedata.category(char) not in ("Mn", "Me", "Cf")
    )
    return plain.replace("ı", "i").replace("ſ", "s").upper()


def _plain_name(pieces: list[tuple[str, str]], index: int) -> bool:
    """Whether a word can only be a property, a map's key or a label."""
    after = pieces[index + 1] if index + 1 < len(pieces) else ("", "")
    before = [text if kind == "sign" else "name" for kind, text in pieces[:index]]
    if after == ("sign", ":") or (before[-1:] == ["."] and before[-2:-1] != ["."]):
        return True
    if after == ("sign", "(") or (after[0] == "word" and _folded(after[1]) not in _FOLLOWS):
        return False
    while before and before[-1] in ("!", "&", "|", "(", "name"):  # back through a label expression
        if before[-1] == "name" and before[-2:-1] not in ([":"], ["!"], ["&"], ["|"], ["("]):
            return False
        before.pop()
    return before[-1:] == [":"]


def _opener(pieces: list[tuple[str, str]], closer: int) -> int:
    """The place of the bracket that the one at `closer` closes."""
    depth = 0
    for index in range(closer, -1, -1):
        if pieces[index][0] == "sign":
            depth += (pieces[index][1] in ")]}") - (pieces[index][1] in "([{")
        if depth == 0:
            return index
    return 0


def _namespace(pieces: list[tuple[str, str]], index: int) -> str:
    while index >= 2 and pieces[index - 1] == ("sign", ".") and pieces[index - 2][0] in ("word", "name"):
        index -= 2
    return _folded(pieces[index][1])
