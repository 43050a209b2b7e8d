"""Public Text2Cypher sets: every place they come from gives the same examples, and faults are named."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polycypher.corpus.example import Example
from polycypher.corpus.hub import HubCorpus, read_hub
from polycypher.errors import CorpusError

Rows = list[dict[str, Any]]

SCHEMA = 'Node properties:\n- **Movie**\n  - `title`: STRING Example: "The Matrix"\nThe relationships:\n'


def row(number: int, question: str | None = None, **changes: Any) -> dict[str, Any]:
    """One row in the columns of `neo4j/text2cypher-2024v1`."""
    return {
        "question": question or f"How many movies have more than {number} votes?",
        "schema": f"{SCHEMA}(:Person)-[:ACTED_IN]->(:Movie {number})",
        "cypher": f"MATCH (m:Movie) WHERE m.votes > {number} RETURN count(m)",
        "data_source": "neo4jLabs_synthetic_gpt4o",
        "instance_id": f"instance_id_{number}",
        "database_reference_alias": "neo4jlabs_demo_db_movies",
        **changes,
    }


ROWS = [row(1), row(2, 'Which title holds a "quote", a comma\nand a line?'), row(3, "NA")]


def write_jsonl(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: Rows) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


WRITERS: dict[str, Callable[[Path, Rows], Path]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "parquet": write_parquet,
}


def refusal(*arguments: Any, **options: Any) -> str:
    """The message with which a set is refused: one line."""
    with pytest.raises(CorpusError) as caught:
        read_hub(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_rows(found: HubCorpus, rows: Sequence[dict[str, Any]], code: str = "en") -> None:
    assert list(found.examples) == [
        Example(
            id=one["instance_id"],
            database=one["database_reference_alias"],
            questions={code: one["question"]},
            cypher=one["cypher"],
            source=one["data_source"],
        )
        for one in rows
    ]
    assert found.schemas == {one["instance_id"]: one["schema"] for one in rows}


# ---------------------------------------------------------------------------- one set, many places


@pytest.mark.parametrize("ending", WRITERS)
def test_a_file(tmp_path: Path, ending: str) -> None:
    file = WRITERS[ending](tmp_path / f"set.{ending}", ROWS)
    assert_rows(read_hub(file, "test"), ROWS)
    assert_rows(read_hub(str(file), "train"), ROWS)  # a file of no split is the one asked for


@pytest.mark.parametrize("ending", WRITERS)
def test_a_folder_as_the_hub_lays_it_out(tmp_path: Path, ending: str) -> None:
    write = WRITERS[ending]
    (tmp_path / "README.md").write_text("a card")
    write(tmp_path / ".cache" / f"test-old.{ending}", [row(99)])
    write(tmp_path / "data" / f"train-00000-of-00002.{ending}", ROWS[:1])
    write(tmp_path / "data" / f"train-00001-of-00002.{ending}", ROWS[1:])
    write(tmp_path / "data" / f"test-00000-of-00001.{ending}", [row(7)])
    assert_rows(read_hub(tmp_path, "train"), ROWS)
    assert_rows(read_hub(tmp_path, "test"), [row(7)])
    assert "it has test, train" in refusal(tmp_path, "validation")


def test_a_folder_that_names_no_split(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    assert_rows(read_hub(tmp_path, "train"), ROWS)


def test_other_words_for_a_split(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "dev" / "rows.jsonl", ROWS)
    write_jsonl(tmp_path / "gold" / "rows.jsonl", [row(8)])
    assert_rows(read_hub(tmp_path, "validation"), ROWS)
    assert_rows(read_hub(tmp_path, "gold"), [row(8)])


def test_sets_saved_by_datasets(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict, NamedSplit

    whole = Dataset.from_list(ROWS)
    whole.save_to_disk(tmp_path / "one")
    DatasetDict({"train": whole, "test": Dataset.from_list([row(7)])}).save_to_disk(tmp_path / "two")
    Dataset.from_list(ROWS, split=NamedSplit("train")).save_to_disk(tmp_path / "named")
    assert_rows(read_hub(tmp_path / "one", "train"), ROWS)
    assert_rows(read_hub(tmp_path / "two", "train"), ROWS)
    assert_rows(read_hub(tmp_path / "two", "test"), [row(7)])
    assert_rows(read_hub(tmp_path / "named", "train"), ROWS)
    assert "it has train, test" in refusal(tmp_path / "two", "dev")
    assert "it is 'train'" in refusal(tmp_path / "named", "test")


def test_a_damaged_saved_set(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    assert "save it again" in refusal(tmp_path, "train")


def test_absent_values_are_empty(tmp_path: Path) -> None:
    rows = [row(1, database_reference_alias=None, data_source=None, schema=None)]
    found = read_hub(write_parquet(tmp_path / "a.parquet", rows), "test")
    assert (found.examples[0].database, found.examples[0].source) == ("", "")
    assert found.schemas == {"instance_id_1": ""}


# ---------------------------------------------------------------------------- several languages

QUESTIONS = {
    "en": ["How many movies?", "Who directed Heat?"],
    "es": ["¿Cuántas películas?", "¿Quién dirigió Heat?"],
    "tr": ["Kaç film var?", "Heat'i kim yönetti?"],
}


def in_language(code: str, **changes: Any) -> Rows:
    return [row(number, text, **changes) for number, text in enumerate(QUESTIONS[code])]


def assert_parallel(found: HubCorpus, codes: Sequence[str] = ("en", "es", "tr")) -> None:
    assert [example.id for example in found.examples] == ["instance_id_0", "instance_id_1"]
    for number, example in enumerate(found.examples):
        assert example.questions == {code: QUESTIONS[code][number] for code in codes}
        assert example.cypher == row(number)["cypher"]
        assert found.schemas[example.id] == row(number)["schema"]


@pytest.mark.parametrize(
    "name",
    [
        "{}.jsonl",
        "test-{}.jsonl",
        "{}_test.jsonl",
        "test.{}.jsonl",
        "{}/test-00000-of-00001.jsonl",
        "data/test_{}.jsonl",
    ],
)
def test_one_file_a_language(tmp_path: Path, name: str) -> None:
    for code in QUESTIONS:
        write_jsonl(tmp_path / name.format(code), in_language(code))
    assert_parallel(read_hub(tmp_path, "test"))
    assert_parallel(read_hub(tmp_path, "test", language="tr"), ["tr"])
    said = refusal(tmp_path, "test", language="de")
    assert "'de'" in said
    assert "en, es, tr" in said


def test_the_file_that_tells_no_language_is_the_original(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "test.jsonl", in_language("en"))
    write_jsonl(tmp_path / "test-es.jsonl", in_language("es"))
    assert_parallel(read_hub(tmp_path, "test"), ["en", "es"])
    assert_parallel(read_hub(tmp_path, "test", language="es"), ["es"])


def test_a_language_column(tmp_path: Path) -> None:
    rows = [one for code in ("tr", "en", "es") for one in in_language(code, language=code)]
    file = write_parquet(tmp_path / "test.parquet", rows)
    assert_parallel(read_hub(file, "test"))
    assert_parallel(read_hub(file, "test", language="es"), ["es"])
    renamed = write_jsonl(tmp_path / "l.jsonl", [{**one, "lang": one.pop("language")} for one in rows])
    assert_parallel(read_hub(renamed, "test", fields={"language": "lang"}))


def test_one_column_a_language(tmp_path: Path) -> None:
    rows = [
        {**row(number), "question": en, "question_es": es, "question_tr": tr}
        for number, (en, es, tr) in enumerate(zip(*QUESTIONS.values(), strict=True))
    ]
    file = write_jsonl(tmp_path / "test.jsonl", rows)
    fields = {"en": "question", "es": "question_es", "tr": "question_tr"}
    assert_parallel(read_hub(file, "test", fields=fields))
    assert_parallel(read_hub(file, "test", fields=fields, language="es"), ["es"])


def test_the_language_of_a_set_that_tells_none(tmp_path: Path) -> None:
    rows = in_language("es")
    assert_rows(read_hub(write_jsonl(tmp_path / "rows.jsonl", rows), "test", language="es"), rows, "es")


@pytest.mark.parametrize("name", ["qa.jsonl", "raw.jsonl", "new-test.jsonl", "dev.jsonl", "v1/rows.jsonl"])
def test_a_file_name_that_only_looks_like_a_language(tmp_path: Path, name: str) -> None:
    write_jsonl(tmp_path / name, ROWS)
    assert_rows(read_hub(tmp_path, "dev" if "dev" in name else "test"), ROWS)


def test_other_column_names(tmp_path: Path) -> None:
    names = {"question": "nl", "cypher": "query", "instance_id": "uid", "schema": "db_schema"}
    rows = [{names.get(key, key): value for key, value in one.items()} for one in ROWS]
    assert_rows(read_hub(write_jsonl(tmp_path / "a.jsonl", rows), "test", fields=names), ROWS)


# ---------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("column", ["question", "schema", "cypher", "instance_id"])
@pytest.mark.parametrize("ending", WRITERS)
def test_a_missing_column(tmp_path: Path, ending: str, column: str) -> None:
    rows = [{key: value for key, value in one.items() if key != column} for one in ROWS]
    said = refusal(WRITERS[ending](tmp_path / f"a.{ending}", rows), "test")
    assert f"no column {column}" in said
    assert "data_source" in said  # what there is
    assert "fields" in said  # the remedy


@pytest.mark.parametrize("column", ["question", "cypher", "instance_id"])
def test_an_empty_cell(tmp_path: Path, column: str) -> None:
    file = write_parquet(tmp_path / "a.parquet", [row(1), row(2), row(3, **{column: "  "})])
    said = refusal(file, "test")
    assert f"{file}, row 3" in said
    assert column in said


def test_an_id_twice(tmp_path: Path) -> None:
    said = refusal(write_jsonl(tmp_path / "a.jsonl", [row(1), row(2), row(1, "Another?")]), "test")
    assert "row 3" in said
    assert "row 1" in said
    assert "'instance_id_1'" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cypher": "RETURN 1"}, "another cypher"),
        ({"schema": "()"}, "another schema"),
        ({"database_reference_alias": "northwind"}, "another database"),
    ],
)
def test_rows_of_one_id_that_are_no_translations(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    rows = [row(1, language="en"), row(1, "¿Cuántas?", language="es", **changes)]
    assert said in refusal(write_jsonl(tmp_path / "a.jsonl", rows), "test")


def test_a_language_code_that_is_none(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [row(1), row(2, language="Spanish")])
    said = refusal(file, "test")
    assert "row 2" in said
    assert "'Spanish'" in said
    assert "'English'" in refusal(file, "test", language="English")
    assert "'questions'" in refusal(file, "test", fields={"questions": "nl"})


def test_places_where_nothing_is(tmp_path: Path) -> None:
    assert "no file or folder" in refusal(tmp_path / "gone", "test")
    assert "no file or folder" in refusal("./gone", "test")
    assert "no file or folder" in refusal("gone/rows.parquet", "test")
    assert "no Parquet, CSV or JSONL" in refusal(tmp_path, "test")
    (tmp_path / "rows.txt").write_text("x")
    assert ".parquet" in refusal(tmp_path / "rows.txt", "test")
    (tmp_path / "rows.jsonl").write_text("")
    assert "no example" in refusal(tmp_path / "rows.jsonl", "test")
    assert "no revision" in refusal(tmp_path / "rows.jsonl", "test", revision="main")


# ---------------------------------------------------------------------------- the Hub


@pytest.mark.parametrize("name", ["neo4j/text2cypher-2024v1", "nowhere"])
def test_a_set_on_the_hub_when_offline(tmp_path: Path, name: str) -> None:
    """In a process of its own, because the Hub client reads the setting when it is imported."""
    code = (
        "from polycypher.corpus.hub import read_hub\nfrom polycypher.errors import CorpusError\n"
        f"try:\n    read_hub({name!r}, 'test')\nexcept CorpusError as error:\n    print(error)"
    )
    source = Path(sys.modules["polycypher"].__file__ or "").parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    (said,) = done.stdout.splitlines()
    assert f"cannot reach the Hub for '{name}'" in said
    assert "local folder" in said


class TestHub:
    """The Hub as the `datasets` package shows it, put in its place."""

    @pytest.fixture
    def hub(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        import datasets

        hub = SimpleNamespace(sets={}, asked=[], error=None)

        def load(name: str, code: str | None = None, *, split: str, revision: str | None) -> Any:
            hub.asked.append((name, code, split, revision))
            if hub.error is not None:
                raise hub.error
            if code not in hub.sets:
                raise ValueError("Config name is missing.\nPlease pick one among the available configs: …")
            return datasets.Dataset.from_list(hub.sets[code])

        monkeypatch.setattr(datasets, "load_dataset", load)
        monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name, revision: list(hub.sets))
        return hub

    def test_a_set(self, hub: Any) -> None:
        hub.sets = {None: ROWS}
        assert_rows(read_hub("neo4j/text2cypher-2024v1", "test", revision="abc"), ROWS)
        assert hub.asked == [("neo4j/text2cypher-2024v1", None, "test", "abc")]

    def test_a_row_is_named_by_set_and_split(self, hub: Any) -> None:
        hub.sets = {None: [*ROWS, row(4, cypher="")]}
        assert "someone/set (test), row 4: no `cypher`" in refusal("someone/set", "test")

    def test_one_configuration_a_language(self, hub: Any) -> None:
        hub.sets = {code: in_language(code) for code in QUESTIONS}
        assert_parallel(read_hub("someone/parallel", "test"))

    def test_configurations_that_are_no_languages(self, hub: Any) -> None:
        hub.sets = {"small": ROWS, "large": ROWS}
        said = refusal("someone/sizes", "test")
        assert "'small'" in said
        assert "save_to_disk" in said

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            ("DatasetNotFoundError", "no set 'someone/set'"),
            ("OfflineModeIsEnabled", "cannot reach the Hub"),
            ("ConnectError", "cannot reach the Hub"),
            ("SomethingElse", "check name, split and revision"),
        ],
    )
    def test_faults_of_the_hub(self, hub: Any, kind: str, said: str) -> None:
        hub.error = type(kind, (Exception,), {})("several\nlines of " + "words " * 100)
        message = refusal("someone/set", "test")
        assert said in message
        assert len(message) < 500

    def test_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "datasets", None)
        assert "polycypher[train]" in refusal("someone/set", "test")
