"""What a line of a session means: a question, or a command that begins with a colon.

Prints by `polycypher.console`. Knows nothing of how lines are typed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.text import Text

from polycypher import ask as rooms
from polycypher import console
from polycypher.ask import Answer
from polycypher.errors import PolycypherError, UsageError
from polycypher.graph.store import GraphStore, Limits
from polycypher.translator.translator import Translator

AUTO = "auto"
"""The language that asks the gate."""

COMMANDS: Mapping[str, str] = {
    ":schema": "what the graph holds, as the model sees it",
    ":cypher QUERY": "run a query of your own",
    ":lang CODE|auto": "use one language's adapter, or let the gate choose; without a code, tell",
    ":help": "this list",
    ":quit": "leave; so does Ctrl-D",
}
"""Each command as it is written, and what it does."""


class Conversation:
    """One session with a model and a graph.

    Args:
        translator: the loaded model; the caller closes it.
        store: the open graph; the caller closes it.
        language: a language's code, or `auto`.
        limits: of each query.
        constrain: decode only queries that are valid for the schema.
        json: print one JSON object a line instead of text.

    Raises:
        UsageError: the model has no adapter for the language.
    """

    def __init__(
        self,
        translator: Translator,
        store: GraphStore,
        *,
        language: str = AUTO,
        limits: Limits | None = None,
        constrain: bool = True,
        json: bool = False,
    ) -> None:
        self.translator = translator
        self.store = store
        self.language = AUTO
        self._limits = limits or Limits(rows=100)
        self._constrain = constrain
        self._json = json
        self._commands: dict[str, Callable[[str], None]] = {
            ":schema": self._show_schema,
            ":cypher": self._run,
            ":lang": self._choose,
            ":help": self._help,
        }
        if language != AUTO:
            self._set(language)

    def take(self, line: str) -> bool:
        """Do what a line says; False if it says to leave. An empty line says nothing.

        Raises:
            UsageError: an unknown command, or one without what it needs.
            PolycypherError: as `polycypher.ask.ask` and `run`.
        """
        line = line.strip()
        if not line.startswith(":"):
            if line:
                self._ask(line)
            return True
        name, _, rest = line.partition(" ")
        if name == ":quit":
            return False
        if name not in self._commands:
            raise UsageError(f"there is no command '{name[:40]}'; :help lists them")
        self._commands[name](rest.strip())
        return True

    def take_all(self, lines: Iterable[str]) -> int:
        """Take line after line; an error is told and the next line taken.

        Returns:
            the exit code of the first error, 0 if there was none.
        """
        code = 0
        for line in lines:
            try:
                if not self.take(line):
                    break
            except PolycypherError as error:
                code = code or error.exit_code
                self.tell(error, line)
        return code

    def tell(self, error: PolycypherError, line: str) -> None:
        """Print an error: one line on stderr, or as JSON in the place of the answer."""
        if self._json:
            self._print_json({"line": line.strip(), "error": str(error)})
        else:
            console.print_error(str(error))

    # ------------------------------------------------------------------ inside

    def _ask(self, question: str) -> None:
        with _writing() as on_text:
            answer = rooms.ask(
                question,
                self.translator,
                self.store,
                language=None if self.language == AUTO else self.language,
                constrain=self._constrain,
                on_text=on_text,
                limits=self._limits,
            )
        self._print(answer)

    def _run(self, query: str) -> None:
        if not query:
            raise UsageError(":cypher needs a query, for example: :cypher MATCH (n) RETURN count(n)")
        with console.waiting("running"):
            answer = rooms.run(query, self.store, limits=self._limits)
        self._print(answer)

    def _show_schema(self, _: str) -> None:
        schema = self.store.schema()
        if self._json:
            self._print_json(schema.to_dict())
        elif schema:
            console.print_text(schema.to_prompt())
        else:
            console.print_notice("the graph is empty")

    def _choose(self, language: str) -> None:
        if language:
            self._set(language)
        console.print_notice(
            f"language {self.language}; there are {AUTO}, {', '.join(self.translator.languages)}"
        )

    def _set(self, language: str) -> None:
        if language != AUTO and language not in self.translator.languages:
            there = ", ".join(self.translator.languages)
            raise UsageError(f"the model has no adapter for '{language[:40]}'; it has {there}")
        self.language = language

    def _help(self, _: str) -> None:
        width = max(map(len, COMMANDS))
        for written, meaning in COMMANDS.items():
            console.err().print(Text(f"{written:<{width}}  {meaning}"))

    def _print(self, answer: Answer) -> None:
        if self._json:
            self._print_json({**answer.to_dict(), "notices": list(answer.notices)})
            return
        for notice in answer.notices:
            console.print_notice(notice)
        console.print_answer(answer)

    def _print_json(self, value: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[Callable[[str], None] | None]:
    """A spinner that shows the query as it is written; nothing where stderr is no terminal."""
    screen = console.err()
    if not screen.is_terminal:
        yield None
        return
    with screen.status(Text("thinking")) as status:
        yield lambda text: status.update(Text(console.printable(text), no_wrap=True, overflow="ellipsis"))
