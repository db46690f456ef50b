"""A real Chromium before the real server. Without a browser these tests say so in one line, or fail when ``QMS_REQUIRE_BROWSER`` is set."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cast import CAST, PASSWORD
from tests.house import House
from tests.web.live import serving

ARGUMENTS = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


def chromium() -> str:
    """Where Chromium is. Skips, or fails when a browser is required."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("QMS_REQUIRE_BROWSER"):
            pytest.fail("QMS_REQUIRE_BROWSER is set and no Chromium was found")
        pytest.skip("no Chromium on this machine")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


class Visitor:
    """One person at a browser. Collects whatever the browser complains about."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(base_url=address, **{"locale": "it-IT", "viewport": {"width": 1280, "height": 900}, **options})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, name: str) -> Any:
        page = self.page
        page.goto("/sign-in")
        page.get_by_label("Indirizzo di posta elettronica").fill(CAST[name].email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Entra").click()
        page.get_by_role("heading", name="La mia scrivania").wait_for()
        return page


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Any, house: House) -> Iterator[Visit]:
    """Send somebody to the house: ``visit("quality")`` is signed in, ``visit(None)`` is a stranger; options go to the browser's context."""
    visitors: list[Visitor] = []
    with serving(house.app) as address:

        def send(name: str | None, **options: Any) -> Visitor:
            visitors.append(Visitor(browser, address, **options))
            if name is not None:
                visitors[-1].sign_in(name)
            return visitors[-1]

        yield send
        for visitor in visitors:
            visitor.context.close()
