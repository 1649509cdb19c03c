"""The lesson view: the transcript follows the sound, terms, search, doubt, subtitles, downloads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.workers.api.page import lesson
from tests.workers.api.page.chromium import PHONE, Complaints, until
from tests.workers.api.page.conftest import Visit
from tests.workers.api.page.site import Site
from thoth_infra.contract.queues import Stage
from workers.api.store import jobs
from workers.common.messages import now

pytestmark = pytest.mark.xdist_group("chromium")


@pytest.fixture
def page(visit: Visit, api: Site, tenant: str) -> Page:
    """A lesson that is open, with its recording ready."""
    shown = visit(f"#/lessons/{api.lesson(tenant)}")
    ready(shown)
    return shown


def ready(page: Page) -> None:
    """Wait until a lesson is there as a whole."""
    expect(page.locator("mark.term").first).to_be_visible()
    until(page, "document.querySelector('video').readyState >= 2")


def word(page: Page, text: str) -> Locator:
    """Return the first word with this text."""
    return page.locator(".transcript .word").get_by_text(text, exact=True).first


def start_of(text: str) -> float:
    """Return when the word is said first."""
    said = lesson.transcript("lesson")
    return next(word.start for segment in said.segments for word in segment.words if word.text == text)


def time_of(page: Page) -> float:
    """Return where the recording is."""
    return float(page.evaluate("document.querySelector('video').currentTime"))


@pytest.mark.slow
def test_every_word_is_there_with_its_time_and_its_language(page: Page) -> None:
    lines = page.locator(".transcript .line").all_inner_texts()
    assert lines == list(lesson.LINES)
    assert page.locator(".transcript").get_attribute("lang") == "en"
    assert page.locator(".segment .time").all_inner_texts()[:2] == ["0:00", "0:04"]
    expect(page).to_have_title(f"{lesson.NAME} – Thoth")


def test_a_click_on_a_word_goes_there_and_lights_it(page: Page) -> None:
    word(page, "thumb").click()
    until(page, "!document.querySelector('video').seeking")
    assert time_of(page) == pytest.approx(start_of("thumb"), abs=0.01)
    expect(page.locator(".word.now")).to_have_text("thumb")
    expect(page.locator(".segment.now .time")).to_have_text("0:09")


@pytest.mark.slow
def test_a_click_on_a_time_goes_to_the_line(page: Page) -> None:
    page.get_by_role("button", name="Play from 13 seconds").click()
    assert time_of(page) == pytest.approx(start_of("Now"), abs=0.01)


@pytest.mark.slow
def test_the_words_light_up_one_by_one_as_they_are_said(page: Page) -> None:
    page.evaluate(
        """() => {
          const seen = (window.seen = []);
          new MutationObserver(() => {
            const text = document.querySelector(".word.now")?.textContent;
            if (text && seen.at(-1) !== text) seen.push(text);
          }).observe(document.querySelector(".transcript"), { subtree: true, attributeFilter: ["class"] });
        }"""
    )
    word(page, "Keep").click()
    page.evaluate("document.querySelector('video').play()")
    seen = until(page, "window.seen.length > 8 && window.seen")
    said = " ".join(lesson.LINES[2:]).split()
    assert seen == said[: len(seen)]


@pytest.mark.slow
def test_the_page_follows_until_the_reader_looks_elsewhere(visit: Visit, api: Site, tenant: str) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant, lines=[*lesson.LINES] * 3)}")
    ready(page)
    play = "at => { const v = document.querySelector('video'); v.currentTime = at; return v.play(); }"
    page.evaluate(play, 55)
    until(page, "document.querySelector('.word.now')?.getBoundingClientRect().bottom <= innerHeight")
    assert page.evaluate("scrollY") > 0
    page.mouse.move(900, 600)
    page.mouse.wheel(0, -10_000)
    back = page.get_by_role("button", name="Back to the sound")
    expect(back).to_be_visible()
    until(page, "scrollY === 0")
    lit = page.locator(".word.now").inner_text()
    until(page, "lit => document.querySelector('.word.now')?.textContent !== lit", lit)
    assert page.evaluate("scrollY") == 0, "the page moved though the reader looked elsewhere"
    back.click()
    until(page, "scrollY > 0")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")


@pytest.mark.slow
def test_following_can_be_switched_off_for_good(page: Page) -> None:
    page.get_by_role("button", name="Follow").click()
    page.reload()
    ready(page)
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")


def test_terms_are_marked_by_category_and_the_legend_filters_them(page: Page) -> None:
    mark = page.locator("mark.term", has_text="metronome")
    plain = word(page, "sixty").evaluate("e => getComputedStyle(e).color")
    assert mark.evaluate("e => getComputedStyle(e).color") != plain
    assert "underline" in mark.evaluate("e => getComputedStyle(e).textDecorationLine")
    legend = page.get_by_role("group", name="Categories shown")
    entry = page.locator(".terms li", has_text="metronome")
    expect(entry).to_be_visible()
    chip = legend.get_by_role("button", name=re.compile("^Gear"))
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "false")
    expect(entry).to_be_hidden()
    assert mark.evaluate("e => getComputedStyle(e).color") == plain
    assert mark.evaluate("e => getComputedStyle(e).textDecorationLine") == "none"
    page.get_by_role("button", name="Hide all").click()
    assert page.locator("mark.term:not(.off)").count() == 0
    page.get_by_role("button", name="Show all").click()
    assert page.locator("mark.term.off").count() == 0
    expect(entry).to_be_visible()


def test_the_marks_are_the_terms_that_were_found(page: Page) -> None:
    found = [term.surface for term in lesson.terms(lesson.transcript("lesson")).terms]
    shown = [text.strip(".,?") for text in page.locator("mark.term").all_inner_texts()]
    assert shown == found
    assert len(found) > 15


def test_a_term_shows_its_meaning_and_leads_to_where_it_is_said(page: Page) -> None:
    page.locator(".terms summary", has_text="palm muting").click()
    body = page.locator(".terms details[open] .term-body")
    expect(body.locator("p").first).to_contain_text("Resting the edge of the picking hand on the strings")
    body.get_by_role("button").first.click()
    assert time_of(page) == pytest.approx(start_of("palm"), abs=0.01)


@pytest.mark.slow
def test_a_meaning_that_comes_late_is_put_in(visit: Visit, api: Site, tenant: str) -> None:
    page, held = visit(), list[Route]()
    page.route("**/api/glossary", lambda route: held.append(route))
    page.goto(f"/#/lessons/{api.lesson(tenant)}")
    page.locator(".terms summary", has_text="palm muting").click()
    body = page.locator(".terms details[open] .term-body")
    expect(body.locator("p")).to_have_class("places")
    (route,) = held
    route.continue_()
    expect(body.locator("p").first).to_contain_text("Resting the edge of the picking hand on the strings")
    expect(body.locator("p")).to_have_count(2)


@pytest.mark.slow
def test_a_click_on_a_marked_word_opens_its_term(page: Page) -> None:
    word(page, "metronome").click()
    expect(page.locator(".terms details[open] .term-name")).to_have_text("metronome")


def test_search_counts_and_walks_around(page: Page) -> None:
    box = page.get_by_role("searchbox", name="Search in the transcript")
    box.fill("STRING")
    # "strings", "string", "string", "strings?"
    count = page.locator(".find output")
    expect(count).to_have_text("1 of 4")
    assert page.locator(".word.match").count() == 4
    expect(page.locator(".word.chosen")).to_have_text("strings")
    page.get_by_role("button", name="Next match").click()
    expect(count).to_have_text("2 of 4")
    box.press("Shift+Enter")
    page.get_by_role("button", name="Previous match").click()
    expect(count).to_have_text("4 of 4")
    expect(page.locator(".word.chosen")).to_have_text("strings?")
    box.fill("index finger across")
    expect(count).to_have_text("1 of 1")
    assert page.locator(".word.chosen").all_inner_texts() == ["index", "finger", "across"]
    box.fill("saxophone")
    expect(count).to_have_text("No match")
    box.press("Escape")
    expect(count).to_have_text("")
    assert page.locator(".word.match").count() == 0


def test_the_slider_shades_the_words_that_the_model_doubts(page: Page) -> None:
    slider = page.get_by_role("slider", name="Shade words less sure than")
    slider.fill("50")
    expect(page.locator(".shading .count")).to_have_text("4 words")
    assert page.locator(".word.unsure").all_inner_texts() == ["barre", "buzzes,", "hammer-on", "dynamics"]
    slider.fill("0")
    expect(page.locator(".word.unsure")).to_have_count(0)
    slider.fill("100")
    page.reload()
    ready(page)
    expect(page.locator(".word.unsure")).to_have_count(sum(len(line.split()) for line in lesson.LINES))


def test_subtitles_come_from_the_transcript(page: Page) -> None:
    page.get_by_role("button", name="Subtitles").click()
    page.evaluate("document.querySelector('video').currentTime = 10")
    cues = "[...document.querySelector('video').textTracks[0]?.activeCues ?? []]"
    until(page, f"{cues}.map(c => c.text.replaceAll('\\n', ' ')).join() === {json.dumps(lesson.LINES[2])}")
    assert page.evaluate("document.querySelector('video').textTracks[0].mode") == "showing"


def test_downloads_are_what_the_api_has(page: Page, tmp_path: Path) -> None:
    expected = {
        "Text": (".txt", lesson.LINES[0]),
        "Subtitles .srt": (".srt", "00:00:00,500"),
        "Words": (".json", "words"),
    }
    for name, (suffix, part) in expected.items():
        page.get_by_label("Download").click()
        with page.expect_download() as download:
            page.locator(".menu-list").get_by_role("button", name=name).click()
        assert download.value.suggested_filename == f"Barre chords, first lesson{suffix}"
        path = tmp_path / f"file{suffix}"
        download.value.save_as(path)
        assert part in path.read_text(encoding="utf-8")
    page.get_by_label("Download").click()
    with page.expect_download() as download:
        page.locator(".menu-list").get_by_role("button", name="Recording").click()
    download.value.save_as(tmp_path / "film.webm")
    assert (tmp_path / "film.webm").read_bytes()[:4] == b"\x1a\x45\xdf\xa3"


@pytest.mark.slow
def test_the_recording_gets_another_token_when_the_first_has_expired(
    visit: Visit, api: Site, tenant: str, complaints: Complaints
) -> None:
    complaints.expected.append("401")
    job_id = api.lesson(tenant)
    asked: list[str] = []

    def expire(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            api.clock.ahead += 3600
        route.continue_()

    page = visit()
    page.route("**/media?*", expire)
    page.evaluate("id => location.hash = `#/lessons/${id}`", job_id)
    ready(page)
    assert len(set(asked)) == 2
    expect(page.locator(".player-problem")).to_be_hidden()


@pytest.mark.slow
def test_a_recording_that_the_browser_cannot_play_leaves_the_transcript(visit: Visit, api: Site, tenant: str) -> None:
    job_id = api.lesson(tenant)
    (api.files.root / job_id / "source.webm").write_bytes(b"no film" * 1000)
    page = visit(f"#/lessons/{job_id}")
    expect(page.get_by_text("This browser can't play the recording.")).to_be_visible()
    expect(page.locator("mark.term").first).to_be_visible()


def test_a_lesson_on_its_way_shows_its_stages_and_opens_by_itself(visit: Visit, api: Site, tenant: str) -> None:
    job_id = api.submit(tenant)
    page = visit(f"#/lessons/{job_id}")
    expect(page.get_by_text("Waiting to start")).to_be_visible()
    api.complete(job_id, Stage.AUDIO_EXTRACTION, audio_seconds=60)
    api.progress(job_id, Stage.TRANSCRIPTION, 42)
    expect(page.get_by_text("Transcribing 42 %")).to_be_visible()
    api.transcribe(job_id, lesson.transcript(job_id))
    expect(page.get_by_text("Marking music terms")).to_be_visible()
    expect(page.locator(".line").first).to_have_text(lesson.LINES[0])
    assert page.locator("mark.term").count() == 0
    api.find_terms(job_id)
    expect(page.locator("mark.term").first).to_be_visible()
    expect(page.locator(".banner")).to_be_empty()


def test_a_lesson_that_failed_says_why_and_can_be_tried_again(visit: Visit, api: Site, tenant: str) -> None:
    job_id = api.submit(tenant)
    api.fail(job_id, Stage.AUDIO_EXTRACTION, "the file has no audio track", "export it with its sound")
    page = visit(f"#/lessons/{job_id}")
    expect(page.get_by_role("alert")).to_contain_text("The file has no audio track. Export it with its sound.")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator(".banner .state")).to_be_visible()


@pytest.mark.slow
def test_a_lesson_that_is_deleted_elsewhere_says_so(visit: Visit, api: Site, tenant: str) -> None:
    job_id = api.submit(tenant)
    page = visit(f"#/lessons/{job_id}")
    expect(page.get_by_text("Waiting to start")).to_be_visible()
    with api.database.write() as session:
        jobs.erase(session, jobs.find(session, tenant, job_id, lock=True), key_id=None, at=now())
    expect(page.get_by_role("alert")).to_contain_text("This lesson is no longer there")


@pytest.mark.slow
def test_a_lesson_where_nobody_speaks_says_so(visit: Visit, api: Site, tenant: str) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant, lines=[])}")
    expect(page.get_by_text("No speech was found in this recording.")).to_be_visible()


@pytest.mark.slow
def test_a_lesson_that_is_not_there_says_so(visit: Visit, complaints: Complaints) -> None:
    complaints.expected.append("404")
    page = visit("#/lessons/01jx0000000000000000000000")
    expect(page.get_by_role("heading", name="No such lesson")).to_be_visible()
    page.get_by_role("link", name="All lessons", exact=True).click()
    expect(page.get_by_role("heading", name="Lessons")).to_be_visible()


def test_on_a_phone_the_recording_stays_in_sight(visit: Visit, api: Site, tenant: str) -> None:
    page = visit(f"#/lessons/{api.lesson(tenant)}", viewport=PHONE, has_touch=True, is_mobile=True)
    ready(page)
    page.locator(".segment").last.scroll_into_view_if_needed()
    expect(page.locator("video")).to_be_in_viewport(ratio=0.9)
    word(page, "Practise").tap()
    assert time_of(page) == pytest.approx(start_of("Practise"), abs=0.01)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
