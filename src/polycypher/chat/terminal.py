"""How the lines of a session are typed: a prompt with history and completion, or a pipe.

The history lies in the user's data folder, for the user's eyes alone. Knows nothing of what a line means.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polycypher import console
from polycypher.chat.conversation import AUTO, COMMANDS, Conversation
from polycypher.cypher.words import KEYWORDS
from polycypher.errors import PolycypherError, UsageError
from polycypher.graph.registry import home

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

HISTORY = "chat-history"
"""The file's name in the data folder."""

_TERMINATED = 143  # what a shell shows of a process that SIGTERM ended


def converse(conversation: Conversation) -> int:
    """Take lines from stdin until they end.

    On a terminal there is a prompt, an error is told and the session goes on, Ctrl-C cancels the question and
    Ctrl-D leaves. In a pipe nothing but the answers is printed.

    Args:
        conversation: takes the lines.

    Returns:
        the exit code: 0, or in a pipe that of the first line that failed.

    Raises:
        UsageError: on a terminal, without the extra `chat`.
        KeyboardInterrupt: in a pipe.
    """
    if sys.stdin is None:  # closed by whoever started the process
        return 0
    if sys.stdin.isatty() and sys.stdout.isatty():
        return prompt_for_lines(conversation)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # what is no UTF-8 is a wrong letter and no failure
    try:
        return conversation.take_all(sys.stdin)
    except BrokenPipeError:
        return 0  # whoever reads has seen enough


def prompt_for_lines(
    conversation: Conversation, *, input: Input | None = None, output: Output | None = None
) -> int:
    """Converse on a terminal; `input` and `output` are the process's own if not given.

    Raises:
        UsageError: the extra `chat` is not installed.
    """
    session = _session(conversation, input, output)
    languages = ", ".join(conversation.translator.languages)
    console.print_notice(
        f"ask {conversation.store.name} in {languages} or another language; "
        ":help for commands, Ctrl-D to leave"
    )
    with _ending_when_terminated():
        while True:
            line = ""
            try:
                line = session.prompt(_prompt(conversation.language))
                if not conversation.take(line):
                    return 0
            except EOFError:
                return 0
            except PolycypherError as error:
                conversation.tell(error, line)
            except KeyboardInterrupt:
                if line:  # else it was being typed, and is thrown away
                    console.print_notice("cancelled")


def _prompt(language: str) -> str:
    return "polycypher> " if language == AUTO else f"polycypher {language}> "


def _session(conversation: Conversation, input: Input | None, output: Output | None) -> PromptSession[str]:
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
    except ImportError:
        raise UsageError(
            "chat on a terminal needs prompt_toolkit; install it with: pip install 'polycypher[chat]'"
        ) from None
    return PromptSession(
        history=_history(),
        completer=_completer(conversation),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        enable_history_search=True,
        input=input,
        output=output,
    )


def _history() -> History:
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    class PrivateHistory(FileHistory):
        """One that a full disk does not stop: the question counts, not that it is remembered."""

        def store_string(self, string: str) -> None:
            with suppress(OSError):
                super().store_string(string)

    path = home() / HISTORY
    try:
        _make_private(path)
    except OSError as error:
        console.print_notice(f"the history is not kept: {path}: {error.strerror}")
        return InMemoryHistory()
    return PrivateHistory(str(path))


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    path.chmod(0o600)  # also one that was there with another mode


def _completer(conversation: Conversation) -> Completer:
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

    class LineCompleter(Completer):
        """Commands, the languages after `:lang`, words of Cypher and names of the graph after `:cypher`."""

        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
            line = document.text_before_cursor.lstrip()
            if not line.startswith(":"):
                return
            command, space, rest = line.partition(" ")
            if not space:
                words: Iterable[str] = (written.partition(" ")[0] for written in COMMANDS)
                begun = command
            elif command == ":lang":
                words, begun = (AUTO, *conversation.translator.languages), rest
            elif command == ":cypher":
                words, begun = _names(conversation), document.get_word_before_cursor()
            else:
                return
            for word in words:
                if word.lower().startswith(begun.lower()) and (begun or command != ":cypher"):
                    yield Completion(word, start_position=-len(begun))

    return LineCompleter()


def _names(conversation: Conversation) -> list[str]:
    """What a query may hold. The schema is known from the first question on; a graph that does not answer
    now completes nothing."""
    try:
        schema = conversation.store.schema()
    except PolycypherError:
        return sorted(KEYWORDS)
    return [*schema.labels, *schema.relationship_types, *schema.properties, *sorted(KEYWORDS)]


@contextmanager
def _ending_when_terminated() -> Iterator[None]:
    """SIGTERM ends the session, where elsewhere it is taken for an interrupt, which only cancels here."""

    def end(*_: Any) -> None:
        sys.exit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
