"""Draws docs/pictures/: the page in its three languages, light and dark, wide and on a phone.

polycypher serve --port 8765 &
python bench/screenshots.py http://127.0.0.1:8765 docs/pictures
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

LARGEST = 200_000
"""Bytes of one picture: the documentation is cloned with every checkout."""
WIDE: dict[str, Any] = {"viewport": {"width": 1180, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DRAWN = "MATCH p = (:Person {name: 'Keanu Reeves'})-[:ACTED_IN]->(:Movie)<-[:DIRECTED]-(:Person) RETURN p"
LOCALES = {"en": "en-GB", "es": "es-ES", "tr": "tr-TR"}


@dataclass(frozen=True)
class Picture:
    """One picture: what is shown, to whom, on what."""

    name: str
    language: str
    shown: str
    dark: bool = False
    screen: dict[str, Any] = field(default_factory=lambda: WIDE)


PICTURES = (
    *(
        Picture(f"answer-{language}{'-dark' if dark else ''}", language, "answer", dark)
        for language in LOCALES
        for dark in (False, True)
    ),
    Picture("begin-es", "es", "begin"),
    Picture("graph-en", "en", "graph"),
    Picture("graph-tr-dark", "tr", "graph", dark=True),
    Picture("schema-en", "en", "schema"),
    Picture("phone-answer-es", "es", "answer", screen=PHONE),
    Picture("phone-graph-tr-dark", "tr", "graph", dark=True, screen=PHONE),
)


def show(page: Page, shown: str) -> None:
    """Bring the page to what the picture shows."""
    page.wait_for_selector(".examples button")
    if shown == "answer":
        page.locator(".examples button").first.click()
        page.wait_for_selector(".result tbody tr")
    if shown in ("graph", "schema"):
        page.evaluate("location.hash = 'schema'")
        page.wait_for_selector(".schema-view .vertex")
    if shown == "graph":
        page.locator(".inspector .quiet").click()
        page.wait_for_selector(".result .vertex")
        page.locator(".editor .cm-content").click()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.press("Delete")
        page.keyboard.insert_text(DRAWN)
        page.keyboard.press("Escape")
        page.keyboard.press("ControlOrMeta+Enter")
        page.locator(".result .vertex", has_text="Keanu").click()
        page.wait_for_selector(".inspector h3")
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)  # bars grow, and the drawing is fitted a frame after it is there


def draw(browser: Browser, address: str, picture: Picture, folder: Path) -> None:
    """Draw one picture; raises ValueError if it grew too large to keep."""
    context = browser.new_context(
        locale=LOCALES[picture.language],
        color_scheme="dark" if picture.dark else "light",
        reduced_motion="reduce",
        **picture.screen,
    )
    page = context.new_page()
    page.goto(address)
    show(page, picture.shown)
    image = page.screenshot(full_page=picture.shown != "begin")
    context.close()
    if len(image) > LARGEST:
        raise ValueError(f"{picture.name} has {len(image)} bytes; {LARGEST} are the most")
    (folder / f"{picture.name}.png").write_bytes(image)
    print(f"{picture.name}.png {len(image)} bytes")


def main(address: str, folder: Path) -> None:
    """Draw every picture of a server of the demo graph."""
    folder.mkdir(parents=True, exist_ok=True)
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=root)
        for picture in PICTURES:
            draw(browser, address, picture, folder)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
