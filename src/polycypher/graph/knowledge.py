"""What a store knows of its graph beside its rows: the schema and the stored values, with their ages.

Both are read by bounded queries, kept in memory and in the user's cache folder, and read again when they are
old. Knows nothing of clients and servers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from polycypher.errors import GraphError, GraphUnavailable, PolycypherError, QueryTimeout
from polycypher.graph.introspect import Run, SchemaReading, read_schema
from polycypher.graph.near import Near, find_near, unknown_names
from polycypher.graph.schema_cache import OLDEST_SECONDS, SchemaCache
from polycypher.graph.stored import Homes, find_stored
from polycypher.graph.value_index import OLDEST_SECONDS as OLDEST_VALUES_SECONDS
from polycypher.graph.value_index import SECONDS, Place, ValueIndex, build_index, load_index, store_index
from polycypher.schema import GraphSchema

_AGAIN_SECONDS = 60.0
"""How long an old schema serves on after it could not be read again."""
_FIRST_SECONDS = 1.0
"""What a question may wait for an index of values; the rest of it is built beside."""


class GraphKnowledge:
    """The schema and the values of one graph. Safe to share between threads.

    Args:
        run: runs a read-only query within limits.
        name: what messages call the graph.
        key: names the graph in the cache folder; empty keeps nothing there.
    """

    def __init__(self, run: Run, name: str, key: str) -> None:
        self._run = run
        self._name = name
        self._key = key
        self._cache = SchemaCache(key)
        self._reading: SchemaReading | None = None
        self._good_until = 0.0
        self._stale = ""
        self._values: ValueIndex | None = None
        self._values_until = 0.0
        self._building = False
        self._schema_lock = threading.Lock()
        self._values_lock = threading.Lock()

    # ------------------------------------------------------------------ schema

    def schema(self, *, refresh: bool = False) -> GraphSchema:
        """The schema, read once in `OLDEST_SECONDS`; errors as for `GraphStore.schema`."""
        with self._schema_lock:
            if refresh or self._reading is None or time.monotonic() > self._good_until:
                self._read_schema(refresh)
            assert self._reading is not None
            return self._reading.schema

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the user about the schema: what is missing of it, and whether it is old."""
        gaps = self._reading.gaps if self._reading is not None else ()
        if not gaps:
            return (self._stale,) if self._stale else ()
        sampled = f"{self._name} is large and its schema was read in part: {', and '.join(gaps)}"
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
                self._stale = (
                    f"the schema of {self._name} could not be read again, an older one is used: {error}"
                )
                return
            self._cache.store(kept, time.monotonic() - began)
        self._reading, self._stale = kept, ""
        self._good_until = time.monotonic() + OLDEST_SECONDS

    def _too_slow(self, error: PolycypherError) -> PolycypherError:
        if not isinstance(error, QueryTimeout):
            return error
        return GraphUnavailable(
            f"the schema of {self._name} could not be read in time; try again when its server is less busy"
        )

    # ------------------------------------------------------------------ values

    def stored(self, question: str, texts: Sequence[str]) -> Homes:
        """Those of `texts` that the graph stores; see `GraphStore.stored`.

        Where all values are known, the graph is asked only about what is written like a name and is not among
        them: it may have come since.
        """
        index = self._index(wait=False)
        if index is None or not index.complete:
            return find_stored(self._run, self.schema(), texts)
        found = index.find(texts)
        if missing := unknown_names(question, texts, found):
            found |= find_stored(self._run, self.schema(), missing)
        return found

    def near(
        self,
        question: str,
        texts: Sequence[str],
        stored: dict[str, frozenset[Place]],
        languages: Sequence[str] = (),
    ) -> Near:
        """The question with stored values in the place of what is nearly one; see `GraphStore.near`."""
        index = self._index(wait=bool(unknown_names(question, texts, stored)))
        if index is None:
            return Near(question)
        schema = self.schema()
        names = (*schema.labels, *schema.relationship_types, *schema.properties)
        return find_near(question, texts, index, stored, known=names, languages=languages)

    def build_values(self, *, seconds: float = SECONDS) -> ValueIndex:
        """Build the index of values anew, keep it and give it."""
        index = build_index(self._run, self.schema(), seconds=seconds)
        with self._values_lock:
            self._keep(index)
        store_index(self._key, index)
        return index

    def _index(self, *, wait: bool) -> ValueIndex | None:
        """The index, if there is one; where there is none, one built in a second if a question may `wait`.

        In either case a thread of its own goes on to build all of it.
        """
        with self._values_lock:
            if self._values is None:
                self._keep(load_index(self._key))
            if self._values is not None and time.monotonic() < self._values_until:
                return self._values
            if self._values is None and wait:
                self._keep(build_index(self._run, self.schema(), seconds=_FIRST_SECONDS))
                if self._values is not None and self._values.complete:
                    store_index(self._key, self._values)
                    return self._values
            if not self._building:
                self._building = True
                threading.Thread(target=self._build_rest, name="index of values", daemon=True).start()
            return self._values

    def _keep(self, index: ValueIndex | None) -> None:
        self._values = index
        self._values_until = time.monotonic() + OLDEST_VALUES_SECONDS

    def _build_rest(self) -> None:
        try:
            self.build_values()
        except PolycypherError:
            return  # the graph was closed or has gone: what is known stays
        self._building = False
