"""One connection: what it can be asked to carry."""

from __future__ import annotations

from typing import Any

import pytest

from polycypher.errors import QueryRejected, UsageError
from polycypher.graph.bolt import BoltClient
from polycypher.graph.client import LONGEST_SECONDS, Limits
from polycypher.graph.store import GraphStore

HALF = "\ud800"
"""Half of a surrogate pair: Python holds it in a text, UTF-8 has no bytes for it."""


@pytest.mark.parametrize(
    ("query", "parameters"),
    [(f"RETURN '{HALF}' AS x", {}), ("RETURN $x AS x", {"x": HALF}), ("RETURN $x AS x", {"x": [{HALF: 1}]})],
)
def test_half_a_character_is_refused_in_one_line(
    store: GraphStore, query: str, parameters: dict[str, object]
) -> None:
    assert store._lease is not None
    client = BoltClient(store._lease.address, "a server")
    with pytest.raises(QueryRejected, match="half of a surrogate pair") as caught:
        client.fetch(query, parameters, limits=Limits())
    assert "\n" not in str(caught.value)
    assert client.fetch("RETURN $x AS x", {"x": "𝄞"}, limits=Limits()).rows == (("𝄞",),)
    client.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": -1},
        {"bytes": -1},
        {"seconds": 0},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": 1e300},
    ],
)
def test_limits_must_make_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="limits must be positive: rows, seconds and bytes; and 86,400 s"):
        Limits(**wrong)


def test_a_day_is_a_limit() -> None:
    assert Limits(seconds=LONGEST_SECONDS).seconds == 86_400
