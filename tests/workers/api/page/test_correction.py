"""Correction of a line: saved, there after a reload, with its times; nothing that was typed gets lost."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.workers.api.page import lesson
from tests.workers.api.page.chromium import Complaints, until
from tests.workers.api.page.conftest import Visit
from tests.workers.api.page.site import Site

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.slow]

LINE = 4
BEFORE = lesson.LINES[LINE]
AFTER = "If the B string rattles, roll the barre finger a little onto its side."


@pytest.fixture
def job_id(api: Site, tenant: str) -> str:
    """A lesson."""
    return api.lesson(tenant)


@pytest.fixture
def page(visit: Visit, job_id: str) -> Page:
    """That lesson, open."""
    shown = visit(f"#/lessons/{job_id}")
    expect(shown.locator("mark.term").first).to_be_visible()
    return shown


def line(page: Page, number: int = LINE) -> Locator:
    """Return a line's text."""
    return page.locator(".segment").nth(number).locator(".line")


def edit(page: Page, number: int = LINE) -> Locator:
    """Open the editor of a line."""
    segment = page.locator(".segment").nth(number)
    segment.hover()
    segment.get_by_role("button", name="Correct the line").click()
    box = segment.get_by_role("textbox")
    expect(box).to_be_focused()
    return box


def kept(api: Site, tenant: str, job_id: str) -> Any:
    """Return the transcript as the API has it."""
    headers = {"Authorization": f"Bearer {api.key(tenant)}"}
    with urlopen(Request(f"{api.url}/api/jobs/{job_id}/transcript.json", headers=headers)) as answer:  # noqa: S310
        return json.load(answer)


def test_a_correction_is_saved_and_there_after_a_reload(page: Page, api: Site, tenant: str, job_id: str) -> None:
    box = edit(page)
    expect(box).to_have_value(BEFORE)
    box.fill(AFTER)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(line(page)).to_have_text(AFTER)
    expect(page.get_by_text("Saved. The music terms are looked for anew.")).to_be_visible()
    page.reload()
    expect(line(page)).to_have_text(AFTER)
    said = kept(api, tenant, job_id)["segments"][LINE]
    before = lesson.transcript(job_id).segments[LINE]
    assert said["text"] == AFTER
    # "roll the … finger a little onto its side." is as it was; "rattles," has the time of "buzzes,".
    times = {word["text"]: word["start"] for word in said["words"]}
    old = {word.text: word.start for word in before.words}
    assert times["rattles,"] == old["buzzes,"]
    assert times["side."] == old["side."]
    assert [word["start"] for word in said["words"]] == sorted(word["start"] for word in said["words"])


def test_after_a_correction_the_terms_are_marked_anew(page: Page, api: Site, job_id: str) -> None:
    edit(page, 0).fill("Welcome back, today we play our first triad.")
    page.keyboard.press("Control+Enter")
    expect(line(page, 0)).to_have_text("Welcome back, today we play our first triad.")
    expect(page.get_by_text("Marking music terms")).to_be_visible()
    expect(line(page, 0).locator("mark")).to_have_count(0)
    expect(line(page, 5).locator("mark")).to_have_count(1)
    api.find_terms(job_id)
    expect(line(page, 0).locator("mark")).to_have_text("triad.")
    expect(page.get_by_text("Marking music terms")).to_be_hidden()


def test_a_corrected_word_leads_to_its_time_and_subtitles_have_it(page: Page) -> None:
    edit(page).fill(AFTER)
    page.keyboard.press("Control+Enter")
    expect(line(page)).to_have_text(AFTER)
    line(page).get_by_text("rattles,").click()
    start = next(w.start for w in lesson.transcript("x").segments[LINE].words if w.text == "buzzes,")
    assert page.evaluate("document.querySelector('video').currentTime") == pytest.approx(start, abs=0.01)
    page.get_by_role("button", name="Subtitles").click()
    cues = "[...document.querySelector('video').textTracks[0]?.cues ?? []].map(c => c.text).join(' ')"
    assert "rattles" in until(page, f"{cues}.includes('rattles') && {cues}")


def test_escape_and_cancel_leave_everything_as_it_was(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    edit(page).fill("nonsense")
    page.keyboard.press("Escape")
    expect(line(page)).to_have_text(BEFORE)
    expect(page.locator(".word:focus")).to_have_text("If")
    edit(page).fill("nonsense")
    page.get_by_role("button", name="Cancel").click()
    expect(line(page)).to_have_text(BEFORE)
    assert "PUT" not in asked


def test_only_one_line_is_corrected_at_a_time(page: Page) -> None:
    edit(page).fill("half done")
    page.locator(".segment").nth(0).hover()
    page.locator(".segment").nth(0).get_by_role("button", name="Correct the line").click()
    expect(page.locator(".editor")).to_have_count(1)
    expect(page.locator(".editor textarea")).to_have_value("half done")
    expect(page.get_by_text("Save or cancel the line that you are correcting first.")).to_be_visible()


def test_what_was_typed_survives_a_failure(page: Page, complaints: Complaints) -> None:
    complaints.expected.append("503")
    problem = (
        '{"title":"Service Unavailable","status":503,"code":"full","detail":"the disk is full","hint":"make room"}'
    )

    def refuse(route: Route) -> None:
        if route.request.method == "PUT":
            route.fulfill(status=503, body=problem, content_type="application/problem+json")
        else:
            route.continue_()

    page.route("**/transcript", refuse)
    box = edit(page)
    box.fill(AFTER)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".editor").get_by_role("alert")).to_have_text("The disk is full. Make room.")
    expect(box).to_have_value(AFTER)
    page.unroute("**/transcript")
    page.keyboard.press("Control+Enter")
    expect(line(page)).to_have_text(AFTER)


def test_of_two_who_correct_at_once_neither_loses_anything(
    page: Page, visit: Visit, job_id: str, complaints: Complaints
) -> None:
    complaints.expected.append("412")
    other = visit(f"#/lessons/{job_id}")
    expect(other.locator("mark.term").first).to_be_visible()
    mine = edit(page)
    mine.fill(AFTER)
    edit(other, 0).fill("Hello again.")
    other.keyboard.press("Control+Enter")
    expect(line(other, 0)).to_have_text("Hello again.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".editor").get_by_role("alert")).to_contain_text(
        "Somebody corrected this transcript meanwhile."
    )
    expect(line(page, 0)).to_have_text("Hello again.")
    expect(page.locator(".editor textarea")).to_have_value(AFTER)
    page.keyboard.press("Control+Enter")
    expect(line(page)).to_have_text(AFTER)
    other.reload()
    expect(line(other, 0)).to_have_text("Hello again.")
    expect(line(other)).to_have_text(AFTER)


def test_leaving_with_a_correction_that_is_not_saved_is_asked_about(page: Page) -> None:
    edit(page).fill("half done")
    page.get_by_role("link", name="Glossary").click()
    question = page.get_by_role("dialog", name="Leave without saving?")
    question.get_by_role("button", name="Cancel").click()
    expect(page.locator(".editor textarea")).to_have_value("half done")
    page.get_by_role("link", name="Glossary").click()
    question.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Glossary")).to_be_visible()


def test_a_line_without_words_goes(page: Page) -> None:
    edit(page).fill(" ")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".segment")).to_have_count(len(lesson.LINES) - 1)
    expect(page.locator(".editor")).to_have_count(0)


def test_a_line_can_be_heard_while_it_is_corrected(page: Page) -> None:
    until(page, "document.querySelector('video').readyState >= 2")
    edit(page, 3)
    page.get_by_role("button", name="Play the line").click()
    segment = lesson.transcript("x").segments[3]
    until(
        page,
        "end => document.querySelector('video').paused && document.querySelector('video').currentTime >= end",
        segment.end,
    )
    assert page.evaluate("document.querySelector('video').currentTime") < segment.end + 0.5
