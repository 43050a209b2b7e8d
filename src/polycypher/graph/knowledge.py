"""The schema that a store knows of its graph, and its age.

It is read by bounded queries, kept in memory and in the user's cache folder, and read again when it is old.
Knows nothing of clients and servers.
"""

from __future__ import annotations

import threading
import time

from polycypher.errors import GraphError, GraphUnavailable, PolycypherError, QueryTimeout
from polycypher.graph.introspect import Run, SchemaReading, read_schema
from polycypher.graph.schema_cache import OLDEST_SECONDS, SchemaCache
from polycypher.notices import Notice
from polycypher.schema import GraphSchema

_AGAIN_SECONDS = 60.0
"""How long an old schema serves on after it could not be read again."""


class GraphKnowledge:
    """The schema of one graph. Safe to share between threads.

    Args:
        run: runs a read-only query within limits.
        name: what messages call the graph.
        key: names the graph in the cache folder; empty keeps nothing there.
    """

    def __init__(self, run: Run, name: str, key: str) -> None:
        self._run = run
        self._name = name
        self._cache = SchemaCache(key)
        self._reading: SchemaReading | None = None
        self._good_until = 0.0
        self._stale: Notice | None = None
        self._schema_lock = threading.Lock()

    def schema(self, *, refresh: bool = False) -> GraphSchema:
        """The schema, read once in `OLDEST_SECONDS`; errors as for `GraphStore.schema`."""
        with self._schema_lock:
            if refresh or self._reading is None or time.monotonic() > self._good_until:
                self._read_schema(refresh)
            assert self._reading is not None
            return self._reading.schema

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Sentences for the user about the schema: what is missing of it, and whether it is old."""
        gaps = self._reading.gaps if self._reading is not None else ()
        if not gaps:
            return (self._stale,) if self._stale else ()
        sampled = Notice("schema_sampled", graph=self._name, gaps=tuple(gaps))
        return (sampled, self._stale) if self._stale else (sampled,)

    def _read_schema(self, refresh: bool) -> None:
        kept = None if refresh or self._reading is not None else self._cache.load()
        if kept is None:
            began = time.monotonic()
            try:
                kept = read_schema(self._run)
            except (GraphError, QueryTimeout) as error:
                if self._reading is None or refresh:
                    raise self._too_slow(error) from None
                self._good_until = time.monotonic() + _AGAIN_SECONDS
                self._stale = Notice("schema_old", graph=self._name, error=str(error))
                return
            self._cache.store(kept, time.monotonic() - began)
        self._reading, self._stale = kept, None
        self._good_until = time.monotonic() + OLDEST_SECONDS

    def _too_slow(self, error: PolycypherError) -> PolycypherError:
        if not isinstance(error, QueryTimeout):
            return error
        return GraphUnavailable(
            f"the schema of {self._name} could not be read in time; try again when its server is less busy"
        )
