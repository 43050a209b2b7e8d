"""What a browser is given, and what it may do with it."""

from __future__ import annotations

import re

import pytest
from serving_helpers import Served

from polycypher.serving.pages import STATIC, free_paths


def _policy(text: str) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in text.split(";") if part.strip()}


def test_the_page_and_all_it_loads_come_from_here(served: Served) -> None:
    page = served.client.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for path in loaded:
        assert not re.match(r"[a-z]+:|//", path), path
        assert served.client.get(f"/{path.removeprefix('./').lstrip('/')}").status_code == 200, path
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text), "no script stands in the page itself"


def test_whoever_watches_may_ask_for_the_head_alone(served: Served) -> None:
    answered = served.client.head("/")
    assert (answered.status_code, answered.content) == (200, b"")


def test_the_page_may_reach_no_other_server(served: Served) -> None:
    policy = _policy(served.client.get("/").headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"]
    assert policy["require-trusted-types-for"] == ["'script'"], "no text becomes a script"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert not any("http" in source or "*" in source for sources in policy.values() for source in sources)


def test_the_openapi_page_works_without_a_network(served: Served) -> None:
    page = served.client.get("/docs")
    assert page.status_code == 200
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert path.startswith(("/docs/", "data:")), path
        if path.startswith("/"):
            assert served.client.get(path).status_code == 200
    policy = _policy(page.headers["Content-Security-Policy"])
    assert "'unsafe-inline'" not in policy["script-src"]
    assert any(source.startswith("'sha256-") for source in policy["script-src"])


@pytest.mark.parametrize("path", ["/", "/docs", "/healthz", "/v1/languages", "/nothing", "/openapi.json"])
def test_every_answer_keeps_other_sites_out(path: str, served: Served) -> None:
    headers = served.client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "server" not in headers


def test_answers_are_kept_by_no_cache(served: Served) -> None:
    assert served.client.get("/v1/languages").headers["Cache-Control"] == "no-store"


def test_no_file_beside_the_page_is_served(served: Served) -> None:
    for path in ("/../app.py", "/%2e%2e/app.py", "/assets/../../app.py", "//etc/passwd", "/assets/"):
        assert served.client.get(path).status_code == 404, path


def test_every_file_of_the_page_is_free(served: Served) -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert files
    for file in files:
        assert f"/{file.relative_to(STATIC).as_posix()}" in free_paths()
