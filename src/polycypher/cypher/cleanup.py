"""From what a model wrote to the bare query: without fences, prefixes, explanations and stop tokens.

What comes back is a part of the text as it was written, but for signs outside strings that stand for
others (curly quotes, long dashes, hard spaces). Letters are never removed from within or joined, so no
word arises that was not there, and a part that writes is never cut off to leave one that reads. Whether
the query may run is for `guard` to say.
"""

from __future__ import annotations

import re

from polycypher.cypher.lexer import Kind, quote_string, scan, tokenize
from polycypher.cypher.syntax import Role, read_structure
from polycypher.cypher.words import WRITING
from polycypher.errors import QueryError

_EDGE = " \t\r\n\f\v\u00a0\ufeff\u200b\u200c\u200d\u2060"
_FENCE = re.compile(
    r"(?P<fence>```|^[ \t]*~~~)(?:[ \t]*[\w+-]*[ \t]*\r?\n|[ \t]*(?:cypher|cql|neo4j|sql)\b)?(?P<body>.*?)"
    r"(?:(?<=[`\s;)])(?:```|~~~)|```|\Z)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_STOP = re.compile(
    r"<[|｜][^<>\n]{1,40}[|｜]>|</?s>|<(?:eos|bos|pad|unk|endoftext)>|<(?:start|end)_of_turn>"
    r"|\[/?INST\]|</?think>|###|```|~~~"
)
_START = re.compile(
    r"(?<![\w.:])(?:(?:OPTIONAL\s+)?MATCH\s*(?:\(|[\w`]+\s*=|(?:all)?shortestPath|ANY\b|ALL\b|SHORTEST\b)"
    r"|UNWIND\s*[\[\w$(`]|CALL\s*[{(\w`]|WITH\s+\S|RETURN\s+\S)",
    re.IGNORECASE,
)
_WRITES = re.compile(
    r"\b(?:(?:CREATE|MERGE|INSERT|FOREACH)\s*\(|DETACH\s+DELETE\b|DELETE\s+\w+\s*(?:[,;]|$|RETURN\b|WITH\b)"
    r"|SET\s+[\w`.]+\s*(?:\+?=|:)|REMOVE\s+\w+[.:]|LOAD\s+CSV\b"
    r"|(?:CREATE|DROP|ALTER)\s+(?:\w+\s+)?(?:INDEX|CONSTRAINT|DATABASE|USER|ROLE)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_CONTINUES = re.compile(
    r"(?:ORDER\s+BY|SKIP|OFFSET|LIMIT|UNION|WHERE|AND|OR|MATCH|OPTIONAL|WITH|RETURN|CALL|UNWIND)\b"
)
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_SIGNS = {"–": "-", "—": "-", "−": "-"}
_CURLY = re.compile("[“”„]([^“”„\n]*)[“”]|[‘’‚]([^‘’‚\n]*)[‘’]")
_MOST_LABELS = 5
_MOST_LINES = 60


def clean(text: str) -> str:
    """The query in a model's output.

    Where nothing in it can be read as a query, what seems to be one comes back without its wrapping, for
    the guard or the database to refuse; where something around it writes, all of the text.
    """
    text = text.strip(_EDGE)
    bodies = _bodies(text)
    for body in bodies:
        for start in _starts(body):
            bare, left = _bare(body[start:])
            query = _whole(bare)
            if query and not _writes(body[:start]) and not _writes(bare[len(query) :] + left):
                return query
    return _unread(bodies[0])


def _unread(body: str) -> str:
    """The part of the text where a query begins, to the next blank line, although it cannot be read."""
    start = next(iter(_starts(body)), 0)
    bare, left = _bare(body[start:])
    query = _BLANK_LINE.split(bare)[0].strip(_EDGE)
    if _writes(body[:start]) or _writes(bare[len(query) :] + left):
        return body.rstrip(_EDGE + ";")
    return query


# ---------------------------------------------------------------------- where it begins


def _bodies(text: str) -> list[str]:
    """The contents of fences, those with a clause if any has one, or else the text itself.

    A text that begins with a clause may hold what looks like a fence in a string, so it comes first.
    """
    fenced = [found["body"].strip(_EDGE) for found in _FENCE.finditer(text) if found["body"].strip(_EDGE)]
    fenced = [body for body in fenced if _START.search(body)] or fenced or [text]
    return [text, *fenced] if _begins(text) else fenced


def _begins(text: str) -> bool:
    """Whether the text begins with a clause, and not with a word of English spelt with a capital."""
    clause = _START.match(text)
    return clause is not None and (_word(clause).isupper() or _word(clause).islower())


def _word(clause: re.Match[str]) -> str:
    return clause[0].split("(")[0].split("{")[0].split()[0]


def _starts(text: str) -> list[int]:
    """Offsets at which the query may begin, the likeliest first.

    A clause in capitals at the beginning of a line or after a colon is one for sure; RETURN and WITH
    elsewhere are English words before they are clauses. Of each likelihood only the first counts, and
    those after a colon: a later clause is the tail of the query that begins before it.
    """
    found: list[tuple[int, int, bool]] = []
    for clause in _START.finditer(text):
        line = text[: clause.start()].rpartition("\n")[2].rstrip(" \t`*>")
        labelled = line.endswith(":")
        word = _word(clause)
        if ((labelled or not line) and word.isupper()) or (clause.start() == 0 and _begins(text)):
            rank = 0
        elif word.upper() in ("RETURN", "WITH"):
            rank = 4
        else:
            rank = 1 if labelled or not line else 2 if word.isupper() else 3
        found.append((rank, clause.start(), labelled))
    best = min(found, default=None)
    if best is None:
        return []
    others = [start for rank, start, labelled in sorted(found) if labelled and rank < 2 and start != best[1]]
    return [best[1], *others[:_MOST_LABELS]]


# ---------------------------------------------------------------------- where it ends


def _bare(text: str) -> tuple[str, str]:
    """The text to the first semicolon or stop token outside strings, its signs made plain, and the rest."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        for token in scan(text, at):
            at = token.start
            if token.kind in (Kind.SYMBOL, Kind.UNKNOWN) and (token.text == ";" or _STOP.match(text, at)):
                return "".join(parts), text[at:].lstrip("; \t\r\n")
            if token.kind is Kind.UNKNOWN and (found := _CURLY.match(text, at)):
                parts.append(quote_string(found[1] if found[1] is not None else found[2]))
                at = found.end()
                break
            if token.kind is Kind.UNKNOWN and (stop := _STOP.search(token.text)):
                return "".join(parts) + token.text[: stop.start()], text[at + stop.start() :]
            at += len(token.text)
            parts.append(_plain(token.kind, token.text))
    return "".join(parts), ""


def _plain(kind: Kind, text: str) -> str:
    if kind is Kind.UNKNOWN:
        return _SIGNS.get(text, text)
    if kind is Kind.SPACE and not text.isascii():
        return "".join(char if char.isascii() else " " for char in text)
    return text


def _whole(text: str) -> str:
    """The longest beginning of the text that ends with a line and is a query; empty if there is none."""
    paragraph = _BLANK_LINE.search(text)
    if (
        paragraph
        and not _CONTINUES.match(text[paragraph.end() :].lstrip())
        and _reads(text[: paragraph.start()])
    ):
        return text[: paragraph.start()].rstrip(_EDGE)
    lines = text.split("\n")
    for count in range(min(len(lines), _MOST_LINES), 0, -1):
        begun = "\n".join(lines[:count]).rstrip(_EDGE)
        # A backtick at the end closes a name, or belongs to quotes around the query.
        for query in (begun, begun.removesuffix("`"), begun.rstrip(_EDGE + "`")):
            if _reads(query):
                return query
    return ""


def _reads(text: str) -> bool:
    """Whether the text is a query that reads and gives something back."""
    try:
        structure = read_structure(tokenize(text))
    except QueryError:
        return False
    outer = [projection for projection in structure.projections if projection.depth == 0]
    if outer and outer[-1].clause == "RETURN":
        return outer[-1].tail[1] == len(structure.words)
    return any(word.role is Role.PROCEDURE for word in structure.words)


def _writes(text: str) -> bool:
    """Whether a part that would be cut off writes: it begins by a word that does, or holds such a clause."""
    first = next(scan(text.lstrip()), None)
    return (first is not None and first.text.upper() in WRITING) or _WRITES.search(text) is not None
