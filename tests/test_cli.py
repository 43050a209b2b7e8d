"""The command line as its user meets it: output, exit codes, one line an error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polycypher import cli
from polycypher.graph.store import GraphStore

TINY = "CREATE (:City {name: 'Ankara', population: 5700000}), (:City {name: 'Madrid', population: 3300000});"


def command(
    *words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Run a command in this process: (exit code, stdout, stderr)."""
    monkeypatch.setattr(sys, "argv", ["polycypher", *words])
    code = 0
    try:
        cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return code, shown.out, shown.err


@pytest.fixture
def polycypher(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], demo_store: GraphStore):  # type: ignore[no-untyped-def]
    def call(*words: str) -> tuple[int, str, str]:
        return command(*words, monkeypatch=monkeypatch, capsys=capsys)

    return call


def test_ask_prints_one_json_object(polycypher) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = polycypher("ask", "¿Qué películas dirigió Clint Eastwood?", "--json")
    value = json.loads(out)
    assert code == 0
    assert list(value) == ["question", "cypher", "weights", "columns", "rows", "truncated", "elapsed_ms"]
    assert ["Unforgiven"] in value["rows"]


def test_ask_shows_query_bars_rows_and_times(polycypher) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = polycypher("ask", "Which movies did Clint Eastwood direct?")
    assert code == 0
    for part in ("MATCH", "█", "Unforgiven", "decode", "execute"):
        assert part in out


def test_dry_run_prints_the_query_alone(polycypher) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = polycypher("ask", "How many movies are there?", "--dry-run")
    assert code == 0
    assert out.startswith("MATCH")
    assert out.count("\n") == 1


def test_run_executes_a_query(polycypher) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = polycypher("run", "MATCH (m:Movie {title: 'Unforgiven'}) RETURN m.released", "--json")
    value = json.loads(out)
    assert code == 0
    assert list(value) == ["cypher", "columns", "rows", "truncated", "elapsed_ms"]
    assert value["rows"] == [[1992]]


def test_an_empty_result_is_an_answer(polycypher) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = polycypher("run", "MATCH (m:Movie {title: 'No such film'}) RETURN m", "--json")
    assert code == 0
    assert json.loads(out)["rows"] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ask", ""), 2),
        (("ask", "🎬"), 2),
        (("ask", "x" * 10_000), 2),
        (("ask", "How many movies?", "--language", "xx"), 2),
        (("ask", "How many movies?", "--top", "0"), 2),
        (("ask", "How many movies?", "--nonsense"), 2),
        (("ask", "How many movies?", "--graph", "nowhere"), 2),
        (("run",), 2),
        (("nonsense",), 2),
        (("load", "--graph", "x"), 2),
        (("load", "nowhere.cypher", "--graph", "x"), 2),
        (("evaluate", "--corpus", "nowhere.jsonl", "--graph", "demo"), 2),
        (("run", "MATCH (n) DETACH DELETE n"), 3),
        (("run", "MATCH (n) RETURN nonsense(n)"), 3),
        (("run", "MATCH (n RETURN n"), 3),
        (("run", "MATCH (n) RETURN n", "--graph", "bolt://127.0.0.1:9"), 4),
        (("ask", "How many movies?", "--model", "nowhere"), 5),
        (("languages", "--model", "nowhere"), 5),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(polycypher, words: tuple[str, ...], expected: int) -> None:  # type: ignore[no-untyped-def]
    code, out, err = polycypher(*words)
    assert code == expected
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("error: ")


def test_a_damaged_bundle_is_named(polycypher, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    code, _, err = polycypher("ask", "How many movies?", "--model", str(tmp_path))
    assert code == 5
    assert "manifest" in err


def test_load_makes_a_graph_that_can_be_asked(polycypher, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    script = tmp_path / "cities.cypher"
    script.write_text(TINY, encoding="utf-8")
    assert polycypher("load", str(script), "--graph", "cities")[0] == 0
    assert "cities" in polycypher("graphs")[1]
    assert "City(name,population int)" in polycypher("schema", "--graph", "cities")[1]
    code, out, _ = polycypher(
        "run", "MATCH (c:City) RETURN c.name ORDER BY c.name", "--graph", "cities", "--json"
    )
    assert (code, json.loads(out)["rows"]) == (0, [["Ankara"], ["Madrid"]])


def test_languages_are_listed(polycypher) -> None:  # type: ignore[no-untyped-def]
    assert polycypher("languages")[1].split() == ["en", "es", "tr"]


def test_evaluate_prints_the_documented_form(polycypher, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    corpus = tmp_path / "corpus.jsonl"
    row = {
        "database": "demo",
        "en": "How many movies are there?",
        "tr": "Kaç film var?",
        "cypher": "MATCH (m:Movie) RETURN count(m)",
    }
    corpus.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    code, out, _ = polycypher("evaluate", "--corpus", str(corpus), "--graph", "demo", "--json")
    value = json.loads(out)
    assert code == 0
    assert set(value) == {"languages", "routing"}
    assert set(value["languages"]) == {"en", "tr"}
    wanted = {"count", "rouge_l", "exact_match", "execution_accuracy", "executable", "empty_gold", "timeouts"}
    assert wanted <= set(value["languages"]["en"])
    assert sum(value["routing"]["en"].values()) == pytest.approx(1.0)


@pytest.mark.slow
def test_interrupting_leaves_no_java_behind(graph_home: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "POLYCYPHER_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    started = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "polycypher",
            "run",
            "MATCH (a),(b),(c),(d),(e),(f) RETURN count(*)",
            "--timeout",
            "60",
        ],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not java_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert java_of(tmp_path)
    time.sleep(1)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 130
    assert err.strip() == "error: interrupted"
    deadline = time.monotonic() + 20
    while java_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not java_of(tmp_path)


def java_of(home: Path) -> list[int]:
    """Processes of a Java server that works in `home`."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "java" in line.split("\0")[0] and str(home) in line:
                found.append(int(entry.name))
    return found
