"""The page in a real browser, against the real server: everything a person does with it."""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 60_000
"""Milliseconds that a busy machine may take for anything."""
TOKEN = "a-token-for-the-page-test"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium browser, such as Debian's `chromium`"),
]

Open = Callable[..., Page]

QUESTIONS = {
    "en-GB": ("en", "Which movies did Clint Eastwood direct?", "Ask your graph"),
    "es-MX": ("es", "¿Qué películas dirigió Clint Eastwood?", "Pregunta a tu grafo"),
    "tr-TR": ("tr", "Clint Eastwood hangi filmleri yönetti?", "Çizgenize sorun"),
}


@contextmanager
def serving(*words: str) -> Iterator[str]:
    """A server of the demo graph in a process of its own; gives its address."""
    command = [sys.executable, "-m", "polycypher", "serve", "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="module")
def address(graph_home: Path) -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Of the module, not of the session: while it is open no other test can run an event loop.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=root)
        yield browser
        browser.close()


@pytest.fixture
def visit(address: str, browser: Browser) -> Iterator[Open]:
    """Open the page as a browser with the given settings; what goes wrong unseen fails the test."""
    contexts: list[Any] = []
    unseen: list[str] = []
    outside: list[str] = []
    home = address

    def opened(path: str = "", *, address: str | None = None, locale: str = "en-GB", **settings: Any) -> Page:
        context = browser.new_context(locale=locale, accept_downloads=True, **settings)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: unseen.append(str(error)))
        page.on(
            "console",
            # A refused request is told by the browser too; the page tells its user.
            lambda said: (
                unseen.append(said.text)
                if said.type in ("error", "warning") and "Failed to load resource" not in said.text
                else None
            ),
        )
        served = address or home
        page.on(
            "request",
            lambda sent: outside.append(sent.url) if not sent.url.startswith((served, "blob:")) else None,
        )
        page.goto(served + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert unseen == []
    assert outside == []


@pytest.fixture(autouse=True)
def patience() -> None:
    expect.set_options(timeout=PATIENCE)


def run(page: Page, query: str) -> None:
    """Write a query of one's own over the one that is there, and run it by keyboard."""
    page.get_by_role("textbox", name="Cypher").click()
    page.keyboard.press("ControlOrMeta+a")
    # Over coloured text the browser types coloured text, by inline styles, which the policy blocks.
    page.keyboard.press("Delete")
    page.keyboard.insert_text(query)
    page.keyboard.press("Escape")
    page.keyboard.press("ControlOrMeta+Enter")


def any_query(page: Page) -> None:
    """Bring up the query's editor with some result."""
    page.get_by_role("link", name="Schema").click()
    page.get_by_role("button", name="Show some").first.click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()


def test_every_language_asks_in_its_own_words(visit: Open) -> None:
    for locale, (code, question, heading) in QUESTIONS.items():
        page = visit(locale=locale)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert page.evaluate("document.documentElement.lang") == code
        page.get_by_role("button", name=question).click()
        expect(page.locator("tbody tr")).to_have_count(9)
        expect(page.get_by_role("cell", name="Invictus")).to_be_visible()
        expect(page.get_by_role("textbox", name="Cypher")).to_contain_text("DIRECTED")
        bars = page.get_by_role("meter")
        weights = [float(bar.get_attribute("aria-valuenow") or 0) for bar in bars.all()]
        assert weights[["en", "es", "tr"].index(code)] == max(weights) > 0.5
        widths = [bar.locator(".weight-bar").bounding_box() for bar in bars.all()]
        assert max(box["width"] for box in widths if box) > 20


def test_the_language_is_switched_and_kept(visit: Open) -> None:
    page = visit(locale="en-GB")
    page.get_by_role("button", name="Türkçe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Çizgenize sorun")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Çizgenize sorun")


def test_notices_are_told_in_the_pages_language(visit: Open) -> None:
    page = visit(locale="en-GB")
    for name, box, told in (
        ("Español", "Pregunta", "polycypher solo lee"),
        ("Türkçe", "Soru", "polycypher yalnızca okur"),
    ):
        page.get_by_role("button", name=name).click()
        page.get_by_role("textbox", name=box, exact=True).fill("Delete all movies")
        page.keyboard.press("Enter")
        expect(page.locator(".answer p.note")).to_contain_text(told)


def test_a_question_is_asked_by_keyboard_alone_and_streams(visit: Open) -> None:
    page = visit()
    expect(page.get_by_role("textbox", name="Question")).to_be_focused()
    page.keyboard.type("How many movies are there?")
    with page.expect_response("**/v1/ask") as answered:
        page.keyboard.press("Enter")
    assert answered.value.headers["content-type"].startswith("text/event-stream")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(".cypher")).to_contain_text("count(")


def test_an_answer_without_events_is_shown_too(visit: Open) -> None:
    page = visit()
    page.route(
        "**/v1/ask",
        lambda route: route.continue_(post_data={**(route.request.post_data_json or {}), "stream": False}),
    )
    with page.expect_response("**/v1/ask") as answered:
        page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
    assert answered.value.headers["content-type"] == "application/json"
    expect(page.locator("tbody tr")).to_have_count(9)


def test_a_language_is_chosen_for_a_question(visit: Open) -> None:
    page = visit()
    page.get_by_role("combobox", name="Language").select_option("es")
    page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
    expect(page.get_by_role("meter", name="Spanish")).to_have_attribute("aria-valuenow", "1")


def test_the_query_is_edited_and_run_again(visit: Open) -> None:
    page = visit()
    page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
    expect(page.locator("tbody tr")).to_have_count(9)
    run(page, "MATCH (m:Movie) RETURN m.title AS film, m.released AS year ORDER BY film LIMIT 3")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.get_by_role("meter")).to_have_count(0)
    run(page, "CREATE (n:Movie) RETURN n")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("CREATE")
    assert "\n" not in alert.locator("span").inner_text()
    run(page, "RETURN 1 AS one")
    expect(page.get_by_role("cell", name="1", exact=True)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_rows_are_sorted_by_their_heads(visit: Open) -> None:
    page = visit()
    any_query(page)
    run(page, "UNWIND [[10, 'b'], [9, 'a'], [null, 'c']] AS row RETURN row[0] AS size, row[1] AS name")
    expect(page.locator("tbody tr")).to_have_count(3)
    head = page.get_by_role("columnheader", name="size")
    names = page.locator("tbody td:nth-child(2)")
    for direction, order in (("ascending", "abc"), ("descending", "bac"), ("none", "bac")):
        head.get_by_role("button").press("Enter")
        expect(head).to_have_attribute("aria-sort", direction)
        expect(names).to_have_text(list(order))


def test_long_integers_are_shown_exactly(visit: Open) -> None:
    page = visit()
    any_query(page)
    run(page, "RETURN 9007199254740993 AS big")
    expect(page.get_by_role("cell")).to_have_text("9007199254740993")


def test_nodes_and_relationships_are_drawn_and_walked_through(visit: Open) -> None:
    page = visit()
    any_query(page)
    run(page, "MATCH p = (:Person {name: 'Clint Eastwood'})-[:DIRECTED]->(:Movie) RETURN p")
    drawing = page.get_by_role("group", name="Graph")
    expect(drawing.get_by_role("button")).to_have_count(10)
    expect(drawing.locator("text", has_text="DIRECTED")).to_have_count(9)
    first = drawing.get_by_role("button", name="Clint Eastwood")
    first.focus()
    reached = set()
    for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown") * 2:
        page.keyboard.press(key)
        reached.add(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert len(reached) > 2
    stops = [button.get_attribute("tabindex") for button in drawing.get_by_role("button").all()]
    assert sorted(stops, key=str) == ["-1"] * 9 + ["0"]
    first.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Details").locator("visible=true")
    expect(panel).to_contain_text("1930")
    panel.get_by_role("button", name="Invictus").click()
    expect(panel).to_contain_text("released2009")
    page.get_by_role("tab", name="Table").click()
    expect(page.locator("tbody tr")).to_have_count(9)


def test_a_dragged_node_stays_where_it_is_put(visit: Open) -> None:
    page = visit()
    any_query(page)
    run(page, "MATCH (m:Movie {title: 'Invictus'}) RETURN m")
    node = page.get_by_role("group", name="Graph").get_by_role("button", name="Invictus")
    expect(node).to_be_visible()
    page.wait_for_function("!!document.querySelector('.result .drawing g[transform]')")
    node.scroll_into_view_if_needed()
    before = node.bounding_box()
    assert before
    page.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    page.mouse.down()
    page.mouse.move(before["x"] + 130, before["y"] + 90, steps=4)
    page.mouse.up()
    after = node.bounding_box()
    assert after
    assert abs(after["x"] - before["x"]) > 40


def test_what_the_graph_holds_is_text_and_never_markup(visit: Open) -> None:
    page = visit()
    any_query(page)
    bait = "<img src=x onerror=window.caught=1><script>window.caught=1</script>"
    run(page, f"RETURN '{bait}' AS `{bait}`, ['{bait}'] AS list, {{a: '{bait}'}} AS map")
    expect(page.get_by_role("cell").first).to_have_text(bait)
    expect(page.get_by_role("columnheader").first).to_contain_text(bait)
    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.caught") is None


def test_the_schema_is_drawn_and_leads_to_what_it_names(visit: Open) -> None:
    page = visit("#schema")
    diagram = page.get_by_role("group", name="Diagram of the schema")
    expect(diagram.get_by_role("button")).to_have_count(2)
    for type_ in ("ACTED_IN", "DIRECTED", "FOLLOWS", "PRODUCED", "REVIEWED", "WROTE"):
        expect(diagram.locator("text", has_text=type_)).to_have_count(1)
    diagram.get_by_role("button", name="Movie").click()
    panel = page.get_by_role("complementary", name="Details")
    expect(panel).to_contain_text("releasedINTEGER")
    panel.get_by_role("button", name="DIRECTED").click()
    expect(page.get_by_role("textbox", name="Cypher")).to_contain_text("(:Person)-[:DIRECTED]->(:Movie)")
    expect(page.get_by_role("group", name="Graph")).to_be_visible()


def test_history_is_kept_without_rows_and_cleared(visit: Open) -> None:
    page = visit()
    page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
    expect(page.locator("tbody tr")).to_have_count(9)
    page.reload()
    page.get_by_role("link", name="History").click()
    entry = page.get_by_role("listitem").filter(has_text="Which movies did Clint Eastwood direct?")
    expect(entry).to_contain_text("9 rows")
    assert "Invictus" not in page.evaluate("JSON.stringify(localStorage)")
    entry.get_by_role("button", name="Ask again").click()
    expect(page.locator("tbody tr")).to_have_count(9)
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Clear history").click()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("Nothing asked yet.")).to_be_visible()
    assert "Eastwood" not in page.evaluate("JSON.stringify(localStorage)")


def test_rows_leave_as_csv_that_no_spreadsheet_runs(visit: Open) -> None:
    page = visit()
    any_query(page)
    run(page, "UNWIND [['=1+1', -1], ['a,\"b\"', 2], ['çığ', null]] AS r RETURN r[0] AS text, r[1] AS n")
    expect(page.locator("tbody tr")).to_have_count(3)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the rows as a CSV file").click()
    assert saved.value.suggested_filename == "polycypher.csv"
    text = Path(saved.value.path()).read_text(encoding="utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["text", "n"],
        ["'=1+1", "-1"],
        ['a,"b"', "2"],
        ["çığ", ""],
    ]


def test_query_and_rows_are_copied(visit: Open) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    any_query(page)
    run(page, "RETURN 'one' AS a, 2 AS b")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Copy the query").click()
    expect(page.get_by_text("Copied").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "RETURN 'one' AS a, 2 AS b"
    page.get_by_role("button", name="Copy", exact=True).click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text === 'a\\tb\\none\\t2')")


def test_a_server_that_has_gone_is_told_in_one_line(visit: Open) -> None:
    page = visit()
    expect(page.get_by_role("button", name="Which movies did Clint Eastwood direct?")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    page.context.set_offline(False)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(9)


def test_a_stream_that_breaks_off_is_told(visit: Open) -> None:
    page = visit()
    body = 'event: stage\ndata: {"stage":"decode"}\n\nevent: token\ndata: {"cypher":"MATCH (m"}\n\n'
    page.route("**/v1/ask", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
    expect(page.get_by_role("alert")).to_contain_text("broke off")
    expect(page.get_by_role("textbox", name="Cypher")).to_have_text("MATCH (m")


def test_a_running_question_is_stopped(visit: Open) -> None:
    page = visit()
    held: list[Any] = []
    page.route("**/v1/ask", lambda route: held.append(route))
    page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()


def test_the_token_is_asked_for_and_not_kept_for_long(visit: Open, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    with serving("--token-file", str(file)) as guarded:
        page = visit(address=guarded)
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        dialog.get_by_label("Token").fill("another-token-altogether")
        dialog.get_by_role("button", name="Continue").click()
        expect(dialog.get_by_role("alert")).to_have_text("The server does not accept this token.")
        dialog.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
        expect(page.locator("tbody tr")).to_have_count(9)
        assert TOKEN not in page.evaluate("JSON.stringify(localStorage)")
        page.reload()
        expect(page.get_by_role("button", name="Which movies did Clint Eastwood direct?")).to_be_visible()
        expect(dialog).to_have_count(0)
        page = visit(address=guarded)
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Schema").click()
        expect(page.get_by_role("alert")).to_contain_text("A token is needed")


@pytest.mark.parametrize("locale", QUESTIONS)
def test_nothing_overflows_a_small_screen(visit: Open, locale: str) -> None:
    page = visit(locale=locale, viewport={"width": 320, "height": 640}, is_mobile=True, has_touch=True)
    page.get_by_role("button", name=QUESTIONS[locale][1]).click()
    expect(page.locator("tbody tr")).to_have_count(9)
    for view in ("ask", "schema", "history"):
        page.evaluate(f"location.hash = '{view}'")
        expect(page.locator("main:visible h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, view


def test_dark_mode_is_dark_and_light_mode_light(visit: Open) -> None:
    shade = (
        "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert max(visit(color_scheme="dark").evaluate(shade)) < 64
    assert min(visit(color_scheme="light").evaluate(shade)) > 192


def test_focus_goes_everywhere_and_is_always_seen(visit: Open) -> None:
    page = visit()
    page.get_by_role("button", name="Which movies did Clint Eastwood direct?").click()
    expect(page.locator("tbody tr")).to_have_count(9)
    page.mouse.click(2, 2)  # so that Tab begins at the page's head
    outlined = """() => {
        const at = document.activeElement;
        const shown = at.id === 'question' ? at.closest('form') : at;
        const style = getComputedStyle(shown);
        const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
        return [at.tagName + ' ' + (at.className || at.id), ring];
    }"""
    stops: list[tuple[str, bool]] = []
    for _ in range(30):
        page.keyboard.press("Tab")
        name, seen = page.evaluate(outlined)
        if name.startswith("BODY"):
            break
        stops.append((name, seen))
    assert [name for name, seen in stops if not seen] == []
    reached = " ".join(name for name, _ in stops)
    for wanted in ("skip", "question", "SELECT", "editor", "table-frame"):
        assert wanted in reached
