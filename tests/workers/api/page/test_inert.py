"""Stored markup and scripts are shown as the text that they are, wherever a person's words come up."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import delete

from tests.workers.api.page import lesson
from tests.workers.api.page.chromium import Complaints, until
from tests.workers.api.page.conftest import Visit
from tests.workers.api.page.site import Site
from thoth_infra.contract.queues import Stage
from workers.api.http.app import PAGE
from workers.api.store import glossary
from workers.api.store.models import GlossaryVersion
from workers.common.messages import now
from workers.common.transcript import Segment, Transcript, Word
from workers.music_terms import terms as found
from workers.music_terms.glossary import Category, Glossary, Term

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.slow]

CORPUS = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    '"><svg/onload=window.hit=1>',
    "'-window.hit=1-'",
    "javascript:window.hit=1",
    "</title></textarea></style><script>window.hit=1</script>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<a href=javascript:window.hit=1>go</a>",
    "{{constructor.constructor('window.hit=1')()}}",
    "${window.hit=1}",
    "<math><mtext><style><img src=x onerror=window.hit=1></style></mtext></math>",
    "<details open ontoggle=window.hit=1>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=javascript:window.hit=1>",
    "\u202egnp.exe<video src=x onerror=window.hit=1>",
    "&lt;img src=x onerror=window.hit=1&gt;",
    "__proto__",
    "--> ]]> %3Cscript%3Ewindow.hit=1%3C/script%3E",
)


def assert_inert(page: Page) -> None:
    """Nothing ran, and nothing of the corpus became an element."""
    assert page.evaluate("window.hit") is None
    strange = page.evaluate(
        """own => [...document.querySelectorAll("script, iframe, object, embed, base, meta, math, img, style, a")]
          .filter((e) => !e.matches(own))
          .concat([...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => /^on/.test(a.name))))
          .map((e) => e.outerHTML.slice(0, 200))""",
        "script[src^='/page/'], meta[charset], meta[name], img[src='/page/mark.svg'], a[href^='#'], a[href='/docs']",
    )
    assert strange == []


def _glossary() -> Glossary:
    terms = tuple(
        Term(id=f"t{n}", category="c", canonical=f"{text[:90]} a{n}", variants=(f"b{n} {text[:80]}",), definition=text)
        for n, text in enumerate(CORPUS)
    )
    category = Category(id="c", name=CORPUS[1], description=CORPUS[0])
    return Glossary(name=CORPUS[2], version=1, categories=(category,), terms=terms)


def _transcript(job_id: str) -> Transcript:
    """Return a transcript whose lines are the corpus; a payload's blanks stay within one word."""
    segments = []
    for number, text in enumerate(CORPUS):
        words = tuple(
            Word(start=number * 2 + k, end=number * 2 + k + 0.5, text=t, probability=0.2)
            for k, t in enumerate((text, "end"))
        )
        segments.append(
            Segment(id=number, start=words[0].start, end=words[-1].end, text=f"{text} end", words=words, confidence=0.2)
        )
    spoken = lesson.transcript(job_id)
    return spoken.model_copy(update={"segments": tuple(segments), "language": "<b>"})


def _terms(spoken: Transcript) -> found.Terms:
    terms = tuple(
        found.FoundTerm(
            id=f"t{s.id}",
            term=f"t{s.id}",
            category="c",
            surface=s.words[0].text,
            canonical=s.words[0].text,
            segment_id=s.id,
            first_word=0,
            last_segment_id=s.id,
            last_word=0,
            start=s.start,
            end=s.end,
            context=s.text,
        )
        for s in spoken.segments
    )
    used = found.UsedGlossary(
        name=CORPUS[0],
        version=1,
        language="en",
        categories=(found.UsedCategory(id="c", name=CORPUS[1]),),
        problem=CORPUS[2],
    )
    return found.Terms(job_id=spoken.job_id, language="en", glossary=used, counts={"c": len(terms)}, terms=terms)


def test_names_in_the_list(visit: Visit, api: Site, tenant: str) -> None:
    for text in CORPUS:
        failed = api.submit(tenant, text)
        api.fail(failed, Stage.AUDIO_EXTRACTION, text, text)
    page = visit()
    expect(page.locator(".row")).to_have_count(len(CORPUS))
    shown = set(page.locator(".row-name").all_text_contents())
    assert {text for text in CORPUS if "\u202e" not in text} <= shown
    page.get_by_label("Actions for <script>").first.click()
    page.get_by_role("button", name="Delete…").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("<script>")
    assert_inert(page)


def test_names_and_errors_in_the_lesson(visit: Visit, api: Site, tenant: str) -> None:
    page = visit()
    for text in CORPUS:
        failed = api.submit(tenant, text)
        api.fail(failed, Stage.AUDIO_EXTRACTION, text, text)
        page.evaluate("id => location.hash = `#/lessons/${id}`", failed)
        expect(page.get_by_role("heading", level=1)).to_contain_text(text.strip("\u202e"))
        expect(page.get_by_role("alert")).to_contain_text(text[3:].strip("\u202e"))
        assert_inert(page)


def test_whose_key_it_is(visit: Visit, api: Site) -> None:
    page = visit(key=api.key(CORPUS[1]))
    page.get_by_label("Account").click()
    expect(page.locator(".menu-note strong")).to_have_text(CORPUS[1])
    assert_inert(page)


def test_words_terms_and_subtitles(visit: Visit, api: Site, tenant: str) -> None:
    job_id = api.submit(tenant, CORPUS[0])
    api.complete(job_id, Stage.AUDIO_EXTRACTION, audio_seconds=60)
    spoken = _transcript(job_id)
    api.transcribe(job_id, spoken)
    api.write(job_id, found.NAME, _terms(spoken))
    api.complete(job_id, Stage.MUSIC_TERMS)
    page = visit(f"#/lessons/{job_id}")
    expect(page.locator("mark.term")).to_have_count(len(CORPUS))
    assert page.locator("mark.term .word").all_text_contents() == list(CORPUS)
    for summary in page.locator(".terms summary").all():
        summary.click()
    until(page, "document.querySelector('video').readyState >= 2")
    page.get_by_role("button", name="Subtitles").click()
    for word in page.locator("mark.term .word").all()[:6]:
        word.click()
    page.get_by_role("searchbox").fill("<script>")
    expect(page.locator(".find output")).to_contain_text("1 of")
    page.locator(".segment").first.hover()
    page.locator(".segment").first.get_by_role("button", name="Correct").click()
    expect(page.locator(".editor textarea")).to_have_value(f"{CORPUS[0]} end")
    page.locator(".editor textarea").fill(" ".join(text.replace(" ", "\u00a0") for text in CORPUS[:5]))
    page.keyboard.press("Control+Enter")
    expect(page.locator(".editor")).to_have_count(0)
    page.get_by_label("Download").click()
    with page.expect_download() as download:
        page.locator(".menu-list").get_by_role("button", name="Text").click()
    assert "/" not in download.value.suggested_filename
    assert_inert(page)


def test_the_glossary(visit: Visit, api: Site) -> None:
    hostile = _glossary()
    with api.database.write() as session:
        glossary.save(session, hostile, expected=glossary.current(session).version, key_id=None, at=now())
    try:
        page = visit("#/glossary")
        expect(page.locator(".entry[data-term]")).to_have_count(len(CORPUS))
        texts = page.locator(".entry[data-term] .entry-text:not(.help)").all_text_contents()
        assert texts == list(CORPUS)
        page.get_by_role("heading", name="Categories").click()
        expect(page.locator(".category-list .entry-name")).to_have_text(CORPUS[1])
        for row in page.locator(".entry[data-term]").all()[:6]:
            row.get_by_role("button").click()
            page.get_by_role("dialog").get_by_role("button", name="Done").click()
        assert_inert(page)
    finally:
        with api.database.write() as session:
            session.execute(delete(GlossaryVersion))


def test_an_address_cannot_lead_out_of_its_place(visit: Visit) -> None:
    page = visit()
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json={"id": "x", "name": "nothing", "state": "cancelled", "transcript_version": 0, "stage": None})

    addresses = ("..%2f..%2fme", "%2e%2e%2f%2e%2e", "javascript:alert(1)", "<img src=x onerror=hit=1>", "%E0%A4%A")
    page.route("**/api/jobs/**", answer)
    for address in addresses:
        page.evaluate("address => location.hash = `#/lessons/${address}`", address)
        expect(page.get_by_role("heading", name="nothing")).to_be_visible()
    assert_inert(page)
    assert len(asked) == len(addresses)
    assert all("/" not in url.partition("/api/jobs/")[2] for url in asked), asked


def test_the_pages_own_files_need_no_exception_from_the_policy() -> None:
    for path in PAGE.rglob("*"):
        if path.suffix not in {".html", ".js", ".css"}:
            continue
        text = path.read_text(encoding="utf-8")
        for forbidden in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "@import",
            "http://",
            "https://",
            "style=",
        ):
            # The name space of SVG is no address that anybody asks.
            rest = text.replace("http://www.w3.org/2000/svg", "")
            assert forbidden not in rest, f"{path.name} has {forbidden}"
        assert len(text.splitlines()) < 350, f"{path.name} is too long"


def test_the_corpus_would_hit_a_page_that_took_it_for_markup(visit: Visit, complaints: Complaints) -> None:
    complaints.expected.append("404")
    page = visit(bypass_csp=True, signed_in=False)
    page.evaluate("texts => { document.body.innerHTML = texts.join(' '); }", list(CORPUS[1:3]))
    until(page, "window.hit")
    with pytest.raises(AssertionError):
        assert_inert(page)
