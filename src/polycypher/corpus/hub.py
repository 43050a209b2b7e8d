"""Reading public Text2Cypher sets in the columns of `neo4j/text2cypher-2024v1`.

A row holds `question`, `schema`, `cypher`, `data_source`, `instance_id` and `database_reference_alias`.
A set comes from the Hugging Face Hub, from a folder that the `datasets` package saved, from a folder of
Parquet, CSV or JSONL files, or from one such file. Rows of one `instance_id` in several languages become
one parallel example: the language is told by a `language` column, by one file or one configuration a
language, or by one column a language named in `fields`. The schema's text, as the row gives it, is kept
beside the examples, because the paper puts it in the prompt unchanged. Knows nothing of prompts or models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from polycypher.corpus.example import Example, check_language
from polycypher.corpus.readers import read_rows
from polycypher.errors import CorpusError

COLUMNS = (
    "question", "schema", "cypher", "data_source", "instance_id", "database_reference_alias", "language",
)  # fmt: skip
"""The column names that `fields` may map to a set's own."""

_NEEDED = ("schema", "cypher", "instance_id")
_ENDINGS = (".parquet", ".csv", ".jsonl")
_SPLITS = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip
_ISO_639_1 = frozenset(
    re.findall(
        "..",
        "aaabaeafakamanarasavayazbabebgbhbibmbnbobrbscacechcocrcscucvcydadedvdzeeeleneoeseteufafffifjfofrfyga"
        "gdglgngugvhahehihohrhthuhyhziaidieigiiikioisitiujajvkakgkikjkkklkmknkokrkskukvkwkylalblglilnloltlulv"
        "mgmhmimkmlmnmrmsmtmynanbndnengnlnnnonrnvnyocojomorospapiplpsptqurmrnrorurwsascsdsesgsiskslsmsnsosqsr"
        "ssstsusvswtatetgthtitktltntotrtstttwtyugukuruzvevivowawoxhyiyozazhzu",
    )
)
"""Codes that a file's name is trusted to mean, so that `qa.jsonl` or `raw.csv` names no language."""


@dataclass(frozen=True, slots=True)
class HubCorpus:
    """`examples` in the order of their first rows; `schemas` maps an example's id to its schema text."""

    examples: tuple[Example, ...]
    schemas: Mapping[str, str]


class _Part(NamedTuple):
    """Rows with their numbers, what to call them in a message, and the language their place tells."""

    place: str
    rows: Iterable[tuple[int, Mapping[str, Any]]]
    language: str = ""
    licence: str = ""


def read_hub(
    name: str | Path,
    split: str,
    *,
    revision: str | None = None,
    language: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> HubCorpus:
    """Read one split of a Text2Cypher set.

    Args:
        name: a name on the Hub (`owner/name`), a local folder, or a local Parquet, CSV or JSONL file.
        split: `train`, `test`, …; of local files, those whose path says so. Where no path names a split,
            the files are taken to be the one asked for.
        revision: a commit, branch or tag of a set on the Hub.
        language: the language to read. Where rows, files or columns tell theirs, the others are left out;
            where nothing tells, it says what language the questions are in (default `en`).
        fields: a column name of `COLUMNS` → the set's own name for it ("" for none), or a language
            code → the column with its questions, for sets with one column a language.

    Raises:
        CorpusError: the Hub cannot be reached or has no such set, nothing lies at the path, the split or
            a column is missing, a row has no query, question or id, an id is repeated, rows of one id
            disagree, or a language code is none. One line, with the row's number and the remedy.
    """
    own = dict(fields or {})
    by_language = {check_language(key): column for key, column in own.items() if key not in COLUMNS}
    columns = {key: own.get(key, key) for key in COLUMNS}
    if language is not None:
        check_language(language)
    examples: dict[str, Example] = {}
    schemas: dict[str, str] = {}
    first: dict[str, str] = {}
    others: set[str] = set()
    for part in _parts(name, split, revision):
        for number, row in part.rows:
            place = f"{part.place}, row {number}"
            needed = [columns[key] for key in _NEEDED]
            needed += list(by_language.values()) or [columns["question"]]
            if missing := [column for column in needed if column not in row]:
                raise CorpusError(
                    f"{place}: no column {', '.join(missing)} (there are {', '.join(map(str, row))}); "
                    "name the set's own columns in `fields`"
                )
            asked = _questions(row, columns, by_language, part.language, language, place)
            others |= asked.keys()
            if language is not None:
                asked = {code: text for code, text in asked.items() if code == language}
            if not asked:
                continue
            example = _example(row, columns, asked, part.licence, place)
            schema = _text(row, columns["schema"])
            if (known := examples.get(example.id)) is not None:
                _check_parallel(known, example, schemas[known.id] == schema, first[known.id], place)
                example = replace(known, questions={**known.questions, **example.questions})
            examples[example.id] = example
            schemas.setdefault(example.id, schema)
            first.setdefault(example.id, place)
    if not examples:
        there = f" in '{language}'; it has {', '.join(sorted(others))}" if others else "; give another"
        raise CorpusError(f"the split '{split}' of {name} holds no example{there}")
    return HubCorpus(tuple(examples.values()), schemas)


def _questions(
    row: Mapping[str, Any],
    columns: Mapping[str, str],
    by_language: Mapping[str, str],
    told: str,
    language: str | None,
    place: str,
) -> dict[str, str]:
    """Language → question of one row; never empty."""
    if by_language:
        asked = {code: _text(row, column) for code, column in by_language.items()}
    else:
        code = _text(row, columns["language"]).strip() or told or language or "en"
        try:
            asked = {check_language(code): _text(row, columns["question"])}
        except CorpusError as error:
            raise CorpusError(f"{place}: {error}") from None
    asked = {code: text for code, text in asked.items() if text.strip()}
    if not asked:
        raise CorpusError(f"{place}: no question; remove the row or fill it in")
    return asked


def _example(
    row: Mapping[str, Any], columns: Mapping[str, str], asked: dict[str, str], licence: str, place: str
) -> Example:
    identifier, cypher = _text(row, columns["instance_id"]).strip(), _text(row, columns["cypher"])
    for column, text in ((columns["instance_id"], identifier), (columns["cypher"], cypher)):
        if not text.strip():
            raise CorpusError(f"{place}: no `{column}`; remove the row or fill it in")
    return Example(
        id=identifier,
        database=_text(row, columns["database_reference_alias"]),
        questions=asked,
        cypher=cypher,
        source=_text(row, columns["data_source"]),
        licence=licence,
    )


def _check_parallel(known: Example, new: Example, same_schema: bool, first: str, place: str) -> None:
    """Refuse a second row of an id that is no translation of the first."""
    if known.questions.keys() & new.questions.keys():
        raise CorpusError(
            f"{place}: id '{new.id}' stands already in {first} in {', '.join(new.questions)}; "
            "give each example its own id, or each row its language"
        )
    for part, same in (
        ("cypher", known.cypher == new.cypher),
        ("schema", same_schema),
        ("database", known.database == new.database),
    ):
        if not same:
            raise CorpusError(
                f"{place}: id '{new.id}' has another {part} than in {first}; "
                "translations of one question share it, other examples need another id"
            )


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value)


# ---------------------------------------------------------------------------- where the rows come from


def _parts(name: str | Path, split: str, revision: str | None) -> Iterator[_Part]:
    path = Path(name).expanduser()
    if not path.exists():
        text = str(name)
        if (
            isinstance(name, Path)
            or text.startswith(("/", ".", "~"))
            or text.count("/") > 1
            or path.suffix in _ENDINGS
        ):
            raise CorpusError(f"there is no file or folder {name}; check the path")
        yield from _from_hub(text, split, revision)
        return
    if revision is not None:
        raise CorpusError(f"{name} is local and has no revision '{revision}'; leave `revision` out")
    if (path / "dataset_dict.json").exists() or (path / "state.json").exists():
        yield _from_saved(path, split)
    else:
        yield from _from_files(path, split)


def _from_files(path: Path, split: str) -> Iterator[_Part]:
    """A file, or every file of a folder and its subfolders that belongs to the split."""
    root = path if path.is_dir() else path.parent
    files = [path]
    if path.is_dir():
        files = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in _ENDINGS
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
        if not files:
            raise CorpusError(f"the folder {path} holds no Parquet, CSV or JSONL file; check the path")
    splits = {file: _split_of(file.relative_to(root), split) for file in files}
    if named := {found for found in splits.values() if found}:
        wanted = _SPLITS.get(split, split)
        files = [file for file in files if splits[file] == wanted]
        if not files:
            raise CorpusError(f"{path} has no split '{split}'; it has {', '.join(sorted(named))}")
    languages = {file: _language_of(file.relative_to(root)) for file in files}
    told = any(languages.values())
    for file in files:
        # beside files that tell their language, one that does not is the English original
        yield _Part(str(file), read_rows(file), languages[file] or ("en" if told else ""))


def _split_of(path: Path, asked: str) -> str:
    """The split that a relative path names last, or ""."""
    words = re.split(r"[^a-z0-9]+", str(path.with_suffix("")).lower())
    found = [_SPLITS.get(word, word) for word in words if word in _SPLITS or word == asked.lower()]
    return found[-1] if found else ""


def _language_of(path: Path) -> str:
    """The language that a file's name (`es`, `test-es`, `pt-BR_train-00000-of-00001`) or folder tells."""
    split = "|".join(_SPLITS)
    stem = re.sub(r"-\d+-of-\d+$", "", path.stem)
    stem = re.sub(rf"^({split})[-_.]|[-_.]({split})$", "", stem)
    return next((text for text in (stem, path.parent.name) if _is_language(text)), "")


def _is_language(text: str) -> bool:
    try:
        return check_language(text).split("-")[0] in _ISO_639_1
    except CorpusError:
        return False


def _datasets() -> Any:
    try:
        import datasets
    except ImportError:
        raise CorpusError("reading public sets needs the extra: pip install 'polycypher[train]'") from None
    return datasets


def _from_saved(path: Path, split: str) -> _Part:
    """A folder that `save_to_disk` wrote: one set, or one a split."""
    try:
        found = _datasets().load_from_disk(str(path))
    except CorpusError:
        raise
    except Exception as error:  # whatever pyarrow or a damaged description raises
        raise CorpusError(f"cannot read the saved set {path}: {_line(error)}; save it again") from None
    if isinstance(found, dict):
        if split not in found:
            raise CorpusError(f"{path} has no split '{split}'; it has {', '.join(map(str, found))}")
        found = found[split]
    elif found.split is not None and str(found.split) != split:
        raise CorpusError(f"{path} has no split '{split}'; it is '{found.split}'")
    return _Part(str(path), enumerate(found, 1), "", str(found.info.license or ""))


def _from_hub(name: str, split: str, revision: str | None) -> Iterator[_Part]:
    """A set on the Hub; where its configurations are languages, one part each."""
    datasets = _datasets()

    def load(code: str) -> Any:
        return datasets.load_dataset(name, code or None, split=split, revision=revision)

    try:
        try:
            found = {"": load("")}
        except ValueError as error:
            if "Config name is missing" not in str(error):
                raise
            codes = [str(code) for code in datasets.get_dataset_config_names(name, revision=revision)]
            if unknown := [code for code in codes if not _is_language(code)]:
                raise CorpusError(
                    f"'{name}' has configurations that are no languages, '{unknown[0]}' first; save the one "
                    "you want with `save_to_disk` and give that folder"
                ) from None
            found = {code: load(code) for code in codes}
    except CorpusError:
        raise
    except Exception as error:  # the package, the Hub client and the network raise types of their own
        raise CorpusError(_hub_message(error, name)) from None
    for code, rows in found.items():
        place = f"{name} ({code}, {split})" if code else f"{name} ({split})"
        yield _Part(place, enumerate(rows, 1), code, str(rows.info.license or ""))


def _hub_message(error: Exception, name: str) -> str:
    kind = type(error).__name__
    if kind == "DatasetNotFoundError":
        return (
            f"the Hub has no set '{name}', or it needs a login; check the name, log in with `hf auth login`, "
            "or give a local folder or file"
        )
    if isinstance(error, (ConnectionError, TimeoutError)) or "Offline" in kind or "Connect" in kind:
        return (
            f"cannot reach the Hub for '{name}' ({_line(error)}); go online, "
            "or give a local folder or file with the set"
        )
    return f"cannot read '{name}' from the Hub: {_line(error)}; check name, split and revision"


def _line(error: Exception) -> str:
    """An error's own words on one line, not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}…"
