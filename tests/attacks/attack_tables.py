"""The figures of `bench/attacks.py` as the tables of `docs/security.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Figures = Mapping[str, Mapping[str, int]]
"""kind → what was counted."""

BEGIN, END = "<!-- attacks: begin -->", "<!-- attacks: end -->"
ENDS = ("rejected", "time", "rows or bytes", "answered", "lost")
"""How an expensive query ends."""
_QUERIES = {
    "hostile query": "",
    "count": "count",
    "works with no layer": "alone",
    "grammar alone": "grammar",
    "guard alone": "guard",
    "reader alone": "reader",
}
_LIMITS = {
    "expensive query": "",
    "count": "count",
    "guard refuses": "guard",
    "server rejects": "rejected",
    "time": "time",
    "rows or bytes": "rows or bytes",
    "answered": "answered",
    "server ended by it": "lost",
    "server started again": "restarted",
    "usable afterwards": "usable",
}
_QUESTIONS = {
    "hostile question": "",
    "count": "count",
    "not taken": "not taken",
    "refused": "refused",
    "cut off": "cut off",
    "answered": "answered",
    "without grammar: guard refuses": "free, refused by the guard",
}


def table(results: Mapping[str, Any]) -> str:
    """All figures as Markdown: a table for each part that was measured."""
    parts = {"queries": _QUERIES, "limits": _LIMITS, "questions": _QUESTIONS}
    found = [_rows(columns, results[part]["kinds"]) for part, columns in parts.items() if part in results]
    return "\n\n".join("\n".join(lines) for lines in found)


def written_into(text: str, tables: str) -> str:
    """A document with the tables between its two marks."""
    within = re.compile(f"(?<={re.escape(BEGIN)}\n).*(?={re.escape(END)})", re.DOTALL)
    return within.sub(lambda _: f"{tables}\n", text)


def _rows(columns: Mapping[str, str], kinds: Figures) -> Sequence[str]:
    names = [name for name in columns.values() if name]
    total = [sum(figures.get(name, 0) for figures in kinds.values()) for name in names]
    body = [[kind, *(str(figures.get(name, 0)) for name in names)] for kind, figures in kinds.items()]
    body.append(["**all**", *(f"**{count}**" for count in total)])
    return [
        f"| {' | '.join(columns)} |",
        "|---" + "|--:" * len(names) + "|",
        *(f"| {' | '.join(row)} |" for row in body),
    ]
