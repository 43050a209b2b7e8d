"""The table of `docs/graphs.md`: what each vendor's Cypher has, made from `data/dialects.yaml`.

Run as a module it writes the table into the page: `python -m polycypher.cypher.dialect_table docs/graphs.md`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from polycypher.cypher.dialect import OTHER, Dialect, constructs, dialect, dialect_names

BEGIN, END = "<!-- dialects: begin -->", "<!-- dialects: end -->"
"""The lines between which the table stands in a page."""


def table() -> str:
    """The table in Markdown: a row a construct, a column a vendor, and below it where it is known from.

    `yes` is understood as it is, `rewritten` is said otherwise with the same meaning, `no` is refused with
    advice. Where a construct came with a version, the table says which.
    """
    vendors = [dialect(name) for name in dialect_names() if name != OTHER]
    lines = [
        "| in a query | " + " | ".join(vendor.title for vendor in vendors) + " |",
        "| --- " * (len(vendors) + 1) + "|",
    ]
    for construct in constructs().values():
        cells = (_cell(vendor, construct.name) for vendor in vendors)
        lines.append(f"| {construct.shown.replace('|', chr(92) + '|')} | {' | '.join(cells)} |")
    lines += ["", "Where this is from:", ""]
    lines += [f"- {vendor.title} ({vendor.checked}): {vendor.source}." for vendor in vendors]
    return "\n".join(lines)


def _cell(vendor: Dialect, construct: str) -> str:
    lack = vendor.without(construct)
    if lack is None:
        return "yes"
    otherwise = "rewritten" if lack.rule else "no"
    return f"{'.'.join(map(str, lack.since))}, before {otherwise}" if lack.since else otherwise


def with_table(page: str) -> str:
    """A page with the table between its two lines.

    Raises:
        ValueError: the page has not the two lines.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
