"""The entry point: runs a command and turns errors into one line and an exit code. Knows no command."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.spread import spread
from polycypher.errors import PolycypherError

_USAGE, _INTERRUPTED = 2, 130


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    if not sys.warnoptions:  # what a library will change one day is no news for a user
        warnings.simplefilter("ignore", FutureWarning)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # A terminated command ends as an interrupted one does: every `with` closes what it opened.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console.prepare_streams()
    code = _run(spread(sys.argv[1:]))
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            console.print_error(f"cannot write the output: {error.strerror}")
            code = code or _USAGE
    sys.exit(code)


def _run(words: Sequence[str]) -> int:
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
        code = _INTERRUPTED
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        console.print_error(
            f"the system refused{where}: {error.strerror or error}; check the path and its rights"
        )
        return _USAGE
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # The library's own usage errors; without any argument that is the help.
        message = error.format_message()
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(message, err=True)
        else:
            console.print_error(f"{message.rstrip('.')}; see polycypher --help")
        return _USAGE
    if code == _INTERRUPTED:
        console.print_error("interrupted")
    return code if isinstance(code, int) else 0
