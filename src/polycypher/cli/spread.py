"""Several values after one option: `load --nodes A=a.csv B=b.csv`.

The command-line library takes one value after each option; the words are written out for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SEVERAL: Mapping[str, frozenset[str]] = {
    "load": frozenset({"--nodes", "--relationships", "--type"}),
    "merge": frozenset({"--adapter"}),
}
"""Command → its options that take one or several values."""


def spread(words: Sequence[str]) -> list[str]:
    """The words with such an option before each of its values; those of other commands as they are.

    `["load", "--nodes", "A=a", "B=b"]` becomes `["load", "--nodes", "A=a", "--nodes", "B=b"]`.
    """
    options = SEVERAL.get(words[0], frozenset()) if words else frozenset()
    written: list[str] = []
    option = ""  # the one whose values are being read
    for word in words:
        if word.startswith("-"):
            name = word.partition("=")[0]
            option = name if name in options else ""
        elif option and written[-1] != option:
            written.append(option)
        written.append(word)
    return written
