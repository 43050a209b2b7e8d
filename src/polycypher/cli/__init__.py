"""The command line: each command calls the rooms below and prints what they give.

Exit codes: 0 answered (no rows is an answer too), 2 usage, 3 the guard or the database refused the
query, 4 the database cannot be reached, 5 the model or bundle cannot be used, 130 interrupted.

A module of commands registers them with `app.app` or `app.train_app` when it is imported, so a new one
is added to the import below. Libraries that take long to load are imported inside the commands.
"""

from polycypher.cli import (  # noqa: F401 - they register their commands
    asking,
    benching,
    chat,
    extending,
    graphs,
    mcp,
    merging,
    scoring,
    serving,
    study,
    training,
    transfer,
)
from polycypher.cli.app import app
from polycypher.cli.entry import main

__all__ = ["app", "main"]
