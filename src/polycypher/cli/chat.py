"""The command `chat`: a session in the terminal."""

from __future__ import annotations

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import (
    ConstrainOption,
    DatabaseOption,
    GraphOption,
    JsonOption,
    LanguageOption,
    ModelOption,
    PasswordOption,
    TimeoutOption,
    TopOption,
    UserOption,
)
from polycypher.graph.access import access_to


@app.command()
def chat(
    graph: GraphOption = "demo",
    database: DatabaseOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    model: ModelOption = "nano",
    language: LanguageOption = "auto",
    top: TopOption = 100,
    timeout: TimeoutOption = 10.0,
    constrain: ConstrainOption = True,
    json: JsonOption = False,
) -> None:
    """Ask question after question; a pipe's lines are questions, and nothing but answers is printed."""
    from polycypher import ask as rooms
    from polycypher.chat import Conversation, converse
    from polycypher.graph.store import Limits

    limits = Limits(rows=top, seconds=timeout)
    with console.waiting("loading"):
        translator, store, _ = rooms.open_both(model, graph, **access_to(graph, database, user, password))
    with translator, store:
        conversation = Conversation(
            translator, store, language=language, limits=limits, constrain=constrain, json=json
        )
        code = converse(conversation)
    raise typer.Exit(code)
