"""`docs/security.md` against what it tells of: its figures are those measured, its tests are there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from attack_corpus import queries, questions
from attack_tables import table, written_into

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
TEXT = (DOCS / "security.md").read_text(encoding="utf-8")
RESULTS = json.loads((DOCS / "attacks.json").read_text(encoding="utf-8"))
FAULTS = re.findall(r"`(test_\w+\.py)::(test_\w+)`", TEXT.split("## Faults")[1])


def test_the_tables_are_those_that_were_measured() -> None:
    assert written_into(TEXT, table(RESULTS)) == TEXT


def test_every_attack_was_made() -> None:
    counted = {part: sum(kind["count"] for kind in RESULTS[part]["kinds"].values()) for part in RESULTS}
    assert counted["questions"] == len(questions())
    assert counted["queries"] + counted["limits"] == len(queries())
    assert f"{len(questions())} hostile questions" in TEXT
    assert f"{len(queries())} hostile queries" in TEXT


def test_nothing_was_written_read_or_sent() -> None:
    for part in ("queries", "questions"):
        assert RESULTS[part]["proof"] == {"unchanged": True, "touched": 0, "logged": 0}
    for layer in ("grammar", "guard", "reader"):
        assert all(kind[layer] == kind["count"] for kind in RESULTS["queries"]["kinds"].values())
    assert all(kind["usable"] == kind["count"] for kind in RESULTS["limits"]["kinds"].values())


@pytest.mark.parametrize(("file", "name"), FAULTS)
def test_every_fault_has_its_test(file: str, name: str) -> None:
    assert f"def {name}(" in (TESTS / "serving" / file).read_text(encoding="utf-8")


def test_no_fault_is_left_out() -> None:
    rows = [line for line in TEXT.split("## Faults")[1].splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(FAULTS) >= 15
    told = "\n".join(rows)
    for fault in ("killed in a query", "SIGSTOP", "disk is full", "client goes away", "SIGTERM under load"):
        assert fault in told, fault
