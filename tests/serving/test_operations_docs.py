"""`docs/operations.md` against the server it describes: its examples run, its tables are whole."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from serving_helpers import TOKEN, Served

from polycypher.graph.store import GraphStore
from polycypher.serving.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "operations.md").read_text(encoding="utf-8")
HERE = "http://127.0.0.1:8765/"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


CURLS = [line for block in _blocks("sh") for line in block.splitlines() if line.startswith("curl")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("line", CURLS)
def test_every_request_is_answered(line: str, served: Served) -> None:
    assert HERE in line
    done = subprocess.run(
        line.replace(HERE, served.url), shell=True, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    if "event-stream" in line:
        assert "event: answer" in done.stdout
    else:
        assert "error" not in json.loads(done.stdout)


def test_there_are_requests_to_every_question_path() -> None:
    for path in ("ask", "translate", "run", "schema", "languages", "examples"):
        assert any(f"/v1/{path} " in line or line.endswith(f"/v1/{path}") for line in CURLS), path


def test_the_openai_example_runs(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = _blocks("python")
    exec(compile(example.replace(HERE, served.url), "operations.md", "exec"), {})
    assert "Unforgiven" in capsys.readouterr().out


def test_every_setting_stands_in_its_table_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? \|", TEXT.split("## Settings")[1], re.MULTILINE))
    for name, field in Settings.model_fields.items():
        default = "none" if field.default in (None, ()) else str(field.default)
        assert rows[name].strip() == (default.lower() if isinstance(field.default, bool) else default), name


def test_every_metric_of_the_server_stands_in_its_table(served: Served) -> None:
    told = served.client.get("/metrics").text
    names = set(re.findall(r"^# TYPE (polycypher_\w+)", told, re.MULTILINE))
    assert names
    for name in names:
        assert name.removesuffix("_created") in TEXT, name


def test_every_path_stands_in_its_table(served: Served) -> None:
    for path in served.client.get("/openapi.json").json()["paths"]:
        assert path in TEXT, path


def test_the_figures_are_those_that_were_measured(tmp_path: Path) -> None:
    for file in ("operations.md", "serve.json", "soak.json"):
        if (DOCS / file).exists():
            shutil.copy(DOCS / file, tmp_path)
    script = DOCS.parent / "bench" / "figures.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=120)
    assert (tmp_path / "operations.md").read_text(encoding="utf-8") == TEXT


SERVERS = [
    line for line in re.findall(r"^\$ (polycypher serve.*)$", TEXT, re.MULTILINE) if "bolt:" not in line
]


@pytest.mark.slow
@pytest.mark.parametrize("line", SERVERS)
def test_a_server_starts_as_it_is_told(line: str, demo_store: GraphStore, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="utf-8")
    token.chmod(0o600)
    words = [*shlex.split(line)[1:], "--port", "0"]
    command = [sys.executable, "-m", "polycypher", *words]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        page = httpx.get(url, timeout=120)
        assert "<title>polycypher" in page.text
        guarded = httpx.get(f"{url}v1/languages", timeout=120)
        assert guarded.status_code == (401 if "--token-file" in words else 200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()


def test_there_are_servers() -> None:
    assert len(SERVERS) == 2
