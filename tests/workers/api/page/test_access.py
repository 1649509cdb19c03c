"""Every view by axe, by keyboard alone, in the dark, on a phone, and without motion."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.workers.api.page import lesson
from tests.workers.api.page.chromium import DESKTOP, PHONE, Complaints, until, violations
from tests.workers.api.page.conftest import Visit
from tests.workers.api.page.site import Site
from thoth_infra.contract.queues import Stage

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.slow]

Show = Callable[[Visit, Site, str, dict[str, Any]], Page]


def _signin(visit: Visit, api: Site, tenant: str, options: dict[str, Any]) -> Page:
    page = visit(signed_in=False, **options)
    expect(page.get_by_role("heading", name="Sign in to Thoth")).to_be_visible()
    return page


def _empty(visit: Visit, api: Site, tenant: str, options: dict[str, Any]) -> Page:
    page = visit(**options)
    expect(page.get_by_text("No lessons yet")).to_be_visible()
    return page


def _lessons(visit: Visit, api: Site, tenant: str, options: dict[str, Any]) -> Page:
    api.lesson(tenant)
    running, failed = api.submit(tenant, "Running.webm"), api.submit(tenant, "Failed.webm")
    api.progress(running, Stage.AUDIO_EXTRACTION, 40)
    api.fail(failed, Stage.AUDIO_EXTRACTION, "the file has no audio track")
    page = visit(**options)
    expect(page.locator(".row")).to_have_count(3)
    page.get_by_label("Actions for Running.webm").click()
    return page


def _lesson(visit: Visit, api: Site, tenant: str, options: dict[str, Any]) -> Page:
    page = visit(f"#/lessons/{api.lesson(tenant)}", **options)
    expect(page.locator("mark.term").first).to_be_visible()
    page.get_by_role("slider", name="Shade words").fill("100")
    page.get_by_role("searchbox").fill("string")
    expect(page.locator(".word.chosen")).to_have_count(1)
    if not page.locator(".panel[open]").count():
        page.get_by_role("heading", name="Music terms").click()
    page.locator(".terms summary").first.click()
    page.locator(".transcript .word").get_by_text("thumb", exact=True).click()
    page.locator(".segment").first.hover()
    page.locator(".segment").first.get_by_role("button", name="Correct").click()
    expect(page.locator(".editor textarea")).to_be_focused()
    return page


def _underway(visit: Visit, api: Site, tenant: str, options: dict[str, Any]) -> Page:
    job_id = api.submit(tenant)
    api.progress(job_id, Stage.AUDIO_EXTRACTION, 40)
    page = visit(f"#/lessons/{job_id}", **options)
    expect(page.locator(".progress-card")).to_be_visible()
    return page


def _failed(visit: Visit, api: Site, tenant: str, options: dict[str, Any]) -> Page:
    job_id = api.submit(tenant)
    api.fail(job_id, Stage.AUDIO_EXTRACTION, "the file has no audio track")
    page = visit(f"#/lessons/{job_id}", **options)
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def _glossary(visit: Visit, api: Site, tenant: str, options: dict[str, Any]) -> Page:
    page = visit("#/glossary", **options)
    page.get_by_role("heading", name="Categories").click()
    page.locator(".entry[data-term]").first.get_by_role("button").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("1 change not saved")).to_be_visible()
    # The bar that tells so lies over the list until its end.
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    return page


def _dialog(visit: Visit, api: Site, tenant: str, options: dict[str, Any]) -> Page:
    page = visit("#/glossary", **options)
    page.get_by_role("button", name="Add term").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


VIEWS: list[Show] = [_signin, _empty, _lessons, _lesson, _underway, _failed, _glossary, _dialog]
LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": DESKTOP},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("show", VIEWS, ids=lambda show: show.__name__.strip("_"))
def test_axe_finds_nothing(visit: Visit, api: Site, tenant: str, show: Show, look: str) -> None:
    page = show(visit, api, tenant, LOOKS[look])
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.title() != "Thoth"


def test_axe_would_find_something(visit: Visit) -> None:
    page = visit(signed_in=False)
    page.evaluate("document.querySelector('label').remove()")
    assert any("label" in line for line in violations(page))


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_is_the_systems_until_another_is_chosen(visit: Visit, system: str) -> None:
    page = visit(color_scheme=system)
    dark = "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/)[0] < 128"
    button = page.get_by_role("button", name="Theme")
    expect(button).to_have_accessible_name("Theme: system")
    assert page.evaluate(dark) is (system == "dark")
    button.click()
    expect(button).to_have_accessible_name("Theme: light")
    assert page.evaluate(dark) is False
    button.click()
    expect(button).to_have_accessible_name("Theme: dark")
    assert page.evaluate(dark) is True
    page.reload()
    expect(button).to_have_accessible_name("Theme: dark")
    assert page.evaluate(dark) is True


def _tab_to(page: Page, selector: str, most: int = 60) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{most} presses of Tab do not lead to {selector}")


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_a_lesson_is_read_searched_and_corrected_by_keyboard_alone(visit: Visit, api: Site, tenant: str) -> None:
    api.lesson(tenant)
    page = visit(signed_in=False)
    page.keyboard.type(api.key(tenant))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Lessons")).to_be_visible()
    expect(page.locator(".row")).to_have_count(1)
    _tab_to(page, ".row-name")
    page.keyboard.press("Enter")
    expect(page.locator("mark.term").first).to_be_visible()
    until(page, "document.querySelector('video').readyState >= 2")
    _tab_to(page, "#find")
    page.keyboard.type("thumb")
    expect(page.locator(".find output")).to_have_text("1 of 1")
    _tab_to(page, ".transcript .word")
    assert _focused(page) == "Welcome"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert _focused(page) == "Keep"
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert _focused(page) == "thumb"
    page.keyboard.press("Enter")
    expect(page.locator(".word.now")).to_have_text("thumb")
    page.keyboard.press("End")
    assert _focused(page) == "hard."
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert _focused(page) == "chord."
    page.keyboard.press("p")
    until(page, "!document.querySelector('video').paused")
    page.keyboard.press("p")
    until(page, "document.querySelector('video').paused")
    page.keyboard.press("e")
    page.keyboard.press("Control+A")
    page.keyboard.type("Typed by hand.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".line").first).to_have_text("Typed by hand.")
    assert _focused(page) == "Typed"


def test_the_words_of_a_lesson_are_one_stop_of_the_tab_key(visit: Visit, api: Site, tenant: str) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant)}")
    expect(page.locator("mark.term").first).to_be_visible()
    assert page.locator(".transcript [tabindex='0']").count() == 1
    page.locator(".transcript .word").get_by_text("buzzes,").focus()
    page.locator(".transcript .word").get_by_text("buzzes,").click()
    focused = page.locator(".transcript [role=button][tabindex='0']")
    expect(focused).to_have_text("buzzes,")
    expect(focused).to_have_attribute("aria-description", "24 % sure")


def test_terms_downloads_and_deletion_are_reached_by_keyboard(visit: Visit, api: Site, tenant: str) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant)}")
    expect(page.locator("mark.term").first).to_be_visible()
    _tab_to(page, ".head-actions summary")
    page.keyboard.press("Enter")
    _tab_to(page, ".menu-list button")
    page.keyboard.press("Escape")
    expect(page.locator(".menu[open]")).to_have_count(0)
    _tab_to(page, ".chip")
    page.keyboard.press("Space")
    expect(page.locator(".chip").first).to_have_attribute("aria-pressed", "false")
    _tab_to(page, ".terms summary")
    page.keyboard.press("Enter")
    _tab_to(page, ".term-body .time")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('video').currentTime > 0")


def test_the_focus_is_always_seen(visit: Visit, api: Site, tenant: str) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant)}")
    expect(page.locator("mark.term").first).to_be_visible()
    shown = """() => { const e = document.activeElement;
      const look = (x) => getComputedStyle(x);
      const ring = (x) => look(x).outlineStyle !== "none" && parseFloat(look(x).outlineWidth) >= 2;
      return e === document.body || e.tagName === "VIDEO" || ring(e) || ring(e.parentElement); }"""
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(shown), page.evaluate("document.activeElement.outerHTML")


def test_the_skip_link_leads_past_the_menu(visit: Visit) -> None:
    page = visit()
    expect(page.get_by_text("No lessons yet")).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("heading", name="Lessons")).to_be_visible()


def test_a_dialog_keeps_the_focus_and_gives_it_back(visit: Visit) -> None:
    page = visit("#/glossary")
    button = page.get_by_role("button", name="Add term")
    button.click()
    dialog = page.get_by_role("dialog")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert dialog.evaluate("d => d.contains(document.activeElement) || document.activeElement === document.body")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_a_new_view_is_told_to_screen_readers(visit: Visit) -> None:
    page = visit()
    expect(page).to_have_title("Lessons – Thoth")
    page.get_by_role("link", name="Glossary").click()
    expect(page).to_have_title("Glossary – Thoth")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("link", name="Glossary")).to_have_attribute("aria-current", "page")


def test_controls_on_a_phone_are_large_enough_for_a_finger(visit: Visit, api: Site, tenant: str) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant)}", viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator("mark.term").first).to_be_visible()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, summary, input, a")]
          .map((e) => [e, e.getBoundingClientRect()])
          .filter(([e, box]) => box.width && !e.closest(".unseen, .skip, search"))
          .filter(([e, box]) => box.width < 24 || box.height < 24)
          .map(([e]) => e.outerHTML.slice(0, 120))"""
    )
    assert small == []


def test_the_whole_lesson_is_there_without_sight(visit: Visit, api: Site, tenant: str) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant)}")
    expect(page.locator("mark.term").first).to_be_visible()
    tree = page.locator("main").aria_snapshot()
    for part in (
        f'heading "{lesson.NAME}" [level=1]',
        'button "Subtitles"',
        'heading "Music terms" [level=2]',
        'group "Categories shown"',
        'searchbox "Search in the transcript"',
        'slider "Shade words less sure than"',
        'button "Play from 4 seconds"',
        'button "Correct the line at 0:04"',
    ):
        assert part in tree, f"{part} is not in\n{tree}"
    assert re.search(r"mark: .*metronome|metronome", tree)


def test_nothing_is_complained_of_when_a_lesson_is_left_while_it_plays(
    visit: Visit, api: Site, tenant: str, complaints: Complaints
) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant)}")
    until(page, "document.querySelector('video')?.readyState >= 2")
    page.evaluate("document.querySelector('video').play()")
    page.get_by_role("link", name="Glossary").click()
    expect(page.locator(".entry[data-term]").first).to_be_visible()
    assert complaints.unexpected() == []
