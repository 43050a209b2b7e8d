"""A grammar of what may stand in the strings of a query, made for one question, as Lark text.

It accepts any text, of which only strings and the maps of patterns are looked at: a string holds a run of
the question's words, a given value, or something that no question need hold (a number, a date, a separator).
It is meant to be met together with `grammar`, which knows the rest of Cypher: a query must be accepted by
both. Kept apart, one costs its making once a schema, and the other, which is small, once a question.

The two leave a query a way on: wherever this one restricts, it leaves something that the schema's grammar
accepts, an empty string at the least. (But for a text cut off within ` {` where no map is allowed: the space
alone tells neither.) It knows no models and no tokenizers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from polycypher.cypher.grammar_paths import OPTIONS, any_of
from polycypher.cypher.lexer import quote_name, quote_string
from polycypher.schema import GraphSchema

Places = Collection[tuple[str, str]]
"""(label or type, property) pairs."""

_SHAPES = (
    r"[-+]?[0-9]+([.][0-9]+)?",
    r"[0-9]{1,4}[-\/.][0-9]{1,2}([-\/.][0-9]{1,4})?",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[-+][0-9]{2}:?[0-9]{2})?",
    r"([0-9]{1,2}-)?[A-Z]{3}-[0-9]{4}",
    r"P([0-9]+[YMWD])*(T([0-9]+[HMS])+)?",
    r"[A-Z]{1,3}|[a-z]{2}",
    r"[-,;:.\/|_&#@+ ]{0,2}",
    r"[Tt]rue|TRUE|[Ff]alse|FALSE|[Nn]ull|NULL|[Nn]one|[Uu]nknown|N\/A|n\/a|[Yy]es|[Nn]o",
)
"""Strings that a question need not hold: numbers, dates, durations, codes of countries, separators, and what
a database writes where there is no value."""
_CHUNK = re.compile(r"\w+|[^\w\x00-\x1f\x7f]")
_PLURALS = (
    (re.compile(r"(?<=\w\w)ies$"), "y"),
    (re.compile(r"(?<=\w[lro])ves$"), "f"),
    (re.compile(r"(?<=ss|sh|ch|\wx)es$"), ""),
    (re.compile(r"(?<=\w\w[^sui])s$"), ""),
)
"""Endings of English plurals: a graph names in the singular what a question asks for in the plural."""
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_BEFORE_ESCAPES = {"\t", "\n", "\r", "\b", "\f"}


def literal_grammar(
    schema: GraphSchema,
    *,
    literals: Sequence[str] = (),
    spans_of: str = "",
    homes: Mapping[str, Places] | None = None,
) -> str:
    """Write the grammar of the texts whose strings are allowed.

    Args:
        schema: whose labels, types and properties `homes` speaks of; without effect where that is None.
        literals: the texts that a string may hold as a whole, unescaped. Empty strings, numbers, dates, short
            codes and separators are always allowed.
        spans_of: a text, usually the question, of which every run of words may stand in a string too: as
            written, in lower case, in capitals, with each word's first letter a capital, or with English
            plurals in the singular.
        homes: text → the (label or type, property) pairs that store it. Then the map of a labelled node or
            typed relationship may hold a text property only with a text stored there, and a number only where
            `spans_of` has a digit. None restricts nothing.

    Returns:
        Lark text in the dialect of `llguidance`.
    """
    lines = [OPTIONS, *_texts([text for text in literals if _printed(text)], spans_of)]
    # A regular expression is found by its operator, which stands nowhere else outside strings.
    lines += [
        'PATTERN: "(?i)"? "^"? ".*"? TEXT ".*"? "$"?',
        """ALLOWED: (/[^'`~]/ | /`([^`]|``)*`/ | "~ " ("'" PATTERN "'")? | "'" TEXT "'")*""",
    ]
    refused = [] if homes is None else list(_maps(schema, homes, any(char.isdigit() for char in spans_of)))
    if refused:
        lines += [
            "NOTHING: /a/ & /b/",
            r"ANY: /(.|\n)*/",
            # A value is looked through up to where a bracket or a quote opens; from there on all is free.
            r"FREE: /[^,}{('`\[]*/",
            r"AFTER: /[}{('`\[]/ ANY",
            f"REFUSED: ANY ({' | '.join(refused)})",
            "QUERY: ALLOWED & ~REFUSED",
        ]
    return "\n".join((*lines, f"start: {'QUERY' if refused else 'ALLOWED'}", ""))


def _printed(text: str) -> bool:
    """Whether a text can be written without escapes by number, which the schema's grammar refuses."""
    return all(char in _BEFORE_ESCAPES for char in _UNPRINTED.findall(text))


# ---------------------------------------------------------------------- strings


def _texts(literals: Sequence[str], spans_of: str) -> Iterable[str]:
    texts = {"SHAPE": f"/{'|'.join(_SHAPES)}/"}
    if literals:
        texts["STORED"] = any_of(quote_string(text)[1:-1] for text in literals)
    for number, run in enumerate(_runs(spans_of)):
        escaped = {"substring_chunks": [quote_string(chunk)[1:-1] for chunk in run]}
        texts[f"RUN_{number}"] = f"%regex {json.dumps(escaped, ensure_ascii=False)}"
    return *(f"{name}: {text}" for name, text in texts.items()), f"TEXT: {' | '.join(texts)}"


def _runs(text: str) -> Iterable[tuple[str, ...]]:
    """The text's words and signs in each spelling; equal ones, as of a text in lower case, come once."""
    runs: dict[tuple[str, ...], None] = {}
    # Where quotes in the text are escaped already, the escapes are no part of what it quotes.
    for plain in (text, text.replace("\\'", "'").replace('\\"', '"')):
        chunks = _CHUNK.findall(plain)
        if chunks:
            runs[tuple(chunks)] = None
            runs[tuple(chunk.lower() for chunk in chunks)] = None
            runs[tuple(chunk.upper() for chunk in chunks)] = None
            runs[tuple(chunk[:1].upper() + chunk[1:] for chunk in chunks)] = None
            runs[tuple(map(_singular, chunks))] = None
    return runs


def _singular(word: str) -> str:
    for ending, instead in _PLURALS:
        if ending.search(word):
            return ending.sub(instead, word)
    return word


# ---------------------------------------------------------------------- maps


def _maps(schema: GraphSchema, homes: Mapping[str, Places], digits: bool) -> Iterable[str]:
    """Lark alternatives for what must not follow the name of a label or type."""
    pairs: dict[str, set[str]] = {}
    # A label and a type may be called the same, and then the map of either may hold what either holds.
    for owner, properties in (*schema.node_properties.items(), *schema.relationship_properties.items()):
        own = pairs.setdefault(quote_name(owner), set()) if properties else set()
        for name, kind in properties.items():
            key = quote_name(name) + ": "
            if kind.upper() == "STRING":
                held = (text for text, places in homes.items() if (owner, name) in places and _printed(text))
                own.update(any_of([key + quote_string(text)]) for text in held)
            elif digits or kind.upper() == "BOOLEAN":
                own.add(f"{any_of([key])} FREE")
    alike: dict[str, list[str]] = {}
    for owner, allowed in pairs.items():
        alike.setdefault(" | ".join(sorted(allowed)) or "NOTHING", []).append(owner)
    for pair, owners in alike.items():
        # Where nothing is allowed it is written likewise: the engine reads that faster than a plain refusal.
        yield rf'/[:|&]/ ({any_of(owners)}) /(\*[0-9.]*)?/ " {{" ~(({pair}) (", " ({pair}))* AFTER)'
