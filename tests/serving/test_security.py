"""The token, and requests that another site sends through somebody's browser."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_helpers import TOKEN, Served, error_of, serving

from polycypher.errors import UsageError
from polycypher.graph.store import GraphStore
from polycypher.serving.pages import free_paths
from polycypher.serving.security import read_token
from polycypher.translator.translator import Translator


@pytest.fixture(scope="module")
def guarded(nano: Translator, demo_store: GraphStore) -> Iterator[Served]:
    """A server that wants a token, and takes one further name and one further origin."""
    with serving(
        nano,
        demo_store,
        token=TOKEN.encode(),
        hosts=("graph.example.org",),
        origins=("https://app.example.org",),
        rate=1000,
        burst=10_000,
    ) as running:
        yield running


def _token_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "token"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_a_token_is_read_without_the_space_around_it(tmp_path: Path) -> None:
    assert read_token(_token_file(tmp_path, f"{TOKEN}\n")) == TOKEN.encode()


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_token_that_every_user_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="chmod 600"):
        read_token(_token_file(tmp_path, TOKEN, mode))


@pytest.mark.parametrize(
    "text", ["", "short", "two words of some length", "ünïcödé-of-some-length", "x" * 5000]
)
def test_what_is_no_token_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one token"):
        read_token(_token_file(tmp_path, text))


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none"):
        read_token(tmp_path / "none")


@pytest.mark.parametrize(
    "header",
    [None, "", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer", "Bearer \xff"],
)
def test_without_the_token_nothing_is_told(header: str | None, guarded: Served) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for method, path in (
        ("POST", "/v1/ask"),
        ("POST", "/v1/run"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/schema"),
        ("GET", "/v1/languages"),
        ("GET", "/metrics"),
        ("GET", "/nothing-there"),
    ):
        guarded.client.headers.pop("Authorization", None)
        response = guarded.client.request(method, path, headers=headers)
        assert error_of(response) == (401, "Unauthorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_with_the_token_all_is_there(guarded: Served) -> None:
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {TOKEN}"}
        assert guarded.client.get("/v1/languages", headers=headers).status_code == 200
        assert guarded.client.get("/metrics", headers=headers).status_code == 200


def test_only_the_page_and_the_health_checks_need_no_token(guarded: Served) -> None:
    guarded.client.headers.pop("Authorization", None)
    for path in free_paths():
        assert guarded.client.get(path).status_code == 200, path
    assert not any(path.startswith(("/v1", "/metrics")) for path in free_paths())


def test_the_openapi_file_says_that_a_token_is_needed(guarded: Served) -> None:
    described = guarded.client.get("/openapi.json").json()
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert described["security"] == [{"token": []}]


def _status(served: Served, headers: list[tuple[str, str]], path: str = "/v1/languages") -> int:
    """The code for a request with exactly these headers."""
    address = urlsplit(served.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:8765", "127.0.0.1:1"])
def test_the_server_is_called_by_loopbacks_names(host: str, served: Served) -> None:
    assert _status(served, [("Host", host)]) == 200


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.from_regex(r"[a-z0-9.\-:\[\]@]{1,30}", fullmatch=True))
def test_by_another_name_it_does_not_answer(served: Served, host: str) -> None:
    name = host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdecimal() else host
    expected = 200 if name in ("localhost", "127.0.0.1", "[::1]") else 421
    assert _status(served, [("Host", host)]) == expected


@pytest.mark.parametrize(
    "host", ["evil.example.org", "127.0.0.1.evil.org", "localhost@evil.org", "evil.org:8765", "", "[::1", "*"]
)
def test_a_rebound_name_is_refused(host: str, served: Served) -> None:
    assert _status(served, [("Host", host)]) == 421


def test_two_hosts_are_refused(served: Served) -> None:
    assert _status(served, [("Host", "localhost"), ("Host", "evil.org")]) in (400, 421)


def test_a_health_check_may_call_by_any_name(served: Served) -> None:
    assert _status(served, [("Host", "10.0.0.7:8765")], "/healthz") == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.org",
        "null",
        "http://127.0.0.1:1",
        "http://localhost.evil.org",
        "file://",
        "app.example.org",
    ],
)
def test_pages_of_other_sites_may_not_call(origin: str, served: Served) -> None:
    response = served.client.post("/v1/ask", json={"question": "How many?"}, headers={"Origin": origin})
    assert error_of(response) == (403, "WrongOrigin")


def test_the_own_page_may_call(served: Served) -> None:
    origin = served.url.rstrip("/")
    assert served.client.get("/v1/languages", headers={"Origin": origin}).status_code == 200


def test_a_further_name_and_origin_may_be_allowed(guarded: Served) -> None:
    authorised = ("Authorization", f"Bearer {TOKEN}")
    assert _status(guarded, [("Host", "graph.example.org"), authorised]) == 200
    assert _status(guarded, [("Host", "other.example.org"), authorised]) == 421
    asked = guarded.client.options(
        "/v1/ask",
        headers={
            "Origin": "https://app.example.org",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example.org"


def test_a_form_of_another_site_is_no_request(served: Served) -> None:
    sent = served.client.post(
        "/v1/run", content=b'{"cypher": "RETURN 1"}', headers={"Content-Type": "text/plain"}
    )
    assert error_of(sent) == (400, "UsageError")


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_token_of_the_group_is_taken(tmp_path: Path) -> None:
    assert read_token(_token_file(tmp_path, TOKEN, 0o640)) == TOKEN.encode()
