"""Settings: defaults, a file, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.errors import UsageError
from polycypher.serving.settings import Settings, is_loopback


def test_the_default_is_loopback_without_a_token() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.token_file) == ("127.0.0.1", 8765, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "graph.example.org"])
def test_beyond_loopback_a_token_is_required(host: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--token-file"):
        Settings.read(host=host)
    assert Settings.read(host=host, token_file=tmp_path / "token").host == host


@given(st.ip_addresses(v=4))
def test_loopback_is_127(address: object) -> None:
    assert is_loopback(str(address)) == str(address).startswith("127.")


def test_names_of_loopback() -> None:
    assert is_loopback("localhost")
    assert is_loopback("::1")
    assert is_loopback("[::1]")
    assert not is_loopback("localhost.example.org")


def test_a_file_is_read_and_what_is_given_beside_it_wins(tmp_path: Path) -> None:
    file = tmp_path / "serve.yaml"
    file.write_text("rows: 200\nport: 9000\nhosts: [Graph.example.org]\n", encoding="utf-8")
    settings = Settings.read(file, port=9001)
    assert (settings.rows, settings.port, settings.hosts) == (200, 9001, ("graph.example.org",))
    assert settings.limits.rows == 200


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("rowz: 200", "rowz"),
        ("rows: many", "rows"),
        ("rows: 0", "rows"),
        ("- rows", "mapping"),
        ("rows: [", "cannot read"),
        ("hosts: ['https://x.org']", "hosts"),
        ("origins: [x.org]", "origins"),
        ("origins: ['https://x.org/path']", "origins"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(text: str, named: str, tmp_path: Path) -> None:
    file = tmp_path / "serve.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=named) as caught:
        Settings.read(file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml"):
        Settings.read(tmp_path / "none.yaml")
