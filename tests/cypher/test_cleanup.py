"""The clean-up of model output: the query comes out, wrapping goes, and nothing that writes arises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.cypher.cleanup import clean
from polycypher.cypher.guard import check
from polycypher.cypher.lexer import Kind, scan
from polycypher.cypher.words import WRITING
from polycypher.errors import GuardError

QUERIES = [
    "MATCH (n:Person) RETURN n.name",
    "MATCH (p:Person {name: 'O\\'Brien; DELETE \"x\"'})\nWHERE p.born > 1960\n"
    "RETURN p.name AS name\nORDER BY name LIMIT 3",
    "CALL { MATCH (n:A) RETURN n UNION MATCH (n:B) RETURN n } RETURN count(n)",
    "UNWIND [1, 2] AS x RETURN x",
    "WITH 1 AS x MATCH (n) WHERE n.`first name` = x RETURN n.`first name`",
    "OPTIONAL MATCH (n) RETURN n",
    "MATCH path = (a:A)-[*..3]-(b) RETURN path",
    "RETURN 1",
    "match (n:Person) return n.name",
    "CALL db.labels()",
]
WRAPPINGS = [
    "{}",
    "  {} ;\n",
    "```cypher\n{}\n```",
    "```\n{};\n```",
    "```CYPHER\n{}",
    "~~~sql\n{}\n~~~",
    "Cypher: {}",
    "Cypher output: {}",
    "**Cypher query:** {}",
    "Here's the query that will match (and return) a name:\n\n```cypher\n{}\n```\n\nIt doesn't write.",
    "The query below will return what you asked:\n{}\n\nExplanation: it's a plain query.",
    "{}\nThis query returns the names.",
    "{}\n- This lists the persons' names",
    "{}\n\n* a list",
    "{}</s>",
    "{}<|eot_id|><|start_header_id|>user",
    "<|im_start|>assistant\n{}<|im_end|>",
    "<think>I should match (n) and return it.</think>\n{}",
    "`{}`",
    "{};\n\nQuestion: another\nCypher: MATCH (x) RETURN x",
    "{}\n### Question",
    "\ufeff{}\u200b",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_the_query_comes_out(query: str, wrapping: str) -> None:
    assert clean(wrapping.format(query)) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("MATCH (n {name: “it's”}) RETURN n", "MATCH (n {name: 'it\\'s'}) RETURN n"),
        ("MATCH (n {name: ‘Bob’}) RETURN n", "MATCH (n {name: 'Bob'}) RETURN n"),
        ("MATCH (n {name: '“Bob”–x'}) RETURN n", "MATCH (n {name: '“Bob”–x'}) RETURN n"),
        ("MATCH (n)–[:R]—>(m)\u00a0RETURN\u202fm", "MATCH (n)-[:R]->(m) RETURN m"),
        ("MATCH (n) WHERE n.a = '</s>;```' RETURN n</s>", "MATCH (n) WHERE n.a = '</s>;```' RETURN n"),
    ],
)
def test_signs_outside_strings_only(text: str, query: str) -> None:
    assert clean(text) == query


@pytest.mark.parametrize(
    "text",
    [
        "I cannot answer that.",
        "",
        "MATCH (n:Person RETURN n",
        "MATCH (n:Person)\nOPTIONAL MATCH (n)-->(m:B\nRETURN n",
        "MATCH (n) RETURN n.name n",
    ],
)
def test_what_is_no_query_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "CREATE (n:Person) RETURN n",
        "MATCH (n) SET n.a = 1 RETURN n",
        "match (n) set n.a = 1 return n",
        "MATCH (n) RETURN n\nDELETE n",
        "MATCH (n) RETURN n; DROP DATABASE x",
        "MATCH (n)\nDETACH DELETE n\n\nMATCH (m)\nRETURN m",
        "```cypher\nMERGE (n:A) WITH n MATCH (m) RETURN m\n```",
        "Cypher: CREATE (n)\nCypher: MATCH (n) RETURN n",
        "FOREACH (x IN [1] | CREATE (n)) WITH 1 AS a RETURN a",
        "LOAD CSV FROM 'file:///x' AS row RETURN row",
    ],
)
def test_what_writes_is_not_cut_down_to_what_reads(text: str) -> None:
    with pytest.raises(GuardError):
        check(clean(text))


FRAGMENTS = st.sampled_from(
    [
        *(
            "MATCH (n) RETURN n",
            "MATCH (n)",
            "RETURN n",
            "CREATE (m)",
            "SET n.x = 1",
            "DELETE n",
            "DETACH",
            "the",
        ),
        *(
            "```",
            "```cypher\n",
            "\n",
            "\n\n",
            ";",
            "'",
            '"',
            "“",
            "”",
            "‘",
            "’",
            "`",
            "//",
            "/*",
            "*/",
            "</s>",
            " ",
        ),
        *(
            "Cypher:",
            "S",
            "ET",
            "DEL",
            "ETE",
            "\u200b",
            "\u00a0",
            "–",
            "<|x|>",
            "it's",
            "(",
            ")",
            "\\",
            "<think>",
        ),
    ]
)


@given(st.lists(FRAGMENTS, max_size=14).map("".join) | st.text(max_size=60))
@settings(deadline=None)
def test_no_word_arises_that_writes(text: str) -> None:
    """Words of the result that write are words of the text: letters are never joined."""

    def words(source: str) -> set[str]:
        # Split at everything but letters, so that strings and comments hide nothing.
        return {word.upper() for word in "".join(c if c.isalpha() else " " for c in source).split()}

    assert (words(clean(text)) & WRITING) <= words(text)


@given(st.lists(FRAGMENTS, max_size=14).map("".join) | st.text(max_size=60))
@settings(deadline=None)
def test_what_passes_the_guard_held_a_query_that_reads(text: str) -> None:
    cleaned = clean(text)
    try:
        check(cleaned)
    except GuardError:
        return
    names = [token.text.upper() for token in scan(cleaned) if token.kind is Kind.NAME]
    assert not WRITING & set(names)


@given(st.lists(FRAGMENTS, max_size=14).map("".join) | st.text(max_size=60))
@settings(deadline=None)
def test_cleaning_what_is_clean_changes_nothing(text: str) -> None:
    cleaned = clean(text)
    try:
        check(cleaned)
    except GuardError:
        return
    assert clean(cleaned) == cleaned
