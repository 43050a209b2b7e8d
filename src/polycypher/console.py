"""How answers, graphs and scores look on a terminal. Results go to stdout, everything else to stderr.

Knows no model and no database: it draws what it is given.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from polycypher.ask import Answer
    from polycypher.graph.registry import GraphInfo
    from polycypher.graph.watch import Advance

BAR = 20
LONGEST_CELL = 120
"""Characters of a cell that a table shows; `--json` gives all."""


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Text from a model or a database, safe for a terminal: control characters are shown, not obeyed."""
    return _UNPRINTABLE.sub(
        lambda found: found[0].encode("unicode_escape", "backslashreplace").decode(), text
    )


def out() -> Console:
    """The console for results."""
    return Console(soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """The console for progress, notices and errors."""
    return Console(stderr=True, soft_wrap=True)


def prepare_streams() -> None:
    """Make stdout and stderr safe to write to: closed ones swallow, unknown characters are escaped."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - lives with the process
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(value: Any) -> None:
    """Exactly one JSON object on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_text(text: str) -> None:
    """Plain text on stdout, for pipes."""
    sys.stdout.write(printable(text) + "\n")


def print_error(message: str) -> None:
    """One line on stderr."""
    err().print(Text.assemble(("error: ", "bold red"), printable(" ".join(message.split()))))


def print_notice(message: str) -> None:
    """One line on stderr."""
    err().print(Text.assemble(("note: ", "yellow"), printable(message)))


def print_answer(answer: Answer) -> None:
    """Query, weights, rows and times."""
    console = out()
    if console.is_terminal:
        console.print(
            Syntax(
                printable(answer.cypher),
                "cypher",
                theme="ansi_dark",
                background_color="default",
                word_wrap=True,
            )
        )
    else:
        console.print(Text(printable(answer.cypher)))
    if answer.weights is not None:
        console.print(weight_bars(answer.weights))
    if answer.columns:
        console.print(row_table(answer))
    shown = f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}"
    if answer.truncated:
        shown += " (there are more)"
    times = " · ".join(f"{stage} {ms:.0f} ms" for stage, ms in answer.elapsed_ms.items())
    console.print(Text(f"{shown} · {times}", style="dim"))


def weight_bars(weights: Mapping[str, float]) -> Text:
    """One bar a language: `en ██████·········  0.40`."""
    lines = []
    for language, weight in weights.items():
        full = round(weight * BAR)
        lines.append(f"  {language:<7} {'█' * full}{'·' * (BAR - full)}  {weight:.2f}")
    return Text("\n".join(lines), style="cyan")


def row_table(answer: Answer) -> Table:
    """The rows as a table; long cells are cut."""
    table = Table(show_edge=False, header_style="bold")
    for column in answer.columns:
        table.add_column(Text(printable(column)), overflow="fold")
    for row in answer.rows:
        table.add_row(*(Text(show(cell)) for cell in row))
    return table


def show(value: Any) -> str:
    """A value as people read it: text bare, nodes as `(:Label {…})`, lists in brackets."""
    text = printable(_shown(value))
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _shown(value: Any) -> str:
    from polycypher.graph.values import Node, Path, Relationship

    match value:
        case None:
            return "—"
        case str():
            return value
        case Node():
            return f"(:{':'.join(value.labels)} {_map(value.properties)})"
        case Relationship():
            return f"[:{value.type} {_map(value.properties)}]"
        case Path():
            return " → ".join(_shown(node) for node in value.nodes)
        case list() | tuple():
            return "[" + ", ".join(_shown(item) for item in value) + "]"
        case dict():
            return _map(value)
        case _:
            return str(value)


def _map(properties: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_shown(value)}" for key, value in properties.items()) + "}"


def graph_table(graphs: Sequence[GraphInfo]) -> Table:
    """Named graphs with their sizes."""
    table = Table(show_edge=False, header_style="bold")
    table.add_column("graph")
    table.add_column("nodes", justify="right")
    table.add_column("relationships", justify="right")
    table.add_column("from")
    for graph in graphs:
        table.add_row(
            graph.name,
            f"{graph.nodes:,}",
            f"{graph.relationships:,}",
            graph.source.split()[0] if graph.source else "",
        )
    return table


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Advance]:
    """A progress bar with time left on stderr; nothing where that is no terminal. Yields `advance(count)`."""
    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = err()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda count=1: progress.advance(task, count)


@contextmanager
def waiting(message: str) -> Iterator[None]:
    """A spinner on stderr while something loads; nothing where stderr is no terminal."""
    console = err()
    if not console.is_terminal:
        yield
        return
    with console.status(Text(message)):
        yield


class TextTable(Protocol):
    """A titled table of plain text."""

    @property
    def title(self) -> str: ...

    @property
    def header(self) -> tuple[str, ...]: ...

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]: ...

    @property
    def note(self) -> str: ...


def text_table(table: TextTable) -> Table:
    """A table of plain text for the terminal."""
    shown = Table(
        title=Text(table.title), caption=Text(table.note) if table.note else None, title_justify="left"
    )
    for name in table.header:
        shown.add_column(Text(name))
    for row in table.rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    return shown
