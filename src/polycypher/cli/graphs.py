"""Commands about graphs: `load`, `graphs`, `schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import DatabaseOption, GraphOption, JsonOption, PasswordOption, UserOption
from polycypher.errors import UsageError
from polycypher.graph.access import access_to


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
    if script is not None:
        report = loading.load_script(name, script, replace=replace, watch=console.progress_bar)
    else:
        report = loading.load_csv(
            name,
            csv_spec.parse_nodes(nodes or ()),
            [csv_spec.parse_relationship(text) for text in relationships or ()],
            types=csv_spec.parse_types(type or ()),
            keep_keys=keep_keys,
            replace=replace,
            watch=console.progress_bar,
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
        console.print_json({"graphs": [info.to_dict() for info in found]})
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
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read it anew, and the index of stored values too.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show a graph's labels, properties and relationships, as the model sees them."""
    from polycypher.graph.connect import connect

    with connect(graph, **access_to(graph, database, user, password)) as store:
        found = store.schema(refresh=refresh)
        if refresh and found:
            with console.waiting("reading the stored values"):
                values = store.build_values()
            whole = "" if values.complete else "; there are more, time or room ran out"
            console.print_notice(f"{len(values.places):,} stored values are known{whole}")
        for notice in store.schema_notices:
            console.print_notice(notice)
    if json:
        console.print_json(found.to_dict())
    elif found:
        console.print_text(found.to_prompt())
    else:
        console.print_notice("the graph is empty")
