"""When a query promises an order of rows."""

from __future__ import annotations

import pytest

from polycypher.evaluation.ordering import orders_rows


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (m:Movie) RETURN m.title ORDER BY m.released",
        "match (m:Movie) return m.title as t order   by t desc skip 2 limit 3;",
        "MATCH (m) WITH m ORDER BY m.x LIMIT 3 RETURN m.title /* last */ ORDER // by\n BY m.title",
        "MATCH (m) RETURN m.name AS `limit`, [x IN m.list | x] ORDER BY size(m.list)",
        "CALL { MATCH (m) RETURN m.x AS x UNION MATCH (n) RETURN n.x AS x } RETURN x ORDER BY x",
    ],
)
def test_ordered(query: str) -> None:
    assert orders_rows(query)


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (m:Movie) RETURN m.title",
        "MATCH (m:Movie) WITH m ORDER BY m.released LIMIT 3 RETURN m.title",
        "MATCH (m) CALL { WITH m MATCH (m)--(n) RETURN n ORDER BY n.x LIMIT 1 } RETURN m, n",
        "MATCH (m) RETURN COLLECT { MATCH (m)--(n) RETURN n.x ORDER BY n.x } AS xs",
        "MATCH (m) WHERE m.text = 'RETURN x ORDER BY y' RETURN m",
        "MATCH (m) RETURN m // ORDER BY m.x",
        "MATCH (m) RETURN m.order, m.by, m.x AS `ORDER BY`",
        "MATCH (m:Order) RETURN m.return",
        "MATCH (m) RETURN m.x AS x UNION MATCH (n) RETURN n.x AS x ORDER BY x",
        "MATCH (m) RETURN 'not closed ORDER BY m",
        "ORDER BY",
        "",
    ],
)
def test_not_ordered(query: str) -> None:
    assert not orders_rows(query)
