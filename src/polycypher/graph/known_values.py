"""The stored values that a store knows of its graph: an index, how old it is, and when the graph is asked.

The index is read by bounded queries, beside the questions where it takes long, and kept in memory and in the
user's cache folder. Knows nothing of clients and servers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from polycypher.errors import GraphError, PolycypherError
from polycypher.graph.introspect import Run
from polycypher.graph.near import Near, find_near, unknown_names
from polycypher.graph.stored import Homes, find_stored
from polycypher.graph.value_index import (
    LONGEST,
    OLDEST_SECONDS,
    SECONDS,
    Place,
    ValueIndex,
    build_index,
    load_index,
    store_index,
)
from polycypher.schema import GraphSchema

FRESH_SECONDS = 600.0
"""For how long a complete index answers in the place of a graph that may change."""
_AGAIN_SECONDS = 60.0
"""How soon an index that could not be built is tried again."""
_FIRST_SECONDS = 1.0
"""What a question may wait for an index; the rest of it is built beside."""


class KnownValues:
    """The values of one graph. Safe to share between threads.

    Args:
        run: runs a read-only query within limits.
        schema: gives the graph's schema.
        key: names the graph in the cache folder; empty keeps nothing there.
        fixed: the graph does not change under this key, as an embedded one.
    """

    def __init__(self, run: Run, schema: Callable[[], GraphSchema], key: str, *, fixed: bool = False) -> None:
        self._run = run
        self._schema = schema
        self._key = key
        self._fixed = fixed
        self._index: ValueIndex | None = None
        self._built = 0.0  # on the monotonic clock, as the next two
        self._again = 0.0
        self._building = False
        self._lock = threading.Lock()
        self._named: tuple[GraphSchema, tuple[str, ...]] | None = None  # a schema and its names

    def stored(self, question: str, texts: Sequence[str]) -> Homes:
        """Those of `texts` that the graph stores; see `GraphStore.stored`.

        Where all values are known, the graph is asked only about what is too long for the index, and, if it
        may change, about what is written like a name and is not among them, as it may have come since.
        """
        index = self._known(wait=lambda: False)
        fresh = self._fixed or time.monotonic() < self._built + FRESH_SECONDS
        if index is None or not index.complete or not fresh:
            return find_stored(self._run, self._schema(), texts)
        found = index.find(texts)
        missing = [text for text in texts if _too_long(text)]
        if not self._fixed:
            missing += unknown_names(question, texts, found)
        if missing:
            found |= find_stored(self._run, self._schema(), missing)
        return found

    def near(
        self,
        question: str,
        texts: Sequence[str],
        stored: dict[str, frozenset[Place]],
        languages: Sequence[str] = (),
    ) -> Near:
        """The question with stored values in the place of what is nearly one; see `GraphStore.near`."""
        index = self._known(wait=lambda: bool(unknown_names(question, texts, stored)))
        if index is None:
            return Near(question)
        return find_near(question, texts, index, stored, known=self._names(), languages=languages)

    def build(self, *, seconds: float = SECONDS) -> ValueIndex:
        """Build the index anew, keep it and give it; one that says less than what is known is not kept."""
        index = build_index(self._run, self._schema(), seconds=seconds)
        with self._lock:
            known = self._index
            worse = known is not None and known.complete and not index.complete
            if not worse or (known is not None and len(index.places) > len(known.places)):
                self._index, self._built = index, time.monotonic()
                store_index(self._key, index)
        return index

    def _names(self) -> tuple[str, ...]:
        """The names of the schema; of one schema they are sorted once and not for every question."""
        schema = self._schema()
        known = self._named
        if known is None or known[0] is not schema:
            names = (*schema.labels, *schema.relationship_types, *schema.properties)
            self._named = known = (schema, names)
        return known[1]

    def _known(self, *, wait: Callable[[], bool]) -> ValueIndex | None:
        """The index, if there is one; where there is none, one built in a second if a question may `wait`.

        Where it is missing, old or was built in that second, a thread of its own goes on to build all of it.
        """
        with self._lock:
            if self._index is None:
                index, age = load_index(self._key)
                self._index, self._built = index, time.monotonic() - age
            if self._index is not None and time.monotonic() < self._built + OLDEST_SECONDS:
                return self._index
            if self._index is None and wait() and (first := self._first()) is not None:
                return first
            self._start()
            return self._index

    def _first(self) -> ValueIndex | None:
        """What can be built in a second; None where the graph cannot be asked."""
        try:
            first = build_index(self._run, self._schema(), seconds=_FIRST_SECONDS)
        except GraphError:
            return None
        if first.complete:
            self._index, self._built = first, time.monotonic()
            store_index(self._key, first)
        else:
            self._start()
        return first

    def _start(self) -> None:
        if not self._building and time.monotonic() >= self._again:
            self._building = True
            threading.Thread(target=self._build_all, name="index of values", daemon=True).start()

    def _build_all(self) -> None:
        try:
            self.build()
        except PolycypherError:
            pass  # the graph was closed or has gone: what is known stays
        finally:
            self._again = time.monotonic() + _AGAIN_SECONDS
            self._building = False


def _too_long(text: str) -> bool:
    """Whether the index may lack a value that is this text in some case.

    Servers count characters beyond the first 65,536 twice, and a letter may be two in small letters.
    """
    return len(text) > LONGEST // 2 and len(text.lower().encode("utf-16-le", "surrogatepass")) > 2 * LONGEST
