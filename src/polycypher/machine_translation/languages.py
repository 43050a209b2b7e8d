"""BCP 47 language codes → FLORES-200 codes, the names that NLLB knows languages by (arXiv 2207.04672).

The table is data (`flores.csv`): a code with its usual script, `zh` Simplified and `sr` Cyrillic. A script in
the tag goes before it: `zh-Hant` is `zho_Hant`. A region counts only in the table's own tags (`zh-TW`).
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from polycypher.corpus.example import check_language
from polycypher.errors import CorpusError, UsageError


def flores_code(tag: str) -> str:
    """The FLORES-200 code of a BCP 47 tag: `de` → `deu_Latn`, `pt-BR` → `por_Latn`, `ace-Arab` → `ace_Arab`.

    Raises:
        UsageError: no language tag, or a language that the table does not hold.
    """
    try:
        check_language(tag)
    except CorpusError as error:
        raise UsageError(str(error)) from None
    table = _table()
    language, *rest = tag.split("-")
    found = table.get(tag) or table.get(language)
    if found is None:
        raise UsageError(f"NLLB has no language '{tag}'; give a file of ready translations (`file:PATH`)")
    script = next((part for part in rest if len(part) == 4), None)
    return f"{found.split('_')[0]}_{script}" if script else found


@cache
def _table() -> dict[str, str]:
    text = (files(__package__) / "flores.csv").read_text(encoding="utf-8")
    return {row["bcp47"]: row["flores"] for row in csv.DictReader(text.splitlines())}
