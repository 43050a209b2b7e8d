"""Fuzz the guard and the lexer with `atheris`, which looks for texts that take new ways through the code.

    pip install atheris
    python tests/attacks/fuzz_guard.py -max_total_time=60

No test: pytest does not collect it. It ends with an error at the first text that breaks a promise.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found]
from attack_corpus import queries
from attack_oracle import findings

with atheris.instrument_imports(include=["polycypher.cypher"]):
    from polycypher.cypher.guard import check
    from polycypher.cypher.lexer import scan
    from polycypher.errors import GuardError


def one_text(data: bytes) -> None:
    """What must hold for any text."""
    text = data.decode("utf-8", "replace")
    if "".join(token.text for token in scan(text)) != text:
        raise AssertionError("the lexer lost a character")
    try:
        checked = check(text)
    except GuardError as error:
        if "\n" in str(error) or "\r" in str(error):
            raise AssertionError("a message of several lines") from error
        return
    if found := findings(checked):
        raise AssertionError(f"{found}: {checked!r}")
    if check(checked) != checked:
        raise AssertionError(f"not stable: {checked!r}")


def main() -> None:
    """Begin with the corpus of attacks."""
    with tempfile.TemporaryDirectory() as folder:
        for number, attack in enumerate(queries()):
            if len(attack.text) < 1000:
                seed = attack.text.encode("utf-8", "replace")
                (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], one_text)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
