"""The schema of a graph that takes long to read, kept between two processes.

Knows how long a schema may be believed; reading one is for `introspect`.
"""

from __future__ import annotations

from dataclasses import dataclass

from polycypher.errors import SchemaError
from polycypher.graph import cache
from polycypher.graph.introspect import SchemaReading
from polycypher.notices import from_json, to_json
from polycypher.schema import GraphSchema

OLDEST_SECONDS = 3600.0
"""The age at which a schema is read again."""
WORTH_SECONDS = 1.0
"""A schema that was read faster is not kept: reading it again is as good."""

_KIND = "schemas"


@dataclass(frozen=True, slots=True)
class SchemaCache:
    """Where the schema of one graph is kept; with an empty `key` nowhere."""

    key: str

    def load(self) -> SchemaReading | None:
        """What was kept at most `OLDEST_SECONDS` ago."""
        kept = cache.load(_KIND, self.key, OLDEST_SECONDS) if self.key else None
        try:
            if kept is not None:
                return SchemaReading(
                    GraphSchema.from_dict(kept["schema"]), tuple(map(from_json, kept["gaps"]))
                )
        except (SchemaError, KeyError, TypeError, ValueError):
            pass  # written by another version
        return None

    def store(self, reading: SchemaReading, seconds: float) -> None:
        """Keep what took `seconds` to read, if that is worth it."""
        if self.key and seconds >= WORTH_SECONDS:
            cache.store(
                _KIND,
                self.key,
                {"schema": reading.schema.to_dict(), "gaps": list(map(to_json, reading.gaps))},
            )
