"""A study's files: whole or absent, and read back only by those whose they are."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from polycypher.errors import TrainingError
from polycypher.study.files import keeping, read_kept, replacing, write_json


def test_what_is_written_is_read_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ablations.json"
    write_json(path, {"key": "a", "rows": ["¿é?"]})
    assert read_kept(path, "a") == {"key": "a", "rows": ["¿é?"]}
    assert read_kept(path, "b") is None
    assert [entry.name for entry in path.parent.iterdir()] == ["ablations.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '"key"', "null", '{"rows": []}'])
def test_what_is_absent_or_damaged_is_made_again(tmp_path: Path, text: str) -> None:
    path = tmp_path / "growth.json"
    assert read_kept(path, "a") is None
    path.write_text(text, encoding="utf-8")
    assert read_kept(path, "a") is None


def test_a_full_disk_leaves_the_older_file_and_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    write_json(path, {"old": True})
    before = path.read_bytes()

    def full(self: Path, text: str, **_: object) -> None:
        self.write_bytes(text.encode()[: len(text) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(TrainingError, match="No space left on device; free space") as refused:
            write_json(path, {"new": list(range(1000))})
    assert str(path) in str(refused.value)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.json"]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    with pytest.raises(TrainingError, match=r"cannot write .*file"):
        write_json(tmp_path / "file" / "results.json", {})


def interrupt(path: Path) -> None:
    path.write_text("half")
    raise KeyboardInterrupt


def test_another_failure_passes_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    for manager in (keeping, replacing):
        with pytest.raises(KeyboardInterrupt), manager(path) as temporary:
            interrupt(temporary)
    assert list(tmp_path.iterdir()) == []
