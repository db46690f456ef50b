"""A browser for each of the cast: signs in, reads the forms that pages show, sends them back as a browser would."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from qms.web import create_app
from tests.cast import CAST, PASSWORD
from tests.house import House

HOME = "http://localhost"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class Browser:
    """One person's browser, or a stranger's. Cookies are kept, redirects are not followed."""

    def __init__(self, house: House, name: str | None) -> None:
        self.client = TestClient(create_app(house.app), base_url=HOME, follow_redirects=False, raise_server_exceptions=False)
        self.name = name
        if name is not None:
            session = house.session(name)
            self.client.cookies.set("qms", session.cookie)
            self.csrf = session.csrf

    def get(self, path: str, **values: Any) -> Any:
        return self.client.get(path, **values)

    def hidden(self, path: str) -> dict[str, str]:
        """The hidden fields of the page's last form, the one that the page is about."""
        page = self.get(path)
        assert page.status_code == 200, (path, page.status_code)
        return hidden(page.text)

    def send(self, path: str, fields: dict[str, Any] | None = None, **values: Any) -> Any:
        """Send a form; the session's word is added as every page of ours does."""
        word = {"csrf": self.csrf} if self.name is not None else {}
        return self.client.post(path, data={**word, **(fields or {})}, **values)


AsPerson = Callable[[str | None], Browser]


@pytest.fixture
def as_person(house: House) -> Iterator[AsPerson]:
    browsers: list[Browser] = []

    def make(name: str | None) -> Browser:
        browsers.append(Browser(house, name))
        return browsers[-1]

    yield make
    for browser in browsers:
        browser.client.close()


def hidden(text: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in HIDDEN.findall(text) if name != "next"}


def sentences(answer: Any) -> list[str]:
    """What the summary of errors says."""
    summary = re.search(r'<section class="errors".*?</section>', answer.text, re.DOTALL)
    return (
        [html.unescape(re.sub("<[^>]+>", "", line)).strip() for line in re.findall(r"<li>(.*?)</li>", summary[0], re.DOTALL)]
        if summary
        else []
    )


def title(answer: Any) -> str:
    found = re.search(r"<title>(.*?)</title>", answer.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def size_of(house: House) -> int:
    """How many entries the trail has."""
    from qms.records import trail

    with house.app.reading() as connection:
        return trail.size(connection)


__all__ = ["CAST", "PASSWORD", "AsPerson", "Browser", "hidden", "sentences", "size_of", "title"]
