"""Who a graph is opened as: which of the given credentials count. Knows nothing of connections."""

from __future__ import annotations

import os
from typing import TypedDict

_ENVIRONMENT = {
    "database": "POLYCYPHER_DATABASE",
    "user": "POLYCYPHER_USER",
    "password": "POLYCYPHER_PASSWORD",
}


class Access(TypedDict):
    """The keyword arguments with which `connect` opens the graph of a server."""

    database: str | None
    user: str | None
    password: str | None


def access_to(graph: str | None, database: str | None, user: str | None, password: str | None) -> Access:
    """The credentials for `graph`; None is no graph at all.

    Only one with a URI needs any, so those that come from the environment are left out elsewhere: they
    were set for a server. Given in any other way they stay, and `connect` refuses them.
    """
    given = {"database": database, "user": user, "password": password}
    if graph is None or "://" not in graph:
        for key, name in _ENVIRONMENT.items():
            if given[key] == os.environ.get(name):
                given[key] = None
    return Access(database=given["database"], user=given["user"], password=given["password"])
