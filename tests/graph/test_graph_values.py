"""Values: from the driver's objects to plain ones, and from those to JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo4j import spatial, time

from polycypher.graph.values import (
    Node,
    Path,
    Point,
    Relationship,
    Temporal,
    Value,
    approximate_bytes,
    from_driver,
    to_json,
    type_name,
)

ADA = Node("1", ("Person",), {"name": "Ada", "born": 1815})
BO = Node("2", ("Person",), {"name": "Bo"})
KNOWS = Relationship("7", "KNOWS", "1", "2", {"since": Temporal("DATE", "2020-05-17")})


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (time.Date(2020, 5, 17), Temporal("DATE", "2020-05-17")),
        (time.DateTime(2020, 5, 17, 3, 4, 5), Temporal("LOCAL_DATE_TIME", "2020-05-17T03:04:05.000000000")),
        (time.Time(10, 30), Temporal("LOCAL_TIME", "10:30:00.000000000")),
        (time.Duration(months=14, days=3), Temporal("DURATION", "P1Y2M3D")),
        (spatial.WGS84Point((2.0, 1.0)), Point(4326, (2.0, 1.0))),
        (bytearray(b"ab"), b"ab"),
        ([1, [None, "x"]], [1, [None, "x"]]),
        ({"a": [True]}, {"a": [True]}),
    ],
)
def test_driver_objects_become_plain(raw: object, value: Value) -> None:
    assert from_driver(raw) == value


def test_a_time_with_a_zone_is_not_local() -> None:
    from datetime import UTC

    value = from_driver(time.DateTime(2020, 1, 2, tzinfo=UTC))
    assert isinstance(value, Temporal)
    assert value.kind == "DATE_TIME"


def test_graph_objects_name_their_parts_in_json() -> None:
    assert to_json(Path((ADA, BO), (KNOWS,))) == {
        "nodes": [
            {"id": "1", "labels": ["Person"], "properties": {"name": "Ada", "born": 1815}},
            {"id": "2", "labels": ["Person"], "properties": {"name": "Bo"}},
        ],
        "relationships": [
            {"id": "7", "type": "KNOWS", "start": "1", "end": "2", "properties": {"since": "2020-05-17"}}
        ],
    }


def test_json_has_text_for_what_it_lacks() -> None:
    assert to_json([math.inf, math.nan, b"\x00\xff"]) == ["inf", "nan", "AP8="]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_every_value_is_strict_json_and_has_a_size(value: Value) -> None:
    json.dumps(to_json(value), allow_nan=False)
    assert approximate_bytes(value) > 0


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "BOOLEAN"),
        (1, "INTEGER"),
        (1.0, "FLOAT"),
        ("1", "STRING"),
        ([1], "LIST"),
        (Temporal("DATE", "2020-05-17"), "DATE"),
        (Point(4326, (1.0, 2.0)), "POINT"),
    ],
)
def test_type_names_are_those_of_a_schema(value: Value, name: str) -> None:
    assert type_name(value) == name


def test_size_grows_with_what_is_held() -> None:
    assert approximate_bytes("x" * 1000) >= 1000
    assert approximate_bytes([ADA, BO]) > approximate_bytes([ADA])
    assert approximate_bytes(Path((ADA, BO), (KNOWS,))) > approximate_bytes([ADA, BO])
