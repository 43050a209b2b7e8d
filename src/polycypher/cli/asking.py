"""Commands about questions and queries: `ask`, `run`, `demo`, `languages`."""

from __future__ import annotations

from typing import Annotated

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
    ModeOption,
    PasswordOption,
    TimeoutOption,
    TopOption,
    UserOption,
)
from polycypher.fusion.modes import Mode
from polycypher.graph.access import access_to


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in any language.")],
    graph: GraphOption = "demo",
    database: DatabaseOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    model: ModelOption = "nano",
    language: LanguageOption = "auto",
    top: TopOption = 100,
    timeout: TimeoutOption = 10.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the query, do not run it.")] = False,
    constrain: ConstrainOption = True,
    mode: ModeOption = Mode.PRUNED,
    json: JsonOption = False,
) -> None:
    """Ask a question: one read-only query is made, checked and run."""
    from polycypher.translator.translator import check_question

    question = check_question(question)  # before anything loads
    import polycypher.ask as rooms
    from polycypher.graph.store import Limits

    with console.waiting("loading"):
        translator, store, load_ms = rooms.open_both(
            model, graph, mode=mode, **access_to(graph, database, user, password)
        )
    with translator, store:
        answer = rooms.ask(
            question,
            translator,
            store,
            language=None if language == "auto" else language,
            constrain=constrain,
            limits=Limits(rows=top, seconds=timeout),
            execute=not dry_run,
            load_ms=load_ms,
        )
        for notice in answer.notices:
            console.print_notice(notice)
        if json:
            console.print_json(answer.to_dict())
        elif dry_run:
            console.print_text(answer.cypher)
        else:
            console.print_answer(answer)


@app.command()
def run(
    query: Annotated[str, typer.Argument(help="A Cypher query that reads.")],
    graph: GraphOption = "demo",
    database: DatabaseOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    top: TopOption = 100,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
) -> None:
    """Run a query of your own through the same guard and limits."""
    from polycypher.cypher import guard

    guard.check(query)  # before anything loads
    import polycypher.ask as rooms
    from polycypher.graph.store import Limits

    store, load_ms = rooms.open_graph(graph, **access_to(graph, database, user, password))
    with store:
        answer = rooms.run(query, store, limits=Limits(rows=top, seconds=timeout), load_ms=load_ms)
    for notice in answer.notices:
        console.print_notice(notice)
    if json:
        console.print_json(answer.to_dict())
    else:
        console.print_answer(answer)


@app.command()
def demo() -> None:
    """Ask the demo graph the same question in English, Spanish and Turkish."""
    import polycypher.ask as rooms

    with console.waiting("starting the demo graph and the model"):
        translator, store, load_ms = rooms.open_both()
    with translator, store:
        for language, question in rooms.examples_of_questions():
            console.out().rule(f"{language} · {question}", align="left")
            console.print_answer(rooms.ask(question, translator, store, load_ms=load_ms))


@app.command()
def languages(model: ModelOption = "nano", json: JsonOption = False) -> None:
    """List the languages a model has an adapter for."""
    from polycypher.translator.bundle import Manifest, find_bundle

    found = list(Manifest.load(find_bundle(model)).languages)
    if json:
        console.print_json({"languages": found})
    else:
        typer.echo("\n".join(found))
