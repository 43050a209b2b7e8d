"""A grammar of read-only Cypher made for one `GraphSchema`, as Lark text for `llguidance`.

What the grammar accepts is a complete query in the canonical layout of `normalise`: single spaces,
keywords in capitals, single quotes. It holds read clauses only, the schema's names only, and a
relationship only between labels and in the direction that the schema has. It knows no models and no
tokenizers, and it does not follow variables: whether `m.title` belongs to `m` is left to the writer.

Two facts about the engine shape the text. Its lexer is greedy and never goes back, so no terminal may
be a prefix of a longer one that could be mistaken for it halfway; a space therefore always belongs to
the word after it. And its parser is Earley's, so a path is a chain of rules, one a label ("the rest of
a path after a node that is a Person"), which keeps directions right without any look back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from polycypher.cypher.lexer import quote_name, quote_string
from polycypher.cypher.variables import node_name
from polycypher.cypher.words import KEYWORDS, WRITING
from polycypher.errors import SchemaError
from polycypher.schema import GraphSchema, Pattern

_AGGREGATES = ("avg", "collect", "count", "max", "min", "stDev", "stDevP", "sum")

_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "1": (
        *("abs", "ceil", "elementId", "endNode", "exp", "floor", "head", "id", "keys", "labels", "last"),
        *("length", "log", "log10", "ltrim", "nodes", "point", "properties", "relationships", "reverse"),
        *("rtrim", "sign", "size", "sqrt", "startNode", "tail", "toBoolean", "toFloat", "toInteger"),
        *("toLower", "toString", "toUpper", "trim", "type"),
    ),
    "1,": ("coalesce",),
    "1,2": ("round",),
    "2": ("distance", "left", "percentileCont", "percentileDisc", "point.distance", "right", "split"),
    "2,3": ("range", "substring"),
    "3": ("replace",),
}
"""Functions by how many arguments they take, as `normalise` spells them."""

_MOMENTS = ("date", "datetime", "duration", "localdatetime", "localtime", "time", "timestamp")
_PERIODS = (
    *("date.truncate", "datetime.truncate", "duration.between", "duration.inDays", "duration.inMonths"),
    "duration.inSeconds",
)
"""Functions of time: with at most one argument, and with two."""

_COMPONENTS = (
    *("year", "quarter", "month", "week", "day", "ordinalDay", "dayOfWeek", "weekDay", "hour", "minute"),
    *("second", "millisecond", "years", "quarters", "months", "weeks", "days", "hours", "minutes"),
    *("seconds", "milliseconds", "epochSeconds", "epochMillis", "x", "y", "z", "latitude", "longitude"),
    *("height", "srid"),
)
"""Parts of dates, durations and points, read like properties."""

_PLAIN_TYPES = frozenset({"STRING", "INTEGER", "LONG", "FLOAT", "DOUBLE", "BOOLEAN", "LIST"})
"""Property types whose values have no components."""

_OPEN_NAMES = ("n", "x", "value")
"""What `normalise` calls a node without a label, an element of a list, and a computed value: each may be
a node or a map with any property."""
_CLOSED_NAMES = ("average", "count", "items", "maximum", "minimum", "path", "r", "size", "sum", "total")
"""What else it calls things by, properties and labels aside."""
_DATED_NAMES = ("average", "maximum", "minimum", "total", "value", "x")
"""Those that may be dates or durations."""

_FIXED = r"""
start: union
union: single (UNION single)*
single: "RETURN " projection | opening clause* " RETURN " projection
opening: "MATCH " matching | "OPTIONAL MATCH " matching | "UNWIND " unwinding
    | "WITH " carrying | "CALL " called
clause: " MATCH " matching | " OPTIONAL MATCH " matching | " UNWIND " unwinding
    | " WITH " carrying | " CALL " called
matching: pattern (", " pattern)* where?
where: " WHERE " expr
unwinding: sum " AS " VARIABLE
carrying: "DISTINCT "? carried (", " carried)* ordering where?
carried: "*" | VARIABLE | expr " AS " VARIABLE
projection: "DISTINCT "? projected (", " projected)* ordering
projected: "*" | expr (" AS " VARIABLE)?
ordering: (" ORDER BY " sorted (", " sorted)*)? (" SKIP " INTEGER)? (" LIMIT " INTEGER)?
sorted: expr (" ASC" | " DESC")?
called: "{ " union " }" | "(" (VARIABLE (", " VARIABLE)*)? ") { " union " }"

expr: condition (CONNECTIVE condition)*
condition: "NOT "? comparison
comparison: sum (COMPARE sum (COMPARE sum)?)? (" IS NULL" | " IS NOT NULL")?
    | sum " =~ " (REGEX | sum) | QUANTIFIER VARIABLE " IN " sum " WHERE " expr ")"
sum: term (ARITHMETIC term)*
term: "-"? (number | STRING | CONSTANT | value index*) | linked
value: VARIABLE ((LABEL OTHER_LABELS?)? | index+ property) | PARTED COMPONENT | owned
    | composed index* property?
property: PROPERTY | PROPERTY_WITH_PARTS COMPONENT?
index: "[" sum "]" | "[" sum? ".." sum? "]"
composed: "(" expr ")" | function COMPONENT? | NODE " {" selected (", " selected)* "}"
    | "[" (sum (", " sum)*)? "]" | "[" VARIABLE " IN " sum (" WHERE " expr)? (" | " expr)? "]"
    | "[" linked (" WHERE " expr)? " | " expr "]" | "{" (entry (", " entry)*)? "}"
    | "EXISTS { " within " }" | "COUNT { " within " }" | "COLLECT { " union " }"
    | ("CASE " value " WHEN " | "CASE WHEN ") expr then (" WHEN " expr then)* (" ELSE " expr)? " END"
then: " THEN " expr
within: (PATH " = ")? path (", " path)* where? | union | opening clause*
entry: VARIABLE ": " sum
selected: PROPERTY | PROPERTY_WITH_PARTS | ".*" | VARIABLE | entry
number: INTEGER FRACTION? EXPONENT?
function: "count(" "*" ")" | AGGREGATE "DISTINCT "? sum ")" | SHORTEST linked ")"
    | "reduce(" VARIABLE " = " sum ", " VARIABLE " IN " sum " | " expr ")"
    | MOMENT sum? ")" | PERIOD sum ", " sum ")"
    | CALL_1 sum ")" | CALL_2 sum ", " sum ")" | CALL_3 sum ", " sum ", " sum ")"
    | CALL_1_ sum (", " sum)* ")" | CALL_1_2 sum (", " sum)? ")" | CALL_2_3 sum ", " sum (", " sum)? ")"

pattern: (PATH " = ")? (path | SHORTEST linked ")")
to: "]->" | "]-"
free: ("-[" EDGE loose? | "-[" loose) to path | ("<-[" EDGE loose? | "<-[" loose) "]-" path
    | UNTYPED path

UNION: / UNION (ALL )?/
CONNECTIVE: / (AND|OR|XOR) /
COMPARE: / (=|<>|<|<=|>|>=|IN|CONTAINS|STARTS WITH|ENDS WITH) /
ARITHMETIC: / [-+*\/%^] /
CONSTANT: "true" | "false" | "NULL"
INTEGER: /[0-9]+/
FRACTION: /\.[0-9]+/
EXPONENT: /[eE][-+]?[0-9]+/
HOPS: /\*([0-9]+(\.\.[0-9]*)?|\.\.[0-9]+)?/
QUANTIFIER: "all(" | "any(" | "none(" | "single("
SHORTEST: "shortestPath(" | "allShortestPaths("
UNTYPED: "--" | "-->" | "<--"
"""

_CHARACTER = r"[^'\\\x00-\x1f\x7f]|\\['\x22\\nrtbf]"
"""In a string; the guard refuses controls, and escapes by number that could hide a quote."""
_SHAPES = (
    r"[-+]?[0-9]+([.][0-9]+)?",
    r"[0-9]{1,4}[-\/.][0-9]{1,2}([-\/.][0-9]{1,4})?",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[-+][0-9]{2}:?[0-9]{2})?",
    r"([0-9]{1,2}-)?[A-Z]{3}-[0-9]{4}",
    r"P([0-9]+[YMWD])*(T([0-9]+[HMS])+)?",
    r"[A-Z]{2,3}|[a-z]{2}",
    r"[-,;:.\/|_&#@+ ]{0,2}",
)
"""Strings that a question need not hold: numbers, dates, durations, codes of countries, separators."""
_CHUNK = re.compile(r"\w+|[^\w\x00-\x1f\x7f]")


def schema_grammar(
    schema: GraphSchema,
    *,
    literals: Sequence[str] | None,
    spans_of: str = "",
    directions: bool = True,
    canonical_names: bool = True,
    homes: Mapping[str, Collection[tuple[str, str]]] | None = None,
) -> str:
    """Write the grammar of the queries that can be asked of a graph.

    Args:
        schema: the graph; a label, type or property outside it is accepted nowhere.
        literals: the texts that a string may hold, unescaped; None allows any string. Empty strings,
            numbers, dates, short codes and separators are always allowed.
        spans_of: a text, usually the question, of which every run of words may stand in a string too:
            as written, in lower case, in capitals, or with each word's first letter a capital.
            Without effect where `literals` is None.
        directions: False lets a relationship be written either way round between its labels, for a
            schema whose directions are not certain.
        canonical_names: the writer names variables as `normalise` does, so that a property is only read
            from a variable whose initial belongs to a label that has it. False for other writers.
        homes: text → the (label or type, property) pairs that store it. Then the map of a node or
            relationship may hold a text property only with a text stored there, and a number only where
            `spans_of` has a digit. None restricts nothing.

    Returns:
        Lark text in the dialect of `llguidance`; the same text for equal schemas.

    Raises:
        SchemaError: the schema is empty.
    """
    if not schema:
        raise SchemaError("the schema is empty, so no query fits it; load data into the graph first")
    return "\n".join(
        (
            _FIXED.strip(),
            *_names(schema),
            *_variables(schema, canonical_names),
            *_Paths(schema, directions, canonical_names, _Homes.of(homes, spans_of)).lines,
            *_strings(literals, spans_of),
            "",
        )
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _any_of(texts: Iterable[str]) -> str:
    """Lark alternatives of fixed texts, or, for none, a terminal that matches nothing."""
    return " | ".join(map(_quoted, sorted(set(texts)))) or r"/a/ & /b/"


# ---------------------------------------------------------------------- strings


def _strings(literals: Sequence[str] | None, spans_of: str) -> list[str]:
    if literals is None:
        return [f"STRING: /'({_CHARACTER})*'/", "REGEX: STRING"]
    texts = {"SHAPE": f"/{'|'.join(_SHAPES)}/"}
    if literals:
        texts["STORED"] = _any_of(quote_string(text)[1:-1] for text in literals)
    chunks = _CHUNK.findall(spans_of)
    spellings: tuple[Callable[[str], str], ...] = (
        lambda chunk: chunk,
        str.lower,
        str.upper,
        lambda chunk: chunk[:1].upper() + chunk[1:],
    )
    # Equal spellings, such as those of a question in lower case, are written once.
    runs = dict.fromkeys(tuple(map(spelling, chunks)) for spelling in spellings if chunks)
    for number, run in enumerate(runs):
        escaped = {"substring_chunks": [quote_string(chunk)[1:-1] for chunk in run]}
        texts[f"RUN_{number}"] = f"%regex {json.dumps(escaped, ensure_ascii=False)}"
    return [
        *(f"{name}: {text}" for name, text in texts.items()),
        f"TEXT: {' | '.join(texts)}",
        'STRING: "\'" TEXT "\'"',
        'REGEX: "\'" "(?i)"? "^"? ".*"? TEXT ".*"? "$"? "\'"',
    ]


# ---------------------------------------------------------------------- names


def _names(schema: GraphSchema) -> list[str]:
    """The terminals that hold labels, types or functions."""
    types = [quote_name(kind) for kind in schema.relationship_types]
    labels = [quote_name(label) for label in schema.labels]
    placed = {pattern.type for pattern in schema.relationships}
    loose = [quote_name(kind) for kind in schema.relationship_types if kind not in placed]
    lists = {
        "LABEL": (":" + label for label in labels),
        "TYPE": (":" + kind for kind in types),
        # A type that the schema names without saying between what may stand anywhere.
        "LOOSE_TYPE": (":" + kind for kind in loose),
        "AGGREGATE": (name + "(" for name in _AGGREGATES),
        "MOMENT": (name + "(" for name in _MOMENTS),
        "PERIOD": (name + "(" for name in _PERIODS),
        "COMPONENT": ("." + name for name in _COMPONENTS),
    }
    for arity, functions in _FUNCTIONS.items():
        lists["CALL_" + arity.replace(",", "_")] = (name + "(" for name in functions)
    return [
        *(f"{name}: {_any_of(texts)}" for name, texts in lists.items()),
        f"OTHER_LABELS: (/[:|&]/ ({_any_of(labels)}))+",
        f'TYPES: ":" ({_any_of(types)}) ("|" ({_any_of(types)}))+',
    ]


def _variables(schema: GraphSchema, canonical_names: bool) -> list[str]:
    """The terminals of variables and properties, and the rule `owned`: which variable has which property.

    `normalise` names a node by the first letter of its label, a relationship `r`, and anything else by
    whole words, so that a property asked of a variable can be held against the labels it may have.
    """
    types: dict[str, set[str]] = {}
    owners: dict[str, set[str]] = {"r": set()} if schema.relationship_types else {}
    for properties in schema.relationship_properties.values():
        owners["r"].update(properties)
    for label in schema.labels:
        owners.setdefault(node_name(label), set()).update(schema.node_properties.get(label, ()))
    for properties in (*schema.node_properties.values(), *schema.relationship_properties.values()):
        for name, kind in properties.items():
            types.setdefault(name, set()).add(kind)
    with_parts = {name for name, kinds in types.items() if not kinds <= _PLAIN_TYPES}
    bare = {name for name in types if quote_name(name) == name and name.upper() not in KEYWORDS | WRITING}

    lines: list[str] = []
    owned = ["FREE property"]
    for letter, names in (("", set(types)), *sorted(owners.items())):
        suffix = _suffix(letter)
        plain, parted = names - with_parts, names & with_parts
        lines.append(f"PROPERTY{suffix}: {_any_of('.' + quote_name(name) for name in plain)}")
        lines.append(f"PROPERTY_WITH_PARTS{suffix}: {_any_of('.' + quote_name(name) for name in parted)}")
        if letter and canonical_names:
            lines.append(f"NODE{suffix}: /{letter}[0-9]{{0,2}}/")
            if letter not in _OPEN_NAMES:
                owned.append(f"NODE{suffix} (PROPERTY{suffix} | PROPERTY_WITH_PARTS{suffix} COMPONENT?)")
    lines.append(f"owned: {' | '.join(owned)}")

    if canonical_names:
        nodes = {*_OPEN_NAMES, *map(node_name, schema.labels)}
        sorts = {
            "VARIABLE": {*_OPEN_NAMES, *_CLOSED_NAMES, *_COMPONENTS, *owners, *bare},
            "NODE": nodes,
            "EDGE": {"r"},
            "PATH": {"path"},
            "FREE": {*_OPEN_NAMES},
            "PARTED": {*_DATED_NAMES, *(bare & with_parts)},
        }
        return lines + [f"{sort}: /({'|'.join(sorted(names))})[0-9]{{0,2}}/" for sort, names in sorts.items()]
    reserved = f"{'|'.join(sorted({*KEYWORDS, 'COUNT', 'true', 'false'}))}|(?i:{'|'.join(sorted(WRITING))})"
    lines.append(f"VARIABLE: /[a-zA-Z_][a-zA-Z0-9_]*/ & ~/{reserved}/")
    lines.append("NODE: VARIABLE & ~/(?i:count|collect|exists)/")
    return lines + [f"{sort}: VARIABLE" for sort in ("EDGE", "PATH", "FREE", "PARTED")]


def _suffix(letter: str) -> str:
    """An ending for the terminals of one letter, which in lower case may be two characters."""
    return "".join(f"_{ord(char)}" for char in letter)


# ---------------------------------------------------------------------- paths


@dataclass(frozen=True, slots=True)
class _Homes:
    """Which texts a map's properties may hold; see `schema_grammar`."""

    texts: Mapping[str, Collection[tuple[str, str]]]
    digits: bool

    @classmethod
    def of(cls, homes: Mapping[str, Collection[tuple[str, str]]] | None, question: str) -> _Homes | None:
        return None if homes is None else cls(homes, any(char.isdigit() for char in question))

    def sort(
        self, properties: Mapping[str, str], owner: str | None
    ) -> tuple[dict[str, str], dict[str, list[str]]]:
        """(properties that may hold anything, text properties with the texts they may hold)."""
        free, held = {}, {}
        for name, kind in properties.items():
            if kind.upper() == "STRING":
                texts = [
                    text
                    for text, places in self.texts.items()
                    if any(place == name and owner in (None, home) for home, place in places)
                ]
                if texts:
                    held[name] = texts
            elif self.digits or kind.upper() == "BOOLEAN":
                free[name] = kind
        return free, held


class _Paths:
    """The rules of paths: after a node, what may follow depends on the label it carries.

    `rest_3` is all of a path after the name and label of a node that has the fourth label: the rest of
    that node (`close_3` without properties), and `tail_3` the relationships that can follow. `rest_any`
    and so on are the same for a node of unknown label. A node without a label is taken for what the
    relationship before it leads to, if that is one label only.
    """

    def __init__(
        self, schema: GraphSchema, directions: bool, canonical_names: bool, homes: _Homes | None
    ) -> None:
        self.lines: list[str] = []
        self._homes = homes
        self._labels = {label: number for number, label in enumerate(schema.labels)}
        self._types = {kind: number for number, kind in enumerate(schema.relationship_types)}
        self._targets: dict[frozenset[str], str] = {}
        starts: dict[str, set[str]] = {}
        ends: dict[str, set[str]] = {}
        out: dict[str, dict[str, set[str]]] = {label: {} for label in self._labels}
        into: dict[str, dict[str, set[str]]] = {label: {} for label in self._labels}
        turned = (Pattern(end, kind, start) for start, kind, end in schema.relationships)
        for start, kind, end in (*schema.relationships, *(() if directions else turned)):
            starts.setdefault(kind, set()).add(start)
            ends.setdefault(kind, set()).add(end)
            out[start].setdefault(kind, set()).add(end)
            into[end].setdefault(kind, set()).add(start)

        everything: dict[str, str] = {}
        for properties in (*schema.node_properties.values(), *schema.relationship_properties.values()):
            everything.update(properties)
        anything = self._pairs("any", everything, None)
        self.lines.append(f'linked: "(" NODE? LABEL? {anything} ")" tail_any')
        # Several hops may pass through nodes of any kind, and several types join many: any label may follow.
        self.lines.append(f"loose: (LOOSE_TYPE | TYPES HOPS? | TYPE? HOPS) {anything}")
        for kind, number in self._types.items():
            pairs = self._pairs(f"type_{number}", schema.relationship_properties.get(kind, {}), kind)
            self.lines.append(f"type_{number}: {_quoted(':' + quote_name(kind))} {pairs}")
        self._node("any", anything, ends, starts)
        for label, n in self._labels.items():
            pairs = self._pairs(f"label_{n}", schema.node_properties.get(label, {}), label)
            name = f"NODE{_suffix(node_name(label))}" if canonical_names else "NODE"
            text = _quoted(":" + quote_name(label))
            self.lines.append(f"node_{n}: {name}? {text} (rest_{n} | OTHER_LABELS rest_any)")
            self._node(str(n), pairs, out[label], into[label])
        every = " | ".join(("NODE rest_any | close_any", *(f"node_{n}" for n in self._labels.values())))
        self.lines.append(f'path: "(" ({every})')

    def _pairs(self, name: str, properties: Mapping[str, str], owner: str | None) -> str:
        """A rule for ` {key: value, …}` over the given keys; its use, optional, or nothing without keys.

        `owner` is the label or type that has the properties, None for any.
        """
        free, held = dict(properties), dict[str, list[str]]()
        if self._homes is not None:
            free, held = self._homes.sort(properties, owner)
        pairs = []
        if free:
            key = f"{name.upper()}_KEY"
            self.lines.append(f"{key}: {_any_of(quote_name(text) + ': ' for text in free)}")
            pairs.append(f"{key} sum")
        for number, (text, values) in enumerate(sorted(held.items())):
            key = f"{name.upper()}_HELD_{number}"
            self.lines.append(f"{key}: {_any_of(f'{quote_name(text)}: {quote_string(v)}' for v in values)}")
            pairs.append(key)
        if not pairs:
            return ""
        self.lines.append(f"{name}_pair: {' | '.join(pairs)}")
        self.lines.append(f'{name}_pairs: " {{" {name}_pair (", " {name}_pair)* "}}"')
        return f"{name}_pairs?"

    def _node(self, name: str, pairs: str, out: Mapping[str, set[str]], into: Mapping[str, set[str]]) -> None:
        """The rest of a path after a label, given where each type leads from such a node and to it."""
        self.lines.append(f"rest_{name}: {pairs} close_{name}")
        self.lines.append(f'close_{name}: ")" tail_{name}?')
        right, left = [], []
        for kind in sorted({*out, *into}):
            number = self._types[kind]
            either = self._target(out.get(kind, set()) | into.get(kind, set()))
            ahead = self._target(out[kind]) if kind in out else ""
            if ahead == either:
                right.append(f"type_{number} to {either}")
            else:
                right.append(f'type_{number} ("]-" {either}{ahead and " | " + _quoted("]->") + " " + ahead})')
            if kind in into:
                left.append(f'type_{number} "]-" {self._target(into[kind])}')
        sides = {'"-[" EDGE?': right, '"<-[" EDGE?': left}
        ways = [f"{side} ({' | '.join(found)})" for side, found in sides.items() if found]
        self.lines.append(f"tail_{name}: {' | '.join(('free', *ways))}")

    def _target(self, labels: Iterable[str]) -> str:
        """The rule of a path that begins at a node of one of the labels."""
        key = frozenset(labels)
        if key not in self._targets:
            rule = self._targets[key] = f"target_{len(self._targets)}"
            numbers = sorted(self._labels[label] for label in key)
            sole = str(numbers[0]) if len(numbers) == 1 else "any"
            nodes = " | ".join(
                (f"NODE rest_{sole} | close_{sole}", *(f"node_{number}" for number in numbers))
            )
            self.lines.append(f'{rule}: "(" ({nodes})')
        return self._targets[key]
