"""What must hold on every page, in a real browser: no sideways scrolling at 320 px, no fault that axe finds, a printed mark."""

from typing import Any

import pytest

from tests.house import House
from tests.journeys.conftest import Visit
from tests.journeys.test_walks import reported
from tests.web.test_handing_over import owned
from tests.web.test_moving_open_cases import renew

PAGES = (
    "/", "/cases", "/cases/new", "/cases/new/nonconformity", "/cases/NC-2026-0001", "/cases/NC-2026-0001/steps/treat", "/documents",
    "/documents/PRO-8.2-01", "/documents/new", "/processes", "/processes/public-tender", "/notices", "/records", "/records/7",
    "/verification", "/identifiers?kind=CPV&value=85312310-5", "/people", "/people/new", "/people/P-0003", "/account", "/api", "/nothing",
    "/deadlines?days=365", "/monday", "/processes/nonconformity/open-cases", "/people/P-0003/tasks",
)  # fmt: skip


@pytest.fixture
def page(visit: Visit, house: House) -> Any:
    reported(visit("verifier").page)
    renew(house)
    owned(house, 1)
    return visit


def test_no_page_scrolls_sideways_on_a_small_telephone(page: Visit) -> None:
    visitor = page("quality", viewport={"width": 320, "height": 640})
    for path in PAGES:
        visitor.page.goto(path)
        wide = visitor.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
    assert [one for one in visitor.complaints if "404" not in one] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(page: Visit, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    visitor = page("quality", color_scheme=scheme, bypass_csp=True)
    for path in PAGES:
        visitor.page.goto(path)
        found = Axe().run(visitor.page).response["violations"]
        assert [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in found] == [], path


def test_everything_that_can_be_pressed_is_large_enough_and_shows_its_focus(page: Visit) -> None:
    visitor = page("quality")
    for path in ("/", "/cases/NC-2026-0001/steps/treat", "/documents"):
        visitor.page.goto(path)
        small = visitor.page.evaluate(
            "[...document.querySelectorAll('button:not(.hidden), .button, nav a, select,"
            " input:not([type=hidden]):not([type=checkbox]):not([type=radio])')]"
            ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 100))"
        )
        assert small == [], path
    visitor.page.goto("/")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.className") == "skip"
    assert visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_printed_procedure_says_that_it_is_no_controlled_copy_and_a_record_does_not(page: Visit) -> None:
    visitor = page("quality")
    visitor.page.goto("/documents/PRO-8.2-01")
    visitor.page.emulate_media(media="print")
    assert visitor.page.get_by_text("COPIA NON CONTROLLATA").is_visible()
    assert not visitor.page.locator("header.top").is_visible()
    visitor.page.goto("/records/7")
    assert visitor.page.get_by_text("COPIA NON CONTROLLATA").count() == 0


def test_words_typed_and_not_sent_are_offered_again_but_never_after_signing_out(page: Visit) -> None:
    visitor = page("quality")
    page_ = visitor.page
    page_.goto("/cases/new/nonconformity")
    page_.get_by_label("Che cosa non va").fill("Una cosa scritta a metà")
    page_.wait_for_timeout(700)
    page_.goto("/")
    page_.goto("/cases/new/nonconformity")
    page_.get_by_role("button", name="Riprendile").click()
    assert page_.get_by_label("Che cosa non va").input_value() == "Una cosa scritta a metà"
    page_.get_by_role("button", name="Esci").click()
    page_.get_by_role("heading", name="Accesso").wait_for()
    assert page_.evaluate("Object.keys(localStorage).length") == 0


def test_a_hostile_text_runs_nowhere(page: Visit) -> None:
    visitor = page("verifier")
    page_ = visitor.page
    page_.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page_.goto("/cases/new/nonconformity")
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\"'><svg onload=alert(3)>"
    page_.get_by_label("Che cosa non va").fill(hostile)
    page_.get_by_label("Il fatto e la prova").fill(hostile * 2)
    page_.get_by_label("Processo").select_option(label="Formazione")
    page_.get_by_label("Come è emersa").select_option(label="Segnalata da chi lavora")
    page_.locator("main button.primary").click()
    page_.get_by_text("Registrato con il numero").wait_for()
    assert hostile in page_.locator("h1").inner_text()
    for path in ("/", "/cases", "/records", page_.url):
        page_.goto(path)
        assert page_.locator("main script, main img, main svg[onload]").count() == 0
    assert visitor.complaints == []
