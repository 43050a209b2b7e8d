"""Load a named graph from a Cypher script or from CSV files.

Either all of it is there afterwards, under its name, or nothing. Knows nothing of command lines; the
text forms that those use are in `csv_spec`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polycypher.cypher.lexer import BLANK, Kind, Token, tokenize
from polycypher.errors import QueryError, QueryRejected, UsageError
from polycypher.graph.build import Writer, built, new_graph
from polycypher.graph.csv_spec import End, RelationshipFile
from polycypher.graph.csv_table import Table, read_table
from polycypher.graph.demo import DEMO
from polycypher.graph.registry import GraphInfo, refuse_existing
from polycypher.graph.watch import Watch, unwatched

_SCHEMA_WORDS = frozenset({"CONSTRAINT", "INDEX"})


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load made, and what it left out.

    `skipped` counts constraint and index statements that the embedded server does not know (script), or
    rows of relationship files that name no node at one end (CSV).
    """

    graph: GraphInfo
    skipped: int


def load_script(
    name: str,
    path: Path,
    *,
    replace: bool = False,
    watch: Watch = unwatched,
) -> LoadReport:
    """Make the graph `name` from a file of Cypher statements with `;` between them.

    Each statement runs in a transaction of its own. Lines that begin with `:` (commands of a shell, such
    as `:begin`) are left out. A statement that makes or drops a constraint or an index is left out if
    the embedded server does not know its kind. `watch` follows the statements.

    Raises:
        UsageError: the file cannot be read or holds no statement, the name is not allowed, or the graph
            exists and `replace` is false.
        QueryRejected: a statement is refused; the message gives its number and line.
        GraphUnavailable: the embedded server does not start.
    """
    _refuse(name, replace)
    try:
        text = path.read_text(encoding="utf-8-sig")
        statements = list(split_statements(text))
    except (OSError, UnicodeDecodeError, QueryError) as error:
        raise UsageError(f"cannot read the script {path}: {error}") from None
    if not statements:
        raise UsageError(f"the script {path} holds no Cypher statement")
    skipped = 0
    with (
        watch(f"loading {name}", len(statements)) as advance,
        new_graph(name, source=str(path.absolute()), replace=replace) as writer,
    ):
        for number, (line, statement) in enumerate(statements, start=1):
            try:
                writer.run(statement)
            except QueryRejected as error:
                if not _is_schema_statement(statement):
                    raise QueryRejected(f"{path}, statement {number} at line {line}: {error}") from None
                skipped += 1
            advance()
    return LoadReport(built(name), skipped)


def split_statements(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a script, each with the line it begins in (from 1).

    A `;` in a string, a comment or a quoted name separates nothing.

    Raises:
        QueryError: a string, comment or quoted name is not closed.
    """
    held: list[Token] = []
    shell_line = False
    for token in tokenize(text, keep_blank=True):
        if shell_line:
            shell_line = "\n" not in token.text
            if shell_line:
                continue
        if not held and token.kind in BLANK:
            continue
        if token.kind is Kind.SYMBOL and token.text == ";":
            if held:
                yield _statement(text, held)
            held = []
        elif not held and token.text in (":", "::"):
            shell_line = True
        else:
            held.append(token)
    if held:
        yield _statement(text, held)


def _statement(text: str, tokens: Sequence[Token]) -> tuple[int, str]:
    start = tokens[0].start
    return text.count("\n", 0, start) + 1, "".join(token.text for token in tokens).rstrip()


def _is_schema_statement(statement: str) -> bool:
    names = [token.text.upper() for token in tokenize(statement)[:4]]
    return names[0] in ("CREATE", "DROP") and not _SCHEMA_WORDS.isdisjoint(names)


def load_csv(
    name: str,
    nodes: Mapping[str, Path],
    relationships: Sequence[RelationshipFile] = (),
    *,
    types: Mapping[str, str] | None = None,
    keep_keys: bool = False,
    replace: bool = False,
    watch: Watch = unwatched,
) -> LoadReport:
    """Make the graph `name` from CSV files: one file a label, one a relationship type.

    Every column of a node file becomes a property. A relationship's properties are the columns of its
    file that do not name its ends; with `keep_keys` those too. A relationship whose file is also a node
    file (a foreign key) has no properties. Columns that name ends stay text on both sides, so that `7`
    finds `7`; how other types are found, see `csv_table`.

    Args:
        name: the graph's name.
        nodes: label → file.
        relationships: the relationship files; see `csv_spec.parse_relationship`.
        types: `Label.property` or `TYPE.property` → type, where the found one is not wanted.
        keep_keys: relationships keep the columns that name their ends.
        replace: replace a graph of that name.
        watch: follows the rows of all files.

    Raises:
        UsageError: a file or its values cannot be used, a label or column is unknown, two nodes share the
            value of a property that names an end, or no row of a relationship file finds its ends.
        GraphUnavailable: the embedded server does not start.
    """
    _refuse(name, replace)
    plan = _Plan(nodes, relationships, dict(types or {}), keep_keys)
    source = ", ".join(str(path) for path in nodes.values())
    skipped = 0
    with (
        watch(f"loading {name}", plan.rows) as advance,
        new_graph(name, source=source, replace=replace, advance=advance) as writer,
    ):
        for label, rows in plan.node_rows.items():
            for key in sorted(plan.keys[label]):
                writer.index(label, key)
            writer.create_nodes(label, rows)
        for file in relationships:
            skipped += _write_relationships(writer, file, plan.relationship_rows(file))
    return LoadReport(built(name), skipped)


class _Plan:
    """All files read, typed and checked against each other, before any server starts."""

    def __init__(
        self,
        nodes: Mapping[str, Path],
        relationships: Sequence[RelationshipFile],
        types: dict[str, str],
        keep_keys: bool,
    ) -> None:
        if not nodes:
            raise UsageError("no node file is given; name at least one as Label=file.csv")
        self.nodes, self.types, self.keep_keys = nodes, types, keep_keys
        paths = [*nodes.values(), *(file.path for file in relationships)]
        self.tables: dict[Path, Table] = {path: read_table(path) for path in dict.fromkeys(paths)}
        self.keys: dict[str, set[str]] = {label: set() for label in nodes}
        self.columns = {label: self.tables[path].columns for label, path in nodes.items()}
        for file in relationships:
            for end in (file.start, file.end):
                self._check_end(file, end)
                self.keys[end.label].add(end.key)
        self._check_types(relationships)
        self.node_rows = {label: self._typed_nodes(label) for label in nodes}
        # A file that is read for nodes and for relationships counts for each.
        self.rows = sum(len(self.tables[path].rows) for path in paths)

    def relationship_rows(self, file: RelationshipFile) -> list[dict[str, Any]]:
        """Rows as `Writer.create_relationships` takes them; one with an empty end has None there."""
        table = self.tables[file.path]
        ends = (file.start, file.end)
        is_node_file = file.path in self.nodes.values()
        fields = {end.field for end in ends}
        typed = table.typed(self._types_of(file.type), fields)
        starts, stops = (self._end_values(table, end) for end in ends)
        rows = []
        for start, stop, row in zip(starts, stops, typed, strict=True):
            kept = {k: v for k, v in row.items() if self.keep_keys or k not in fields}
            rows.append({"start": start, "end": stop, "properties": {} if is_node_file else kept})
        return rows

    def _end_values(self, table: Table, end: End) -> list[Any]:
        kind = self.types.get(f"{end.label}.{end.key}", "string")
        typed = Table(table.path, (end.field,), tuple((field,) for field in table.column(end.field)))
        return [row.get(end.field) for row in typed.typed({end.field: kind})]

    def _typed_nodes(self, label: str) -> list[dict[str, Any]]:
        table = self.tables[self.nodes[label]]
        rows = table.typed(self._types_of(label), self.keys[label])
        for key in sorted(self.keys[label]):
            seen: set[Any] = set()
            for row in rows:
                value = row.get(key)
                if value is not None and value in seen:
                    raise UsageError(
                        f"{table.path}: two {label} nodes have the {key} '{value}', so it cannot name the "
                        "end of a relationship; use a property whose values are unique"
                    )
                seen.add(value)
        return rows

    def _types_of(self, owner: str) -> dict[str, str]:
        split = ((name.partition("."), kind) for name, kind in self.types.items())
        return {column: kind for (named, _, column), kind in split if named == owner}

    def _check_end(self, file: RelationshipFile, end: End) -> None:
        if end.label not in self.nodes:
            raise UsageError(
                f"relationship {file.type}: no node file for the label '{end.label}'; "
                f"known are {', '.join(self.nodes)}"
            )
        if end.key not in self.columns[end.label]:
            raise UsageError(
                f"relationship {file.type}: {self.nodes[end.label]} has no column '{end.key}'; "
                f"it has {', '.join(self.columns[end.label])}"
            )
        if end.field not in self.tables[file.path].columns:
            raise UsageError(
                f"relationship {file.type}: {file.path} has no column '{end.field}'; it has "
                f"{', '.join(self.tables[file.path].columns)}; "
                f"write {end.label}.{end.key}=column for another name"
            )

    def _check_types(self, relationships: Sequence[RelationshipFile]) -> None:
        owners = dict(self.columns) | {file.type: self.tables[file.path].columns for file in relationships}
        for name in self.types:
            owner, _, column = name.partition(".")
            if column not in owners.get(owner, ()):
                raise UsageError(
                    f"a type is given for '{name}', but no file of '{owner}' has a column '{column}'; "
                    "name a label or relationship type and one of its columns"
                )


def _write_relationships(
    writer: Writer,
    file: RelationshipFile,
    rows: Sequence[Mapping[str, Any]],
) -> int:
    """Create the relationships of one file; returns how many rows made none."""
    whole = [row for row in rows if row["start"] is not None and row["end"] is not None]
    writer.advance(len(rows) - len(whole))
    start, end = ((end.label, end.key) for end in (file.start, file.end))
    made = writer.create_relationships(file.type, start, end, whole)
    if rows and not made:
        raise UsageError(
            f"no row of {file.path} finds both ends of {file.type}; check that the values of "
            f"'{file.start.field}' and '{file.end.field}' are those of {file.start.label}.{file.start.key} "
            f"and {file.end.label}.{file.end.key}"
        )
    return len(rows) - made


def _refuse(name: str, replace: bool) -> None:
    if name == DEMO:
        raise UsageError(f"the name '{DEMO}' belongs to the demo graph; choose another")
    refuse_existing(name, replace)
