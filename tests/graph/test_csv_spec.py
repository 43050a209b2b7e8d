"""The text forms that tell what CSV files mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from polycypher.errors import UsageError
from polycypher.graph.csv_spec import End, RelationshipFile, parse_nodes, parse_relationship, parse_types


def test_nodes() -> None:
    assert parse_nodes(["Product=a/products.csv", "Şehir = x=y.csv"]) == {
        "Product": Path("a/products.csv"),
        "Şehir": Path("x=y.csv"),
    }


@pytest.mark.parametrize("text", ["Product", "=products.csv", "Product=", ""])
def test_other_node_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"Label=file\.csv"):
        parse_nodes([text])


def test_a_label_has_one_file() -> None:
    with pytest.raises(UsageError, match="twice"):
        parse_nodes(["A=a.csv", "A=b.csv"])


@pytest.mark.parametrize(
    ("text", "file"),
    [
        (
            "ORDERS=order-details.csv:Order.orderID>Product.productID",
            RelationshipFile(
                "ORDERS", Path("order-details.csv"), End("Order", "orderID"), End("Product", "productID")
            ),
        ),
        (
            "REPORTS_TO=e.csv:Employee.id>Employee.id=boss",
            RelationshipFile(
                "REPORTS_TO", Path("e.csv"), End("Employee", "id"), End("Employee", "id", "boss")
            ),
        ),
        (
            r"AT=C:\data\x.csv : A.k > B.k ",
            RelationshipFile("AT", Path(r"C:\data\x.csv"), End("A", "k"), End("B", "k")),
        ),
    ],
)
def test_relationships(text: str, file: RelationshipFile) -> None:
    assert parse_relationship(text) == file


def test_a_column_is_named_as_the_property_unless_said_otherwise() -> None:
    assert End("Employee", "id").field == "id"
    assert End("Employee", "id", "boss").field == "boss"


@pytest.mark.parametrize(
    "text",
    ["", "ORDERS", "ORDERS=x.csv", "ORDERS=x.csv:Order.id", "ORDERS=x.csv:Order>Product", "=x.csv:A.k>B.k"],
)
def test_other_relationship_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"TYPE=file\.csv:Label\.property>Label\.property"):
        parse_relationship(text)


def test_types() -> None:
    texts = ["Product.unitPrice=float", "ORDERS.discount = String".replace(" ", "")]
    assert parse_types(texts) == {"Product.unitPrice": "float", "ORDERS.discount": "string"}


@pytest.mark.parametrize("text", ["unitPrice=float", "Product.unitPrice", "Product.unitPrice=money", ""])
def test_other_type_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"Label\.property=type"):
        parse_types([text])
