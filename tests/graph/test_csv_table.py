"""CSV files as typed columns."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.errors import UsageError
from polycypher.graph.csv_table import find_type, read_table


def table_of(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "fields", "kind"),
    [
        ("stock", ["1", "-2", None, "+30", "0"], "integer"),
        ("stock", ["1", "2.5"], "float"),
        ("stock", ["1e3", ".5"], "float"),
        ("stock", ["1", "two"], "string"),
        ("stock", ["1", "nan"], "string"),
        ("stock", ["1_000"], "string"),
        ("stock", ["٣"], "string"),
        ("zip", ["00501", "12345"], "string"),
        ("isbn", ["9780306406157000000"], "string"),
        ("open", ["true", "FALSE", None], "boolean"),
        ("open", ["true", "1"], "string"),
        ("flag", ["0", "1"], "integer"),
        ("empty", [None, None], "string"),
        ("id", ["1", "2"], "string"),
        ("productID", ["1", "2"], "string"),
        ("productId", ["1", "2"], "string"),
        ("user_id", ["1", "2"], "string"),
        ("paid", ["1", "2"], "integer"),
        ("humid", ["1.5"], "float"),
    ],
)
def test_a_type_is_found_only_if_all_values_and_the_name_allow_it(
    name: str, fields: list[str | None], kind: str
) -> None:
    assert find_type(name, fields) == kind


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1))
def test_whole_numbers_survive(numbers: list[int]) -> None:
    assert find_type("n", [str(number) for number in numbers]) == "integer"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_with_a_point_are_floats(numbers: list[float]) -> None:
    assert find_type("n", [repr(number) for number in numbers]) == "float"


def test_rows_hold_typed_values_and_no_empty_ones(tmp_path: Path) -> None:
    path = table_of(tmp_path, "productID,name,price,stock,sold\n7,Chai,18.0,39,true\n8,NULL,,0,false\n")
    assert read_table(path).typed({}) == [
        {"productID": "7", "name": "Chai", "price": 18.0, "stock": 39, "sold": True},
        {"productID": "8", "stock": 0, "sold": False},
    ]


def test_a_given_type_wins(tmp_path: Path) -> None:
    path = table_of(tmp_path, "id,price,flag,on,at\n7,18,0,2020-05-17,2020-05-17 03:04:05\n")
    types = {"id": "integer", "price": "float", "flag": "boolean", "on": "date", "at": "datetime"}
    (row,) = read_table(path).typed(types)
    assert row == {
        "id": 7,
        "price": 18.0,
        "flag": False,
        "on": date(2020, 5, 17),
        "at": datetime(2020, 5, 17, 3, 4, 5),
    }
    assert isinstance(row["price"], float)


def test_columns_can_be_kept_as_text(tmp_path: Path) -> None:
    path = table_of(tmp_path, "code,n\n1,2\n")
    assert read_table(path).typed({}, {"code"}) == [{"code": "1", "n": 2}]


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("integer", "1.5"),
        ("integer", "9223372036854775808"),
        ("float", "x"),
        ("boolean", "maybe"),
        ("date", "17.5.2020"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_row(tmp_path: Path, kind: str, field: str) -> None:
    path = table_of(tmp_path, f"a\n\n{'1' if kind != 'date' else '2020-01-01'}\n{field}\n")
    with pytest.raises(UsageError, match=rf"table\.csv, row 2 .*'{field}' in column 'a' is no {kind}"):
        read_table(path).typed({"a": kind})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_seen_in_the_header(tmp_path: Path, separator: str) -> None:
    path = table_of(tmp_path, f"a{separator}b\r\n1{separator}x,y;z\r\n".replace("x,y;z", '"x,y;z"'))
    assert read_table(path).rows == (("1", "x,y;z"),)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert read_table(table_of(tmp_path, "şehir,n\nİzmir,1\n", "utf-8-sig")).columns == ("şehir", "n")


@given(st.lists(st.tuples(*[st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r"))] * 2)))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("a", "b"), *rows])
    path = table_of(tmp_path_factory.mktemp("csv"), buffer.getvalue())
    expected = tuple(tuple(None if field in ("", "NULL") else field for field in row) for row in rows)
    assert read_table(path).rows == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("a,a\n1,2\n", "empty or a repeated name"),
        ("a,,c\n1,2,3\n", "empty or a repeated name"),
        ("a,b\n1,2\n1,2,3\n", "row 2 .* 3 fields"),
        ('a,b\n"1,2\n', "cannot read"),
    ],
)
def test_files_that_are_no_table_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read_table(table_of(tmp_path, text))


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="cannot read"):
        read_table(table_of(tmp_path, "a\nÖ\n", "latin-1"))
