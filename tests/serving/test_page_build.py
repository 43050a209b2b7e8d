"""The page that is shipped is the one that `web/` builds, whole, and needs nothing from elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
STATIC = ROOT / "src/polycypher/serving/static"

INDEX = (STATIC / "index.html").read_text(encoding="utf-8")


def sources() -> list[str]:
    """What the build depends on, as `web/vite.config.ts` names it."""
    found = re.search(
        r"const SOURCES = (\[.*?\]);", (WEB / "vite.config.ts").read_text(encoding="utf-8"), re.S
    )
    assert found
    return [str(name) for name in json.loads(re.sub(r",\s*\]", "]", found[1]))]


def fingerprint() -> str:
    """SHA-256 over every source's path and content, in the order of the paths."""
    files = [
        file
        for name in sources()
        for file in ((WEB / name).rglob("*") if (WEB / name).is_dir() else [WEB / name])
        if file.is_file()
    ]
    digest = hashlib.sha256()
    for name, file in sorted((file.relative_to(WEB).as_posix(), file) for file in files):
        digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def test_the_build_is_that_of_the_sources() -> None:
    built = json.loads((STATIC / "build.json").read_text(encoding="utf-8"))
    assert built["sources"] == fingerprint(), "web/ has changed since the page was built; run: make web"


def test_every_source_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in sources():
        folder = tmp_path / "web"
        for file in (WEB / name).rglob("*") if (WEB / name).is_dir() else [WEB / name]:
            if file.is_file():
                copy = folder / file.relative_to(WEB)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
    (tmp_path / "web/vite.config.ts").write_bytes((WEB / "vite.config.ts").read_bytes())
    before = fingerprint()
    monkeypatch.setattr("test_page_build.WEB", tmp_path / "web")
    assert fingerprint() == before
    (tmp_path / "web/src/new.ts").write_text("export {};\n")
    assert fingerprint() != before


def test_the_page_names_only_files_that_are_shipped() -> None:
    named = re.findall(r'(?:src|href)="([^"]+)"', INDEX)
    assert any(name.endswith(".js") for name in named)
    assert all(name.startswith("./") and (STATIC / name).is_file() for name in named), named


def test_the_page_fits_a_strict_content_security_policy() -> None:
    assert re.findall(r"<script(?![^>]*\bsrc=)", INDEX) == []
    assert "<style" not in INDEX
    assert re.findall(r"\sstyle=|\son\w+=", INDEX) == []
    for script in STATIC.rglob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"\bnew Function\(|[^.\w]eval\(", text), script.name


def test_styles_load_nothing_from_elsewhere() -> None:
    sheets = list(STATIC.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not re.search(r"@import|url\(", sheet.read_text(encoding="utf-8")), sheet.name


def test_the_licence_of_every_library_in_the_page_is_shipped() -> None:
    licences = (STATIC / "LICENSES.txt").read_text(encoding="utf-8")
    package = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    for name in package["dependencies"]:
        section = re.search(rf"^## {re.escape(name)} - [\d.]+ \((.+)\)$", licences, re.M)
        assert section, name
        assert section[1] in ("MIT", "ISC", "BSD-3-Clause", "Apache-2.0"), name


def test_no_registry_is_named_by_a_committed_file() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all("resolved" not in package and "integrity" in package for package in packages)
