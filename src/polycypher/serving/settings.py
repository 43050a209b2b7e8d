"""What a server may be told: addresses, who may ask, and how much.

One pydantic model; unknown keys are refused. Knows nothing of HTTP libraries, graphs or models.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from polycypher.errors import UsageError
from polycypher.graph.store import Limits


class Settings(BaseModel):
    """A server's settings. Seconds, bytes and counts are positive; `docs/operations.md` has the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    """The address to listen on. Beyond loopback a token is required."""
    port: int = Field(default=8765, ge=0, le=65535)
    """0 lets the system choose."""
    token_file: Path | None = None
    """A file whose only content is the token that every request must bring."""
    hosts: tuple[str, ...] = ()
    """Names by which clients may call the server, beside loopback's and `host`."""
    origins: tuple[str, ...] = ()
    """Origins (`https://app.example.org`) whose pages may call the server, beside its own."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    access_log: bool = False
    """Log a line a request: client, method, path and code, never a body."""

    batch: int = Field(default=16, ge=1, le=256)
    """Questions that one fused decode takes at most."""
    threads: int = Field(default=8, ge=1, le=256)
    """Graph reads at the same time."""
    in_flight: int = Field(default=64, ge=1, le=10_000)
    """Requests worked on or waiting, of all clients; further ones are answered 429 at once."""
    in_flight_a_client: int = Field(default=32, ge=1, le=10_000)
    """The same of one client."""
    wait_seconds: float = Field(default=5.0, gt=0, le=3600)
    """The longest that a request may be expected to wait; one that would wait longer is answered 429 at once,
    unless fewer than a `batch` are in flight."""
    rate: float = Field(default=20.0, gt=0, le=100_000)
    """Requests a second that one client may send on average."""
    burst: int = Field(default=60, ge=1, le=100_000)
    """Requests that one client may send at once after a pause."""
    connections: int = Field(default=512, ge=1, le=100_000)
    """Open connections; requests on further ones are answered 503."""
    connections_a_client: int = Field(default=256, ge=1, le=100_000)
    """The same of one client, whose further ones are closed at once; not counted behind `trusted_proxies`."""

    body_bytes: int = Field(default=65_536, ge=1024, le=16_777_216)
    """The longest body of a request."""
    receive_seconds: float = Field(default=10.0, gt=0, le=600)
    """The longest time that a request's head, and then its body, may take to arrive."""
    send_seconds: float = Field(default=20.0, gt=0, le=600)
    """How long a client may leave what it is sent unread."""
    deadline_seconds: float = Field(default=30.0, gt=0, le=3600)
    """The longest time that a request may take in all; a request may ask for less."""
    query_seconds: float = Field(default=10.0, gt=0, le=3600)
    """The longest time that a query may run."""
    rows: int = Field(default=1000, ge=1, le=100_000)
    """The most rows of an answer; a request may ask for fewer."""
    result_bytes: int = Field(default=4_000_000, ge=1000, le=256_000_000)
    """The most bytes of an answer's values."""
    drain_seconds: float = Field(default=20.0, gt=0, le=600)
    """How long a server that is told to end lets requests finish."""

    @field_validator("hosts")
    @classmethod
    def _names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not host or any(sign in host for sign in "/@ *"):
                raise ValueError(f"'{host}' is no host's name; give it as clients write it, without a scheme")
        return tuple(host.lower() for host in hosts)

    @field_validator("origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin:
                raise ValueError(f"'{origin}' is no origin; give for example https://app.example.org")
        return tuple(origin.lower() for origin in origins)

    @model_validator(mode="after")
    def _needs_token(self) -> Settings:
        if self.token_file is None and not is_loopback(self.host):
            raise ValueError(
                f"{self.host} can be reached from other machines, so a token is required: "
                "write one into a file that only you can read and name it with --token-file"
            )
        return self

    @property
    def limits(self) -> Limits:
        """What one query may cost at most."""
        return Limits(rows=self.rows, seconds=self.query_seconds, bytes=self.result_bytes)

    @classmethod
    def read(cls, path: Path | None = None, **given: Any) -> Settings:
        """Settings from a YAML file, with those given beside it on top.

        Raises:
            UsageError: unreadable, an unknown key, or a value out of range; file and key are named.
        """
        value: Any = {}
        if path is not None:
            try:
                value = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
                raise UsageError(f"cannot read the settings {path}: {' '.join(str(error).split())}") from None
            if not isinstance(value, dict):
                raise UsageError(f"the settings {path} are no mapping; write lines such as `rows: 200`")
        try:
            return cls.model_validate({**value, **given})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise UsageError(f"server setting `{where}`: {message}" if where else message) from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name other than `localhost` is taken for one that
    others can."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
