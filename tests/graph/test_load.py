"""Loading scripts and CSV files into named graphs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from polycypher.errors import QueryRejected, UsageError
from polycypher.graph.connect import connect
from polycypher.graph.csv_spec import parse_nodes, parse_relationship, parse_types
from polycypher.graph.load import LoadReport, load_csv, load_script, split_statements
from polycypher.graph.registry import GraphInfo, find_graph, list_graphs
from polycypher.graph.store import GraphStore
from polycypher.graph.watch import Advance

PRODUCTS = "productID,name,price,made,categoryID,sold\n1,Chai,18,39,1,0\n2,Chang,19.5,17,1,1\n3,Salt,5,,2,0\n"
CATEGORIES = "categoryID,name\n1,Drinks\n2,Spices\n9,Empty\n"
ORDERS = "orderID,customer,boss\nA1,Ada,\nA2,Bo,A1\n"
LINES = "orderID,productID,quantity,price\nA1,1,12,18.00\nA1,2,10,19.50\nA2,3,1,5.00\nA2,77,1,0.00\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name, text in (("p", PRODUCTS), ("c", CATEGORIES), ("o", ORDERS), ("l", LINES)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


class Watched:
    """A `Watch` that remembers what it is told."""

    def __init__(self) -> None:
        self.title, self.total = "", 0
        self.done: list[int] = []

    @contextmanager
    def __call__(self, title: str, total: int) -> Iterator[Advance]:
        self.title, self.total = title, total
        yield lambda count=1: self.done.append(count)


def load_shop(folder: Path, name: str = "shop", **more: Any) -> LoadReport:
    nodes = parse_nodes(f"{label}={folder / file}" for label, file in LABELS.items())
    relationships = [parse_relationship(text.replace("@", f"{folder}/")) for text in EDGES]
    types = parse_types(["Product.sold=boolean", "LINE.price=string"])
    return load_csv(name, nodes, relationships, types=types, **more)


LABELS = {"Product": "p.csv", "Category": "c.csv", "Order": "o.csv"}
EDGES = [
    "LINE=@l.csv:Order.orderID>Product.productID",
    "PART_OF=@p.csv:Product.productID>Category.categoryID",
    "FOLLOWS=@o.csv:Order.orderID>Order.orderID=boss",
]


# ---------------------------------------------------------------------- scripts


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("RETURN 1; RETURN 2", [(1, "RETURN 1"), (1, "RETURN 2")]),
        ("// a; b\nRETURN ';' /* ; */ ;\n\n;;\nRETURN `;`;", [(2, "RETURN ';' /* ; */"), (5, "RETURN `;`")]),
        (":begin\nCREATE (a:X);\n:commit\n", [(2, "CREATE (a:X)")]),
        ("RETURN 1;\n:param x => 3;\nRETURN 2", [(1, "RETURN 1"), (3, "RETURN 2")]),
        (" \n// nothing\n", []),
        ("", []),
    ],
)
def test_a_script_is_split_at_its_own_semicolons(text: str, statements: list[tuple[int, str]]) -> None:
    assert list(split_statements(text)) == statements


def test_a_script_is_loaded_whole(tiny: GraphInfo, store: GraphStore) -> None:
    assert (tiny.nodes, tiny.relationships) == (7, 21)
    assert find_graph("tiny") == tiny
    assert store.read("MATCH (c:City) RETURN c.name ORDER BY c.area").rows == (("A; B",), ("İzmir",))


def test_statements_about_indexes_that_the_server_lacks_are_counted(tmp_path: Path) -> None:
    script = tmp_path / "s.cypher"
    script.write_text(
        "CREATE FULLTEXT INDEX names FOR (n:X) ON EACH [n.name];\n"
        "CREATE CONSTRAINT ON (x:X) ASSERT x.name IS UNIQUE;\n"
        "CREATE (:X {name: 'a'});\n"
    )
    seen = Watched()
    report = load_script("skips", script, watch=seen)
    assert (report.skipped, report.graph.nodes) == (2, 1)
    assert (seen.title, seen.total, seen.done) == ("loading skips", 3, [1, 1, 1])


def test_a_script_that_fails_leaves_what_was_there(tiny: GraphInfo, graph_home: Path, tmp_path: Path) -> None:
    script = tmp_path / "bad.cypher"
    script.write_text("CREATE (:X);\n\nCREATE (:X {a: 1}) RETURN b;")
    with pytest.raises(QueryRejected, match=r"bad\.cypher, statement 2 at line 3"):
        load_script("broken", script)
    assert find_graph("broken") is None
    assert not list((graph_home / "graphs").glob(".new.*"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "holds no Cypher statement"), ("RETURN 'open", "cannot read the script")],
)
def test_scripts_without_statements_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    script = tmp_path / "s.cypher"
    script.write_text(text)
    with pytest.raises(UsageError, match=reason):
        load_script("none", script)
    with pytest.raises(UsageError, match="cannot read the script"):
        load_script("none", tmp_path / "missing.cypher")


def test_an_existing_graph_is_refused_before_any_work(tiny: GraphInfo, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the graph 'tiny' exists"):
        load_script("tiny", tmp_path / "not-even-read.cypher")
    with pytest.raises(UsageError, match="belongs to the demo"):
        load_script("demo", tmp_path / "not-even-read.cypher", replace=True)


def test_a_graph_that_is_open_is_not_replaced(store: GraphStore, tmp_path: Path) -> None:
    script = tmp_path / "s.cypher"
    script.write_text("CREATE (:X);")
    with pytest.raises(UsageError, match="is open; close it"):
        load_script("tiny", script, replace=True)
    assert store.read("MATCH (n) RETURN count(n) AS n").rows == ((7,),)


# ---------------------------------------------------------------------- CSV


def test_csv_files_become_a_graph(shop: Path) -> None:
    seen = Watched()
    report = load_shop(shop, watch=seen)
    assert (report.graph.nodes, report.graph.relationships) == (8, 7)
    assert report.skipped == 2  # the order line of product 77, and the order that follows none
    assert (seen.title, seen.total, sum(seen.done)) == ("loading shop", 3 + 3 + 2 + 4 + 3 + 2, 17)
    assert report.graph in list_graphs()
    with connect("shop") as store:
        columns = "p.productID, p.name, p.price, p.made, p.categoryID, p.sold"
        assert store.read(f"MATCH (p:Product) RETURN {columns} ORDER BY p.productID").rows == (
            ("1", "Chai", 18.0, 39, "1", False),
            ("2", "Chang", 19.5, 17, "1", True),
            ("3", "Salt", 5.0, None, "2", False),
        )
        path = "(o:Order)-[l:LINE]->(p:Product)"
        lines = f"MATCH {path} RETURN o.orderID, p.name, properties(l) AS l ORDER BY p.name"
        assert store.read(lines).rows == (
            ("A1", "Chai", {"quantity": 12, "price": "18.00"}),
            ("A1", "Chang", {"quantity": 10, "price": "19.50"}),
            ("A2", "Salt", {"quantity": 1, "price": "5.00"}),
        )
        parts = "MATCH (p:Product)-[r:PART_OF]->(c:Category) RETURN p.name, c.name, keys(r) ORDER BY p.name"
        assert store.read(parts).rows == (
            ("Chai", "Drinks", []),
            ("Chang", "Drinks", []),
            ("Salt", "Spices", []),
        )
        follows = "MATCH (a:Order)-[:FOLLOWS]->(b:Order) RETURN a.orderID, b.orderID"
        assert store.read(follows).rows == (("A2", "A1"),)


def test_replacing_keeps_keys_if_asked(shop: Path) -> None:
    load_shop(shop, name="shop2")
    load_shop(shop, name="shop2", keep_keys=True, replace=True)
    with connect("shop2") as store:
        query = "MATCH ()-[l:LINE]->(:Product {productID: '3'}) RETURN properties(l) AS l"
        ((line,),) = store.read(query).rows
    assert line == {"orderID": "A2", "productID": "3", "quantity": 1, "price": "5.00"}


@pytest.mark.parametrize(
    ("edges", "types", "reason"),
    [
        (["X=@l.csv:Nope.orderID>Product.productID"], [], "no node file for the label 'Nope'"),
        (["X=@l.csv:Order.nope>Product.productID"], [], "has no column 'nope'"),
        (["X=@l.csv:Order.customer>Product.productID"], [], r"l\.csv has no column 'customer'"),
        (["X=@p.csv:Product.productID>Product.categoryID"], [], "two Product nodes have the categoryID '1'"),
        ([], ["Product.nope=integer"], "no file of 'Product' has a column 'nope'"),
        ([], ["Nope.price=integer"], "no file of 'Nope'"),
        ([], ["Product.price=integer"], "'19.5' in column 'price' is no integer"),
    ],
)
def test_specifications_that_do_not_fit_the_files_are_refused_first(
    shop: Path, edges: list[str], types: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polycypher.graph.load.new_graph", None)  # no server is started
    nodes = parse_nodes(f"{label}={shop / file}" for label, file in LABELS.items())
    relationships = [parse_relationship(text.replace("@", f"{shop}/")) for text in edges]
    with pytest.raises(UsageError, match=reason):
        load_csv("refused", nodes, relationships, types=parse_types(types))


def test_relationships_that_find_no_node_are_an_error_and_leave_nothing(shop: Path) -> None:
    (shop / "l.csv").write_text("orderID,productID,price\nnone,1,2\n")
    with pytest.raises(UsageError, match=r"no row of .*l\.csv finds both ends of LINE"):
        load_shop(shop, name="unjoined")
    assert find_graph("unjoined") is None


def test_a_graph_needs_nodes() -> None:
    with pytest.raises(UsageError, match="no node file"):
        load_csv("none", {})
