"""A grammar of read-only Cypher made for one `GraphSchema`, as Lark text for `llguidance`.

What the grammar accepts is a complete query in the canonical layout of `normalise`: single spaces,
keywords in capitals, single quotes. It holds read clauses only, the schema's names only, and a
relationship only between labels and in the direction that the schema has (`paths`). What stands in strings is
left to `literals`, so that one compiled grammar serves every question about a schema. It knows no models and
no tokenizers.

It does not follow variables, but in the canonical form a name says much: `m.title` is a property of the
labels that begin with M, and `(m)` a node that has one of them. What remains to the writer: which of several
labels of one letter `c2` is; which type `r` has; any property of what has no label of its own (`n`, `x`,
`value`, `nodes(path)[0]`); whether a variable was bound before; types of values (`toUpper(1)`); and what a
subquery may see.

A fact about the engine shapes the text: its lexer is greedy and never goes back, so no terminal may be a
prefix of a longer one that could be mistaken for it halfway; a space therefore always belongs to the word
after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from polycypher.cypher.dialect import construct_of_function
from polycypher.cypher.grammar_paths import OPEN_NAMES, OPTIONS, any_of, letters, path_rules, suffix
from polycypher.cypher.lexer import quote_name
from polycypher.cypher.words import KEYWORDS, WRITING
from polycypher.errors import SchemaError
from polycypher.schema import GraphSchema

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
    *("year", "quarter", "month", "week", "day", "ordinalDay", "dayOfWeek", "weekDay", "weekday", "hour"),
    *("minute", "second", "millisecond", "years", "quarters", "months", "weeks", "days", "hours", "minutes"),
    *("seconds", "milliseconds", "epochSeconds", "epochMillis", "x", "y", "z", "latitude", "longitude"),
    *("height", "srid"),
)
"""Parts of dates, durations and points, read like properties."""

_RESERVED = f"{'|'.join(sorted({*KEYWORDS, 'COUNT', 'true', 'false'}))}|(?i:{'|'.join(sorted(WRITING))})"
"""Names that a reader, or the guard, could take for something else."""

_PLAIN_TYPES = frozenset({"STRING", "INTEGER", "LONG", "FLOAT", "DOUBLE", "BOOLEAN", "LIST"})
"""Property types whose values have no components."""

_CLOSED_NAMES = ("average", "count", "items", "maximum", "minimum", "path", "r", "size", "sum", "total")
"""What `normalise` calls things by, beside `OPEN_NAMES` and names after properties and labels."""
_DATED_NAMES = ("average", "maximum", "minimum", "total", "value", "x")
"""Those that may be dates or durations."""

_LETTERS = "a-zA-Z_À-ÖØ-öø-ıĴ-ľŁ-ňŊ-ž"
"""Of names without backticks: those of Latin script that compatibility normalisation leaves as they are."""

_FIXED = r"""
union: single (UNION single)* | titled (UNION titled)+
single: reading projection
titled: reading "DISTINCT "? title (", " title)* ordering
title: expr (" AS " NAME)?
reading: "RETURN " | opening clause* " RETURN "
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
comparison: sum (COMPARE sum (COMPARE sum)?)? (" IS NULL" | " IS NOT NULL")? | sum REGEX sum
    | QUANTIFIER VARIABLE " IN " sum " WHERE " expr ")"
sum: term (ARITHMETIC term)*
term: "-"? (number | STRING | CONSTANT | value index*) | linked
value: VARIABLE ((LABEL OTHER_LABELS?)? | index+ property) | PARTED COMPONENT | owned
    | composed index* property?
property: PROPERTY | PROPERTY_WITH_PARTS COMPONENT?
index: "[" sum "]" | "[" sum? ".." sum? "]"
composed: "(" expr ")" | function COMPONENT? | chosen
    | "[" (sum (", " sum)*)? "]" | "[" VARIABLE " IN " sum (" WHERE " expr)? (" | " expr)? "]"
    | "[" linked (" WHERE " expr)? " | " expr "]" | "{" (entry (", " entry)*)? "}"
    | "EXISTS { " within " }" | "COUNT { " within " }" | "COLLECT { " union " }"
    | ("CASE " value " WHEN " | "CASE WHEN ") expr then (" WHEN " expr then)* (" ELSE " expr)? " END"
then: " THEN " expr
within: (PATH " = ")? path (", " path)* where? | union | opening clause*
entry: NAME ": " sum
number: INTEGER FRACTION? EXPONENT?
function: "count(" "*" ")" | AGGREGATE "DISTINCT "? sum ")" | SHORTEST linked ")"
    | REDUCE VARIABLE " = " sum ", " VARIABLE " IN " sum " | " expr ")"
    | MOMENT sum? ")" | PERIOD sum ", " sum ")"
    | CALL_1 sum ")" | CALL_2 sum ", " sum ")" | CALL_3 sum ", " sum ", " sum ")"
    | CALL_1_ sum (", " sum)* ")" | CALL_1_2 sum (", " sum)? ")" | CALL_2_3 sum ", " sum (", " sum)? ")"

pattern: (PATH " = ")? (path | SHORTEST linked ")")
to: "]->" | "]-"

UNION: / UNION (ALL )?/
CONNECTIVE: / (AND|OR|XOR) /
COMPARE: / (=|<>|<|<=|>|>=|IN|CONTAINS|STARTS WITH|ENDS WITH) /
CONSTANT: "true" | "false" | "NULL"
INTEGER: /[0-9]+/
FRACTION: /\.[0-9]+/
EXPONENT: /[eE][-+]?[0-9]+/
HOPS: /\*([0-9]+(\.\.[0-9]*)?|\.\.[0-9]+)?/
UNTYPED: "--" | "-->" | "<--"
STRING: /'([^'\\\x00-\x1f\x7f]|\\['\x22\\nrtbf])*'/
"""


_CONSTRUCTS: Mapping[str, Mapping[str, str]] = {
    "REGEX": {" =~ ": "regex"},
    "REDUCE": {"reduce(": "reduce"},
    "SHORTEST": {"shortestPath(": "shortest_path", "allShortestPaths(": "all_shortest_paths"},
    "QUANTIFIER": {
        "all(": "list_predicate",
        "any(": "list_predicate",
        "none(": "list_predicate",
        "single(": "single",
    },
    "ARITHMETIC": {" + ": "", " - ": "", " * ": "", " / ": "", " % ": "", " ^ ": "power"},
}
"""Texts that belong to a construct of `dialect.constructs`, by terminal; "" is what every server has."""


def schema_grammar(
    schema: GraphSchema,
    *,
    directions: bool = True,
    canonical_names: bool = True,
    leading_space: bool = False,
    without: Collection[str] = (),
) -> str:
    """Write the grammar of the queries that can be asked of a graph.

    Args:
        schema: the graph; a label, type or property outside it is accepted nowhere.
        directions: False lets a relationship be written either way round between its labels, for a
            schema whose directions are not certain.
        canonical_names: the writer names variables as `normalise` does, so that a property is only read
            from a variable whose initial belongs to a label that has it, and such a variable stands in a
            path only where that label may. False for other writers.
        leading_space: a query may begin with a space, as the tokens of some tokenizers make it.
        without: constructs that the query must not hold, from `dialect.lacking`.

    Returns:
        Lark text in the dialect of `llguidance`; the same text for equal schemas.

    Raises:
        SchemaError: the schema is empty.
    """
    if not schema:
        raise SchemaError("the schema is empty, so no query fits it; load data into the graph first")
    return "\n".join(
        (
            OPTIONS,
            f"start: {'/ ?/ ' if leading_space else ''}union",
            _FIXED.strip(),
            *_names(schema, without),
            *_variables(schema, canonical_names),
            *path_rules(schema, directions=directions, canonical_names=canonical_names),
            "",
        )
    )


def _names(schema: GraphSchema, without: Collection[str]) -> list[str]:
    """The terminals that hold labels, types, functions, or texts of constructs that a server may lack."""
    types = [quote_name(kind) for kind in schema.relationship_types]
    labels = [quote_name(label) for label in schema.labels]
    placed = {pattern.type for pattern in schema.relationships}
    loose = [quote_name(kind) for kind in schema.relationship_types if kind not in placed]
    lists = {
        "LABEL": (":" + label for label in labels),
        "TYPE": (":" + kind for kind in types),
        # A type that the schema names without saying between what may stand anywhere.
        "LOOSE_TYPE": (":" + kind for kind in loose),
        "AGGREGATE": _calls(_AGGREGATES, without),
        "MOMENT": _calls(_MOMENTS, without),
        "PERIOD": _calls(_PERIODS, without),
        "COMPONENT": ("." + name for name in _COMPONENTS),
    }
    for arity, functions in _FUNCTIONS.items():
        lists["CALL_" + arity.replace(",", "_")] = _calls(functions, without)
    for terminal, texts in _CONSTRUCTS.items():
        lists[terminal] = (text for text, construct in texts.items() if construct not in without)
    return [
        *(f"{name}: {any_of(texts)}" for name, texts in lists.items()),
        f"OTHER_LABELS: (/[:|&]/ ({any_of(labels)}))+",
        f'TYPES: ":" ({any_of(types)}) ("|" ({any_of(types)}))+',
        # What a map calls its entries, and a UNION its columns, is the writer's own.
        f"NAME: /[{_LETTERS}][{_LETTERS}0-9]*/ & ~/{_RESERVED}/",
    ]


def _calls(functions: Iterable[str], without: Collection[str]) -> Iterable[str]:
    return (f"{name}(" for name in functions if construct_of_function(name) not in without)


def _variables(schema: GraphSchema, canonical_names: bool) -> list[str]:
    """The terminals of variables and properties, and the rules `owned` and `chosen`: which variable has which
    property, read after a dot or chosen into a map.

    `normalise` names a node by the first letter of its label, a relationship `r`, and anything else by
    whole words, so that a property asked of a variable can be held against the labels it may have.
    """
    types: dict[str, set[str]] = {}
    for properties in (*schema.node_properties.values(), *schema.relationship_properties.values()):
        for name, kind in properties.items():
            types.setdefault(name, set()).add(kind)
    with_parts = {name for name, kinds in types.items() if not kinds <= _PLAIN_TYPES}
    bare = {name for name in types if quote_name(name) == name and name.upper() not in KEYWORDS | WRITING}
    owners = _owners(schema) if canonical_names else {}

    lines: list[str] = []
    owned, chosen = ["OPEN property"], ['OPEN " {" selected (", " selected)* "}"']
    for letter, names in (("", set(types)), *owners.items()):
        end = suffix(letter)
        lines.append(f"PROPERTY{end}: {any_of('.' + quote_name(name) for name in names - with_parts)}")
        lines.append(
            f"PROPERTY_WITH_PARTS{end}: {any_of('.' + quote_name(name) for name in names & with_parts)}"
        )
        lines.append(f'selected{end}: PROPERTY{end} | PROPERTY_WITH_PARTS{end} | ".*" | VARIABLE | entry')
        if letter:
            lines.append(f"NODE{end}: /{letter}[0-9]{{0,2}}/")
            owned.append(f"NODE{end} (PROPERTY{end} | PROPERTY_WITH_PARTS{end} COMPONENT?)")
            chosen.append(f'NODE{end} " {{" selected{end} (", " selected{end})* "}}"')
    lines.append(f"owned: {' | '.join(owned)}")
    lines.append(f"chosen: {' | '.join(chosen)}")

    if canonical_names:
        sorts = {
            "VARIABLE": {*OPEN_NAMES, *_CLOSED_NAMES, *_COMPONENTS, *owners, *bare},
            "OPEN": {*OPEN_NAMES},
            "EDGE": {"r"},
            "PATH": {"path"},
            "PARTED": {*_DATED_NAMES, *(bare & with_parts)},
        }
        return lines + [f"{sort}: /({'|'.join(sorted(names))})[0-9]{{0,2}}/" for sort, names in sorts.items()]
    lines.append(f"VARIABLE: /[a-zA-Z_][a-zA-Z0-9_]*/ & ~/{_RESERVED}/")
    lines.append("NODE: VARIABLE & ~/(?i:count|collect|exists)/")
    return lines + [f"{sort}: VARIABLE" for sort in ("OPEN", "EDGE", "PATH", "PARTED")]


def _owners(schema: GraphSchema) -> dict[str, set[str]]:
    """The letters that name nodes, and `r`, with the properties that what is named so may have."""
    owners = {
        letter: {name for label in labels for name in schema.node_properties.get(label, ())}
        for letter, labels in letters(schema).items()
    }
    if schema.relationship_types:
        edges = {name for names in schema.relationship_properties.values() for name in names}
        owners["r"] = owners.get("r", set()) | edges
    return dict(sorted(owners.items()))
