"""One tree of exceptions. Each message names what was wrong, where, and what to do about it.

The command line maps a class to an exit code (`exit_code`), so that scripts can tell a refused query
from an unreachable database without reading the text. This module knows nothing of the rest.
"""

from __future__ import annotations

from typing import ClassVar


class PolycypherError(Exception):
    """Root of every error this package raises on purpose. `str(error)` is one line for a person."""

    exit_code: ClassVar[int] = 2


class UsageError(PolycypherError):
    """An argument, a question or a file that cannot be used as given."""


class CorpusError(UsageError):
    """A corpus file or row that cannot be read; the message names file and row."""


class SchemaError(UsageError):
    """A schema that cannot be read, or that leaves nothing to ask about."""


class RecipeError(UsageError):
    """A recipe with an unknown key or a value out of range."""


class QueryError(PolycypherError):
    """A query that is not executed, or that the database rejects."""

    exit_code = 3


class GuardError(QueryError):
    """The read-only guard refused the query before it reached any database."""


class QueryRejected(QueryError):
    """The database rejected the query (syntax, unknown function, type error)."""


class QueryTimeout(QueryError):
    """The query ran longer than its limit and was stopped."""


class GraphError(PolycypherError):
    """The database cannot be used."""

    exit_code = 4


class GraphUnavailable(GraphError):
    """No server answers at the address, it went away, or the embedded one did not start."""


class GraphAuthError(GraphError):
    """The server answers but refuses the user or password."""


class ModelError(PolycypherError):
    """A model, adapter or bundle that cannot be loaded or does not fit."""

    exit_code = 5


class BundleError(ModelError):
    """A bundle folder with a missing, damaged or mismatched part."""


class AdapterError(ModelError):
    """An adapter of another base, prompt, rank or kind than the operation needs."""


class TrainingError(ModelError):
    """A training run that cannot go on, for example a loss that is not a number."""
