"""Running queries for measurement: each ends in an outcome instead of an exception.

Knows nothing of gold, questions or scores.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from polycypher.errors import GraphUnavailable, GuardError, QueryError, QueryTimeout
from polycypher.graph.store import Limits, Result

EVALUATION_LIMITS = Limits(rows=20_000, seconds=30.0, bytes=64_000_000)
"""Wider than for answers to people: a result cut short cannot be compared."""


class Reader(Protocol):
    """What evaluation needs of a graph; `GraphStore` is one."""

    def read(self, query: str, *, limits: Limits) -> Result:
        """Run a read-only query within the limits, or raise a `PolycypherError`."""


class Outcome(StrEnum):
    """How running a query ended."""

    OK = "ok"
    REFUSED = "refused"
    """The read-only guard refused it."""
    REJECTED = "rejected"
    """The database rejected it: syntax, unknown function, type error."""
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    """The database was gone when it was its turn."""


@dataclass(frozen=True, slots=True)
class Execution:
    """The outcome of one query; `result` is there exactly when the outcome is `OK`."""

    outcome: Outcome
    result: Result | None = None
    message: str = ""


class Executor:
    """Runs queries on one graph and remembers the latest results by query text.

    Parallel questions share their gold query, and methods compared on one set share all of them, so
    a gold query runs once. `keep` bounds the memory: the least recently used results go first.
    """

    def __init__(self, store: Reader, *, limits: Limits = EVALUATION_LIMITS, keep: int = 512) -> None:
        self._store = store
        self._limits = limits
        self._keep = keep
        self._known: OrderedDict[str, Execution] = OrderedDict()

    def run(self, query: str, *, fresh: bool = False) -> Execution:
        """Run a query, or give back what it gave before unless `fresh`.

        Raises:
            GraphAuthError: the database refuses the user; no query can be measured then.
        """
        if query in self._known and not fresh:
            self._known.move_to_end(query)
            return self._known[query]
        execution = self._run(query)
        if execution.outcome is not Outcome.UNAVAILABLE:
            self._known[query] = execution
            if len(self._known) > self._keep:
                self._known.popitem(last=False)
        return execution

    def _run(self, query: str) -> Execution:
        try:
            return Execution(Outcome.OK, self._store.read(query, limits=self._limits))
        except GuardError as error:
            return Execution(Outcome.REFUSED, message=str(error))
        except QueryTimeout as error:
            return Execution(Outcome.TIMEOUT, message=str(error))
        except QueryError as error:
            return Execution(Outcome.REJECTED, message=str(error))
        except GraphUnavailable as error:
            return Execution(Outcome.UNAVAILABLE, message=str(error))
