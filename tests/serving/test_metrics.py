"""What Prometheus reads."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from serving_helpers import Served


def _samples(served: Served) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = served.client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def _value(samples: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_a_question_is_counted_with_its_stages_and_its_language(served: Served) -> None:
    before = _samples(served)
    assert served.ask("Kaç film var?").status_code == 200
    after = _samples(served)

    def grown(name: str, **labels: str) -> float:
        return _value(after, name, **labels) - _value(before, name, **labels)

    assert grown("polycypher_requests_total", route="/v1/ask", method="POST", status="200") == 1
    assert grown("polycypher_request_seconds_count", route="/v1/ask") == 1
    assert grown("polycypher_questions_total", language="tr") == 1
    assert grown("polycypher_batch_questions_sum") == 1
    for stage in ("prepare", "wait", "gate", "decode", "execute"):
        assert grown("polycypher_stage_seconds_count", stage=stage) == 1, stage


def test_an_error_is_counted_by_its_name(served: Served) -> None:
    before = _samples(served)
    assert served.run("CREATE (n)").status_code == 422
    after = _samples(served)
    name, labels = "polycypher_errors_total", {"type": "GuardError"}
    assert _value(after, name, **labels) - _value(before, name, **labels) == 1


def test_what_nobody_serves_adds_no_label(served: Served) -> None:
    for number in range(5):
        served.client.get(f"/nothing/{number}")
        served.client.request(f"ODD{number}", "/v1/ask")
    routes = {
        dict(labels).get("route") for name, labels in _samples(served) if name.endswith("requests_total")
    }
    methods = {dict(labels).get("method") for _, labels in _samples(served)}
    assert "(none)" in routes
    assert not any(route and route.startswith("/nothing") for route in routes)
    assert not any(method and method.startswith("ODD") for method in methods)


@pytest.mark.parametrize(
    "name",
    [
        "polycypher_in_flight",
        "polycypher_waiting_questions",
        "polycypher_graph_up",
        "process_resident_memory_bytes",
    ],
)
def test_the_servers_state_can_be_read(name: str, served: Served) -> None:
    served.client.get("/readyz")
    samples = _samples(served)
    assert (name, frozenset()) in samples
    assert _value(samples, "polycypher_build_info", version="0.1.0", model="nano", graph="demo") == 1
