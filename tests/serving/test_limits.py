"""Body, rate and requests in flight are bounded, and what is too much is refused at once."""

from __future__ import annotations

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving_helpers import Held, Served, error_of, serving, wait_until

from polycypher.graph.store import GraphStore
from polycypher.serving.failures import Refused
from polycypher.serving.limits import _CLIENTS, Admission, RateLimiter, client_of
from polycypher.translator.translator import Translator


@given(
    st.floats(0.1, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 3), min_size=1, max_size=80),
)
def test_a_client_gets_its_burst_and_its_rate_and_no_more(
    rate: float, burst: int, pauses: list[float]
) -> None:
    now = 0.0
    limiter = RateLimiter(rate, burst, lambda: now)
    allowed = 0
    for pause in pauses:
        now += pause
        wait = limiter.take("client")
        assert wait >= 0
        allowed += wait == 0
        assert allowed <= burst + rate * now + 1e-6
    now += 1.001 / rate
    assert limiter.take("client") == 0


def test_after_the_wait_that_was_told_a_request_passes() -> None:
    now = 100.0
    limiter = RateLimiter(2.0, 1, lambda: now)
    assert limiter.take("a") == 0
    wait = limiter.take("a")
    assert wait == pytest.approx(0.5)
    assert limiter.take("b") == 0, "one client does not take another's"
    now += wait + 1e-6
    assert limiter.take("a") == 0


def test_the_clients_remembered_are_bounded() -> None:
    limiter = RateLimiter(1.0, 1)
    for number in range(_CLIENTS + 500):
        limiter.take(str(number))
    assert len(limiter._buckets) == _CLIENTS


def test_a_network_of_ipv6_addresses_is_one_client() -> None:
    assert client_of({"client": ("2001:db8::1", 1)}) == client_of({"client": ("2001:db8::2", 2)})
    assert client_of({"client": ("2001:db8:0:1::1", 1)}) != client_of({"client": ("2001:db8::1", 1)})
    assert (
        client_of({"client": ("::ffff:10.0.0.1", 1)}) == client_of({"client": ("10.0.0.1", 9)}) == "10.0.0.1"
    )
    assert client_of({}) == "unknown"


def _admission(
    most: int, each: int, *, always: int = 0, wait: float = 2.0, reasons: list[str] | None = None
) -> Admission:
    told = [] if reasons is None else reasons
    return Admission(most, each, always=always, longest_wait=5.0, wait=lambda: wait, refused=told.append)


def test_who_would_wait_too_long_is_refused_but_never_the_first() -> None:
    reasons: list[str] = []
    admission = _admission(100, 100, always=2, wait=5.1, reasons=reasons)
    with admission.place("a"), admission.place("b"):
        with pytest.raises(Refused) as caught, admission.place("c"):
            pass
        assert (caught.value.status, caught.value.retry_after) == (429, 5.1)
    assert reasons == ["full"]
    with admission.place("c"):
        assert admission.count == 1


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 10), st.integers(1, 5))
def test_places_are_counted_and_given_back(clients: list[str], most: int, each: int) -> None:
    reasons: list[str] = []
    admission = _admission(most, each, reasons=reasons)
    held = []
    for client in clients:
        place = admission.place(client)
        if len(held) < most and sum(name == client for name, _ in held) < each:
            place.__enter__()
            held.append((client, place))
        else:
            with pytest.raises(Refused) as caught, place:
                pass
            assert (caught.value.status, caught.value.retry_after) == (429, 2.0)
        assert admission.count == len(held) <= most
        assert all(sum(name == client for name, _ in held) <= each for client in "abc")
    assert len(reasons) == len(clients) - len(held)
    for _, place in held:
        place.__exit__(None, None, None)
    assert admission.count == 0
    assert admission._clients == {}


def test_a_server_that_ends_takes_no_request() -> None:
    admission = _admission(1, 1)
    admission.close()
    with pytest.raises(Refused) as caught, admission.place("a"):
        pass
    assert caught.value.status == 503


def test_a_long_body_is_refused_by_its_length_alone(served: Served) -> None:
    response = served.client.post("/v1/ask", json={"question": "x" * 70_000})
    assert error_of(response) == (413, "BodyTooLarge")


def test_a_long_body_without_a_length_is_refused(served: Served) -> None:
    response = served.client.post("/v1/ask", content=(b"x" * 1000 for _ in range(100)))
    assert error_of(response) == (413, "BodyTooLarge")


def test_a_long_question_is_refused_and_a_longest_one_taken(served: Served) -> None:
    assert error_of(served.client.post("/v1/translate", json={"question": "x" * 2001})) == (400, "UsageError")
    assert error_of(served.run("RETURN 1 //" + "x" * 20_000)) == (400, "UsageError")


def _raw(served: Served) -> socket.socket:
    address = urlsplit(served.url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)))
    connection.settimeout(30)
    return connection


def _answered(served: Served, sent: bytes) -> bytes:
    """The beginning of what comes back; nothing if the connection is closed."""
    with _raw(served) as connection:
        try:
            connection.sendall(sent)
            return connection.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            return b""


def test_a_slow_head_and_a_slow_body_are_given_up_on(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store, receive_seconds=0.5) as served:
        assert _answered(served, b"GET /healthz HT") == b"", "the connection is closed"
        assert _answered(served, b"") == b"", "also if nothing at all is sent"
        head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
        # On a busy machine the head may come too slowly, too.
        wait_until(lambda: b"408" in _answered(served, head))


def test_a_head_may_come_after_an_answer_and_a_pause(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store) as served:
        address = urlsplit(served.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        connection.connect()
        connection.auto_open = 0  # it is the first connection, or none
        there: set[Any] = served.server.server_state.connections
        wait_until(lambda: any(one._head is not None for one in set(there)))
        for _ in range(3):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b'{"status":"ok"}'
            assert all(one._head is None for one in set(there)), "nobody waits for a head in a pause"
        connection.close()


def test_a_client_that_leaves_its_answer_unread_is_given_up_on(
    nano: Translator, demo_store: GraphStore
) -> None:
    long = f"UNWIND range(1, 250) AS i RETURN '{'y' * 15_000}' AS text"
    with serving(nano, demo_store, send_seconds=0.2) as served, socket.socket() as connection:
        there: set[Any] = served.server.server_state.connections
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address = urlsplit(served.url)
        connection.connect((str(address.hostname), int(address.port or 0)))
        body = json.dumps({"cypher": long}).encode()
        head = f"POST /v1/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
        port = connection.getsockname()[1]
        wait_until(lambda: any(one._unread is not None for one in set(there)))
        wait_until(lambda: all(one.client[1] != port for one in set(there)))
        assert served.client.get("/healthz").status_code == 200


def test_more_connections_than_are_allowed_are_refused(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store, connections=4) as served:
        others = [_raw(served) for _ in range(6)]
        wait_until(lambda: served.client.get("/v1/languages").status_code == 503)
        for other in others:
            other.close()
        wait_until(lambda: served.client.get("/v1/languages").status_code == 200)


def test_one_client_cannot_take_all_connections(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store, connections_a_client=4) as served:
        there: set[Any] = served.server.server_state.connections
        ours = [_raw(served) for _ in range(20)]
        wait_until(lambda: len(set(there)) == 4)
        address = urlsplit(served.url)
        # Another client, as 127.0.0.2 is another address of this machine.
        with socket.create_connection(
            (str(address.hostname), int(address.port or 0)), source_address=("127.0.0.2", 0)
        ) as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert other.recv(100).startswith(b"HTTP/1.1 200")
        for one in ours:
            one.close()


def test_a_client_is_its_address_and_not_what_it_says(nano: Translator, demo_store: GraphStore) -> None:
    said = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(3)]
    for trusted, last in ((), 429), (("127.0.0.1",), 200):
        with serving(nano, demo_store, rate=0.001, burst=2, trusted_proxies=trusted) as served:
            codes = [served.client.get("/v1/languages", headers=headers).status_code for headers in said]
            assert codes == [200, 200, last]


def test_a_long_head_is_refused(served: Served) -> None:
    with _raw(served) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        answered = b""
        try:
            for _ in range(100):
                connection.sendall(b"x" * 10_000)
            answered = connection.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert b"200" not in answered


def test_a_client_that_sends_too_often_is_told_when_to_come_back(
    nano: Translator, demo_store: GraphStore
) -> None:
    with serving(nano, demo_store, rate=0.001, burst=3) as served:
        responses = [served.client.get("/v1/languages") for _ in range(4)]
        codes = [response.status_code for response in responses]
        assert codes[0] == 200
        assert codes[-1] == 429
        assert error_of(responses[-1]) == (429, "RateLimited")
        assert 500 < int(responses[-1].headers["Retry-After"]) <= 1000
        assert served.client.get("/healthz").status_code == 200, "who watches is not limited"


def test_a_full_server_answers_at_once_and_goes_on_afterwards(
    nano: Translator, demo_store: GraphStore
) -> None:
    model: Any = Held(nano)
    question = "How many movies are there?"
    with (
        serving(model, demo_store, in_flight=2, in_flight_a_client=2) as served,
        ThreadPoolExecutor(2) as pool,
    ):
        slow = [pool.submit(served.ask, question) for _ in range(2)]
        wait_until(lambda: served.service.admission.count == 2)
        refused = served.run("RETURN 1")
        assert error_of(refused) == (429, "Overloaded")
        assert int(refused.headers["Retry-After"]) >= 1
        streamed = served.ask(question, stream=True)
        assert error_of(streamed) == (429, "Overloaded"), "a stream is refused by its code too"
        assert served.service.admission.count == 2, "the answers came while both were in work"
        model.let.set()
        assert [answer.result().json()["rows"] for answer in slow] == [[[88]]] * 2
        assert served.run("RETURN 1 AS one").json()["rows"] == [[1]]
