"""The command line. Every command is a call of one function of the rooms below.

Exit codes: 0 answered (no rows is an answer too), 2 usage, 3 the guard or the database refused the
query, 4 the database cannot be reached, 5 the model or bundle cannot be used, 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from polycypher import __version__, console
from polycypher.errors import PolycypherError, UsageError

app = typer.Typer(
    name="polycypher",
    help="Ask a property graph in any language.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
train_app = typer.Typer(help="Train models and adapters.", no_args_is_help=True)
app.add_typer(train_app, name="train")

GraphOption = Annotated[
    str, typer.Option("--graph", "-g", help="demo, a graph made by `load`, or bolt://… neo4j://…")
]
ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="nano, a bundle's folder, or a hub id owner/name.")
]
DatabaseOption = Annotated[
    str | None, typer.Option(help="The server's database.", envvar="POLYCYPHER_DATABASE")
]
UserOption = Annotated[str | None, typer.Option(help="The server's user.", envvar="POLYCYPHER_USER")]
PasswordOption = Annotated[
    str | None, typer.Option(help="The user's password.", envvar="POLYCYPHER_PASSWORD")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
TopOption = Annotated[int, typer.Option(min=1, help="Rows at most.")]
TimeoutOption = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that a query may run.")]
LanguageOption = Annotated[str, typer.Option(help="auto asks the gate; a language uses its adapter alone.")]
ConstrainOption = Annotated[
    bool, typer.Option("--constrain/--no-constrain", help="Decode only valid queries.")
]


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"polycypher {__version__}")
        raise typer.Exit


def _access(
    graph: str, database: str | None, user: str | None, password: str | None
) -> dict[str, str | None]:
    """Credentials for a URI. From the environment they are ignored where an embedded graph needs none."""
    if "://" in graph:
        return {"database": database, "user": user, "password": password}
    given = {"POLYCYPHER_DATABASE": database, "POLYCYPHER_USER": user, "POLYCYPHER_PASSWORD": password}
    values = [None if value == os.environ.get(name) else value for name, value in given.items()]
    return dict(zip(("database", "user", "password"), values, strict=True))


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
    json: JsonOption = False,
) -> None:
    """Ask a question: one read-only query is made, checked and run."""
    from polycypher.translator.translator import check_question

    question = check_question(question)
    import polycypher.ask as rooms
    from polycypher.graph.store import Limits

    with console.waiting("loading"):
        translator, store, load_ms = rooms.open_both(model, graph, **_access(graph, database, user, password))
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
    import time

    from polycypher.cypher import guard

    guard.check(query)
    import polycypher.ask as rooms
    from polycypher.graph.connect import connect
    from polycypher.graph.store import Limits

    began = time.perf_counter()
    with connect(graph, **_access(graph, database, user, password)) as store:
        load_ms = 1000 * (time.perf_counter() - began)
        answer = rooms.run(query, store, limits=Limits(rows=top, seconds=timeout), load_ms=load_ms)
    if json:
        console.print_json(answer.to_dict())
    else:
        console.print_answer(answer)


@app.command()
def load(
    script: Annotated[Path | None, typer.Argument(help="A Cypher script; or use --nodes.")] = None,
    graph: Annotated[str, typer.Option("--graph", "-g", help="The new graph's name.")] = "",
    nodes: Annotated[list[str] | None, typer.Option(help="Label=file.csv, one or several.")] = None,
    relationships: Annotated[
        list[str] | None,
        typer.Option(
            help="'TYPE=file.csv:Start.key>End.key', one or several; =column after a key named otherwise."
        ),
    ] = None,
    type: Annotated[
        list[str] | None, typer.Option(help="Label.property=integer|float|boolean|string|…")
    ] = None,
    keep_keys: Annotated[
        bool, typer.Option(help="Relationships keep the columns that name their ends.")
    ] = False,
    replace: Annotated[bool, typer.Option(help="Replace a graph of this name.")] = False,
) -> None:
    """Fill a named embedded graph from a Cypher script or from CSV files."""
    from polycypher.graph import csv_spec
    from polycypher.graph import load as loading

    if (script is None) == (not nodes):
        raise UsageError("name a Cypher script, or node files with --nodes Label=file.csv")
    if script is not None and (relationships or type or keep_keys):
        raise UsageError("--relationships, --type and --keep-keys belong to node files, not to a script")
    name = graph or (script.stem if script else "")
    if not name:
        raise UsageError("name the new graph with --graph")
    with console.waiting(f"loading {name}"):
        if script is not None:
            report = loading.load_script(name, script, replace=replace)
        else:
            report = loading.load_csv(
                name,
                csv_spec.parse_nodes(nodes or ()),
                [csv_spec.parse_relationship(text) for text in relationships or ()],
                types=csv_spec.parse_types(type or ()),
                keep_keys=keep_keys,
                replace=replace,
            )
    if report.skipped:
        console.print_notice(f"{report.skipped} rows or statements skipped")
    console.out().print(console.graph_table([report.graph]))


@app.command()
def graphs(json: JsonOption = False) -> None:
    """List the embedded graphs."""
    from polycypher.graph.registry import list_graphs

    found = list_graphs()
    if json:
        console.print_json(
            {"graphs": [{"name": g.name, "nodes": g.nodes, "relationships": g.relationships} for g in found]}
        )
    elif found:
        console.out().print(console.graph_table(found))
    else:
        console.print_notice("no graph yet; `polycypher ask` makes the demo graph, `polycypher load` others")


@app.command()
def schema(
    graph: GraphOption = "demo",
    database: DatabaseOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    json: JsonOption = False,
) -> None:
    """Show a graph's labels, properties and relationships, as the model sees them."""
    from polycypher.graph.connect import connect

    with connect(graph, **_access(graph, database, user, password)) as store:
        found = store.schema()
    if json:
        console.print_json(found.to_dict())
    elif found:
        console.print_text(found.to_prompt())
    else:
        console.print_notice("the graph is empty")


@app.command()
def languages(model: ModelOption = "nano", json: JsonOption = False) -> None:
    """List the languages a model has an adapter for."""
    from polycypher.translator.bundle import Manifest, find_bundle

    found = list(Manifest.load(find_bundle(model)).languages)
    if json:
        console.print_json({"languages": found})
    else:
        typer.echo("\n".join(found))


@app.command()
def evaluate(
    corpus: Annotated[Path, typer.Option(help="Examples: .jsonl, .csv or .parquet.")],
    graph: Annotated[str | None, typer.Option("--graph", "-g", help="Where queries run.")] = None,
    schemas: Annotated[
        Path | None, typer.Option(help="Schemas (JSONL) instead of a graph: text measures only.")
    ] = None,
    database: DatabaseOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    model: ModelOption = "nano",
    language: Annotated[list[str] | None, typer.Option(help="Only these languages.")] = None,
    constrain: ConstrainOption = True,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many examples.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Keep the predictions here (JSONL).")] = None,
    json: JsonOption = False,
) -> None:
    """Score a model on a corpus, by language."""
    import polycypher.ask as rooms
    from polycypher import score
    from polycypher.corpus.readers import read_examples, read_schemas
    from polycypher.evaluation.table import routing_table, score_table
    from polycypher.translator.translator import Translator

    if graph is not None and schemas is not None:
        raise UsageError("name a graph with --graph or schemas with --schemas, not both")
    examples = read_examples(corpus, languages=language)
    store: Any = None
    if graph is not None:
        examples, others = score.examples_for(examples, graph)
        if others:
            console.print_notice(f"{others} examples of other databases than '{graph}' are left out")
        with console.waiting("loading"):
            translator, store, _ = rooms.open_both(model, graph, **_access(graph, database, user, password))
    elif schemas is not None:
        translator = Translator.load(model)
    else:
        raise UsageError("name a graph with --graph, or schemas with --schemas")
    examples = examples[:limit]
    try:
        with console.progress_bar("translating", sum(len(e.questions) for e in examples)) as advance:
            report = score.score(
                examples,
                translator,
                store=store,
                schemas=read_schemas(schemas) if schemas else None,
                constrain=constrain,
                progress=advance,
                keep=predictions,
            )
    finally:
        if store is not None:
            store.close()
    if json:
        console.print_json(report.to_json())
    else:
        console.out().print(score_table(report))
        console.out().print(routing_table(report))


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


@train_app.command("nano")
def train_nano(
    recipe: Annotated[Path, typer.Argument(help="The recipe (YAML).")],
    stage: Annotated[
        str, typer.Option(help="base, adapters, gate or all; finished stages are kept.")
    ] = "all",
) -> None:
    """Train the default bundle: base, one adapter a language, gate."""
    from polycypher.nano.bundle import train_bundle
    from polycypher.nano.recipe import NanoRecipe

    folder = train_bundle(NanoRecipe.from_file(recipe), stage=stage, report=_print_record)
    typer.echo(str(folder))


def _print_record(record: dict[str, Any]) -> None:
    shown = (
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in record.items()
    )
    typer.echo("  ".join(shown), err=True)


def _spread(words: list[str]) -> list[str]:
    """Let `load` take several values after one option: `--nodes A=a.csv B=b.csv`."""
    if words[:1] != ["load"]:
        return words
    spread: list[str] = []
    option = ""
    for word in words:
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            if equals and name in ("--nodes", "--relationships", "--type"):
                option = name
                spread.append(word)
                continue
            option = word if word in ("--nodes", "--relationships", "--type") else ""
            spread.append(word)
        else:
            if option and spread[-1] != option:
                spread.append(option)
            spread.append(word)
    return spread


def main() -> None:
    """Entry point: runs a command and turns errors into one line and an exit code."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # A terminated command ends as an interrupted one does: every `with` closes what it opened.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console.prepare_streams()
    code = _run(_spread(sys.argv[1:]))
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            console.print_error(f"cannot write the output: {error.strerror}")
            code = code or 2
    sys.exit(code)


def _run(words: list[str]) -> int:
    try:
        # The library returns 130 for an interrupt instead of raising it.
        code = app(words, standalone_mode=False)
    except PolycypherError as error:
        console.print_error(str(error))
        return error.exit_code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        console.print_error(
            f"the system refused{where}: {error.strerror or error}; check the path and its rights"
        )
        return 2
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # The library's own usage errors; without any argument that is the help.
        message = error.format_message()
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(message, err=True)
        else:
            console.print_error(f"{message.rstrip('.')}; see polycypher --help")
        return 2
    if code == 130:
        console.print_error("interrupted")
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
