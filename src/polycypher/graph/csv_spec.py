"""What the files of a CSV import mean, and the text forms that a command line gives it in.

    nodes           Product=products.csv
    relationships   ORDERS=order-details.csv:Order.orderID>Product.productID
    types           Product.unitPrice=float

A relationship's file has a column for each end; `Label.property` names the node by one of its
properties, and the column has the property's name unless `=column` follows:
`REPORTS_TO=employees.csv:Employee.employeeID>Employee.employeeID=reportsTo`. The file may be one that
nodes come from too, as for any foreign key. Knows nothing of databases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from polycypher.errors import UsageError
from polycypher.graph.csv_table import TYPES

_RELATIONSHIP = re.compile(r"(?P<type>[^=]+)=(?P<path>.+):(?P<start>[^:>]+)>(?P<end>[^:>]+)")
_END = re.compile(r"(?P<label>[^.=]+)\.(?P<key>[^=]+)(=(?P<column>.+))?")
_TYPE = re.compile(r"(?P<owner>[^.=]+)\.(?P<property>[^=]+)=(?P<type>\w+)")


@dataclass(frozen=True, slots=True)
class End:
    """One end of a relationship: the node of `label` whose property `key` has the value in `column`."""

    label: str
    key: str
    column: str = ""

    @property
    def field(self) -> str:
        """The column's name: `column`, or else the property's."""
        return self.column or self.key


@dataclass(frozen=True, slots=True)
class RelationshipFile:
    """Relationships of one type, one a row of the file."""

    type: str
    path: Path
    start: End
    end: End


def parse_nodes(texts: Iterable[str]) -> dict[str, Path]:
    """`Label=file.csv` texts as label → file.

    Raises:
        UsageError: another form, or a label named twice.
    """
    nodes: dict[str, Path] = {}
    for text in texts:
        label, equals, path = text.partition("=")
        if not (label.strip() and equals and path.strip()):
            raise UsageError(f"--nodes '{text}' is not of the form Label=file.csv")
        if label.strip() in nodes:
            raise UsageError(f"--nodes names the label '{label.strip()}' twice; put its rows into one file")
        nodes[label.strip()] = Path(path.strip())
    return nodes


def parse_relationship(text: str) -> RelationshipFile:
    """One text `TYPE=file.csv:Label.property>Label.property`; see the head of this module.

    Raises:
        UsageError: another form.
    """
    found = _RELATIONSHIP.fullmatch(text.strip())
    ends = [_END.fullmatch(found[side].strip()) for side in ("start", "end")] if found else []
    if found is None or ends[0] is None or ends[1] is None:
        raise UsageError(
            f"--relationships '{text}' is not of the form TYPE=file.csv:Label.property>Label.property, "
            "with =column after a property whose column has another name"
        )
    start, end = (End(e["label"].strip(), e["key"].strip(), (e["column"] or "").strip()) for e in ends if e)
    return RelationshipFile(found["type"].strip(), Path(found["path"].strip()), start, end)


def parse_types(texts: Iterable[str]) -> dict[str, str]:
    """`Label.property=type` or `TYPE.property=type` texts as `Label.property` → type.

    Raises:
        UsageError: another form, or a type that is not in `csv_table.TYPES`.
    """
    types: dict[str, str] = {}
    for text in texts:
        found = _TYPE.fullmatch(text.strip())
        if found is None or found["type"].lower() not in TYPES:
            raise UsageError(
                f"--type '{text}' is not of the form Label.property=type with one of {', '.join(TYPES)}"
            )
        types[f"{found['owner'].strip()}.{found['property'].strip()}"] = found["type"].lower()
    return types
