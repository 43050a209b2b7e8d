"""A CSV file as typed columns. Knows nothing of graphs.

The first line names the columns. Text is UTF-8; the separator is the one of `,` `;` tab and `|` that the
first line holds most of. An empty field and the word `NULL` are no value.

**How a type is found** where none is given: a column is `boolean` if every value is `true` or `false`;
`integer` if every value is a whole number of at most 18 digits without leading zeros; `float` if every
value is a number and one has a decimal point or exponent; else `string`. A column whose name ends in
`id`, `ID` or `Id` as a word of its own (`id`, `user_id`, `productID`) stays `string`, because an
identifier is not counted with.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from polycypher.errors import UsageError

_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)?(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_IDENTIFIER = re.compile(r"(.*[a-z0-9])?(ID|Id)|(.*_)?(id|ID|Id)")
_SEPARATORS = ",;\t|"
_LONGEST_FIELD = 16_000_000

_TRUE = frozenset({"true", "1", "yes", "t", "y"})
_FALSE = frozenset({"false", "0", "no", "f", "n"})


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a file and its rows as text; a field without a value is None."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]

    def column(self, name: str) -> list[str | None]:
        """Every row's field of one column. The column must exist."""
        index = self.columns.index(name)
        return [row[index] for row in self.rows]

    def typed(self, types: Mapping[str, str], text: Collection[str] = ()) -> list[dict[str, Any]]:
        """One mapping a row, of the fields that have a value.

        Args:
            types: column → type, where the found one is not wanted; see `TYPES`.
            text: columns that stay `string` unless `types` says otherwise.

        Raises:
            UsageError: a value is not of its column's given type; the message names file and line.
        """
        converted: dict[str, list[Any]] = {}
        for name in self.columns:
            fields = self.column(name)
            kind = types.get(name) or ("string" if name in text else find_type(name, fields))
            converted[name] = self._convert(name, kind, fields)
        columns = list(converted.items())
        return [
            {name: values[index] for name, values in columns if values[index] is not None}
            for index in range(len(self.rows))
        ]

    def _convert(self, name: str, kind: str, fields: list[str | None]) -> list[Any]:
        convert = TYPES[kind]
        values: list[Any] = []
        for index, field in enumerate(fields):
            try:
                values.append(None if field is None else convert(field))
            except ValueError:
                raise UsageError(
                    f"{self.path}, row {index + 1} under the header: '{field}' in column '{name}' is no "
                    f"{kind}; correct it, or give the column the type string"
                ) from None
        return values


def read_table(path: Path) -> Table:
    """Read a CSV file with a header line.

    Raises:
        UsageError: the file cannot be read, has no header, or a row has another number of fields.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            separator = max(_SEPARATORS, key=first.count)
            records = [record for record in csv.reader(file, delimiter=separator, strict=True) if record]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read the CSV file {path}: {error}") from None
    if not records:
        raise UsageError(f"the CSV file {path} is empty; its first line must name the columns")
    columns = tuple(name.strip() for name in records[0])
    if "" in columns or len(set(columns)) < len(columns):
        raise UsageError(f"the first line of {path} has an empty or a repeated name; name each column once")
    for number, record in enumerate(records[1:], start=1):
        if len(record) != len(columns):
            raise UsageError(
                f"{path}, row {number} under the header: {len(record)} fields, but the header has "
                f"{len(columns)}; quote fields that hold the separator"
            )
    return Table(path, columns, tuple(tuple(map(_value, record)) for record in records[1:]))


def find_type(name: str, fields: Collection[str | None]) -> str:
    """The type of a column by its name and values; the rule stands at the head of this module."""
    values = [field.strip() for field in fields if field is not None]
    if not values or _IDENTIFIER.fullmatch(name):
        return "string"
    if all(value.lower() in ("true", "false") for value in values):
        return "boolean"
    if all(_INTEGER.fullmatch(value) for value in values):
        return "integer"
    if all(value and _NUMBER.fullmatch(value) and value[-1].isdigit() for value in values):
        # Whole numbers of 19 digits and more are identifiers or would lose digits as a float.
        return "float" if any(set(value) & set(".eE") for value in values) else "string"
    return "string"


def _value(field: str) -> str | None:
    return None if field in ("", "NULL") else field


def _boolean(field: str) -> bool:
    word = field.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(field)


def _integer(field: str) -> int:
    number = int(field)
    if not -(2**63) <= number < 2**63:
        raise ValueError(field)
    return number


TYPES: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _integer,
    "float": float,
    "boolean": _boolean,
    "date": lambda field: date.fromisoformat(field.strip()),
    "datetime": lambda field: datetime.fromisoformat(field.strip()),
}
"""The types a column can be given. `boolean` also takes 1/0, yes/no, t/f, y/n; dates are ISO 8601."""
