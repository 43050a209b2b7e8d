"""Make a named graph: a new folder, a server that may write into it, and nothing half-written.

Knows nothing of file formats. Everything is loaded into a folder nobody else knows of, which takes its
name only when all of it is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from polycypher.cypher.lexer import quote_name
from polycypher.errors import GraphError
from polycypher.graph.bolt import BoltClient
from polycypher.graph.client import Limits, Result
from polycypher.graph.embedded import ServerLease
from polycypher.graph.registry import GraphInfo, building, describe, find_graph
from polycypher.graph.watch import Advance, ignore

BATCH = 1000
"""Rows a transaction."""

_LIMITS = Limits(rows=10, seconds=600.0)


@dataclass(frozen=True, slots=True)
class Writer:
    """Write access to the graph being built. `advance` is told each batch of rows that is in."""

    client: BoltClient
    advance: Advance = ignore

    def run(self, query: str, parameters: Mapping[str, Any] | None = None) -> Result:
        """Run one query in a write transaction of its own. Raises as `BoltClient.fetch`."""
        return self.client.fetch(query, parameters, limits=_LIMITS, write=True)

    def create_nodes(self, label: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """One node a row of properties, in batches of `BATCH`."""
        query = f"UNWIND $rows AS row CREATE (n:{quote_name(label)}) SET n = row"
        for batch in _batches(rows):
            self.run(query, {"rows": batch})
            self.advance(len(batch))

    def create_relationships(
        self,
        kind: str,
        start: tuple[str, str],
        end: tuple[str, str],
        rows: Sequence[Mapping[str, Any]],
    ) -> int:
        """One relationship a row `{"start": value, "end": value, "properties": {…}}`, in batches.

        `start` and `end` are (label, property): the node whose property has the row's value.
        Rows whose nodes are not there make none; the number made is returned.
        """
        (start_label, start_key), (end_label, end_key) = start, end
        query = (
            f"UNWIND $rows AS row MATCH (a:{quote_name(start_label)} {{{quote_name(start_key)}: row.start}}) "
            f"MATCH (b:{quote_name(end_label)} {{{quote_name(end_key)}: row.end}}) "
            f"CREATE (a)-[r:{quote_name(kind)}]->(b) SET r = row.properties RETURN count(r) AS made"
        )
        made = 0
        for batch in _batches(rows):
            count = self.run(query, {"rows": batch}).rows[0][0]
            assert isinstance(count, int)
            made += count
            self.advance(len(batch))
        return made

    def index(self, label: str, name: str) -> None:
        """An index on a property, so that relationships find their nodes."""
        self.run(f"CREATE INDEX IF NOT EXISTS FOR (n:{quote_name(label)}) ON (n.{quote_name(name)})")

    def counts(self) -> tuple[int, int]:
        """Nodes and relationships in the graph now."""
        nodes = self.run("MATCH (n) RETURN count(n) AS n").rows[0][0]
        relationships = self.run("MATCH ()-[r]->() RETURN count(r) AS n").rows[0][0]
        assert isinstance(nodes, int)
        assert isinstance(relationships, int)
        return nodes, relationships


@contextmanager
def new_graph(
    name: str, *, source: str, replace: bool = False, advance: Advance = ignore
) -> Iterator[Writer]:
    """Write access to a new graph, which is there under `name` when the block ends well.

    `advance` is told the rows that are in.

    Raises:
        UsageError: the graph exists and `replace` is false, or it is open elsewhere.
        GraphUnavailable: the server does not start or the folder cannot be written.
    """
    with building(name, replace=replace) as folder:
        with ServerLease(folder, writing=True) as lease:
            client = BoltClient(lease.address, f"the new graph '{name}'")
            try:
                writer = Writer(client, advance)
                yield writer
                nodes, relationships = writer.counts()
            finally:
                client.close()
        describe(folder, nodes=nodes, relationships=relationships, source=source)


def built(name: str) -> GraphInfo:
    """What is known of a graph just built."""
    info = find_graph(name)
    if info is None:
        raise GraphError(f"the graph '{name}' is gone though it was just built; build it again")
    return info


def _batches(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    for start in range(0, len(rows), BATCH):
        yield list(rows[start : start + BATCH])
