"""The list of lessons, with its live stages, and uploads."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.workers.api.page import lesson, site
from tests.workers.api.page.chromium import Complaints, until
from tests.workers.api.page.conftest import Visit
from tests.workers.api.page.site import Site
from thoth_infra.contract.queues import Stage
from workers.api.store import jobs

pytestmark = pytest.mark.xdist_group("chromium")


@pytest.fixture
def recording(film: Path, tmp_path: Path) -> Path:
    """A file of several parts."""
    path = tmp_path / "My lesson.webm"
    content = film.read_bytes()
    path.write_bytes(content + bytes(max(0, 3 * site.PART_BYTES + 1 - len(content))))
    return path


def row(page: Page, name: str) -> Locator:
    """Return a lesson's row."""
    return page.get_by_role("list", name="Lessons").get_by_role("listitem").filter(has_text=name)


def choose(page: Page, *paths: Path) -> None:
    """Choose files."""
    page.get_by_label("Choose files").set_input_files([str(path) for path in paths])


def received(api: Site, name: str, tenant: str) -> bytes:
    """Return the upload as it lies in its job's folder."""
    with api.database.read() as session:
        (job,) = [job for job in jobs.page(session, tenant, state=None, limit=50, after=None) if job.name == name]
    return (api.files.root / job.id / str(job.source)).read_bytes()


def test_without_lessons_the_page_says_how_to_begin(visit: Visit) -> None:
    page = visit()
    expect(page.get_by_text("No lessons yet")).to_be_visible()
    page.get_by_role("button", name="Failed").click()
    expect(page.get_by_text("No lesson is in this state just now.")).to_be_visible()


def test_a_file_is_uploaded_in_parts_with_progress_and_becomes_a_lesson(
    visit: Visit, api: Site, tenant: str, recording: Path
) -> None:
    page = visit()
    shares: list[float] = []

    def watch(route: Route) -> None:
        shares.append(page.locator(".upload progress").evaluate("bar => bar.value"))
        route.continue_()

    page.route("**/parts/*", watch)
    page.get_by_label("Spoken language").select_option("de")
    choose(page, recording)
    expect(row(page, "My lesson.webm")).to_contain_text("Waiting to start")
    expect(page.locator(".upload")).to_have_count(0)
    assert len(shares) == -(-recording.stat().st_size // site.PART_BYTES)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] > 0.5
    expect(row(page, "My lesson.webm")).to_contain_text("German")
    assert received(api, "My lesson.webm", tenant) == recording.read_bytes()


@pytest.mark.slow
def test_files_are_dropped_anywhere(visit: Visit, recording: Path) -> None:
    page = visit()
    expect(page.get_by_text("No lessons yet")).to_be_visible()
    transfer = page.evaluate_handle(
        """name => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array([0x1a, 0x45, 0xdf, 0xa3, ...new Uint8Array(5000)])], name));
          return transfer;
        }""",
        "Dropped.webm",
    )
    page.dispatch_event("main", "dragover", {"dataTransfer": transfer})
    expect(page.locator(".drop")).to_have_class("drop over")
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    expect(row(page, "Dropped.webm")).to_be_visible()
    expect(page.locator(".drop")).to_have_class("drop")


def test_an_upload_pauses_and_resumes(visit: Visit, api: Site, tenant: str, recording: Path) -> None:
    page = visit()
    page.route("**/parts/2", lambda route: None)
    choose(page, recording)
    upload = page.locator(".upload")
    until(page, "document.querySelector('.upload progress')?.value > 0")
    upload.get_by_role("button", name="Pause the upload of My lesson.webm").click()
    expect(upload).to_contain_text("Paused")
    page.unroute("**/parts/2")
    upload.get_by_role("button", name="Resume the upload of My lesson.webm").click()
    expect(row(page, "My lesson.webm")).to_be_visible()
    assert received(api, "My lesson.webm", tenant) == recording.read_bytes()


@pytest.mark.slow
def test_an_upload_survives_a_lost_connection(
    visit: Visit, api: Site, tenant: str, recording: Path, complaints: Complaints
) -> None:
    complaints.expected.append("ERR_")
    page = visit()
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        if len(lost) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/parts/3", lose)
    choose(page, recording)
    expect(row(page, "My lesson.webm")).to_be_visible()
    assert len(lost) == 2
    assert received(api, "My lesson.webm", tenant) == recording.read_bytes()


def test_an_upload_goes_on_after_a_reload_with_the_parts_that_are_missing(
    visit: Visit, api: Site, tenant: str, recording: Path
) -> None:
    page = visit()
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/parts/3", lambda route: None)
    with page.expect_response("**/parts/2") as second:
        choose(page, recording)
    assert second.value.ok
    page.reload()
    page.unroute("**/parts/3")
    expect(page.locator(".upload")).to_contain_text("Choose the same file again")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/parts/" in request.url else None)
    choose(page, recording)
    expect(row(page, "My lesson.webm")).to_be_visible()
    count = -(-recording.stat().st_size // site.PART_BYTES)
    assert [url.rpartition("/")[2] for url in sent] == [str(number) for number in range(3, count + 1)]
    assert received(api, "My lesson.webm", tenant) == recording.read_bytes()
    page.reload()
    expect(row(page, "My lesson.webm")).to_be_visible()
    expect(page.locator(".upload")).to_have_count(0)


@pytest.mark.slow
def test_an_upload_whose_last_answer_is_lost_becomes_one_lesson(
    visit: Visit, api: Site, tenant: str, recording: Path, complaints: Complaints
) -> None:
    complaints.expected += ["ERR_", "409"]
    page = visit()
    answers: list[int] = []

    def lose(route: Route) -> None:
        answer = route.fetch()
        answers.append(answer.status)
        if len(answers) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    page.route("**/complete", lose)
    choose(page, recording)
    expect(page.locator(".upload")).to_contain_text("Connection lost, trying again")
    expect(row(page, "My lesson.webm")).to_have_count(1)
    expect(page.locator(".upload")).to_have_count(0)
    assert answers == [201, 201]
    assert received(api, "My lesson.webm", tenant) == recording.read_bytes()


def test_a_cancelled_upload_leaves_nothing(visit: Visit, api: Site, recording: Path) -> None:
    page = visit()
    page.route("**/parts/2", lambda route: None)
    choose(page, recording)
    until(page, "document.querySelector('.upload progress')?.value > 0")
    with page.expect_response(lambda r: r.request.method == "DELETE" and r.status == 204):
        page.get_by_role("button", name="Cancel the upload of My lesson.webm").click()
    expect(page.locator(".upload")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("No lessons yet")).to_be_visible()


def test_what_is_no_recording_is_refused_before_it_is_sent(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    notes, silence = tmp_path / "notes.pdf", tmp_path / "empty.mp3"
    notes.write_bytes(b"%PDF-1.7")
    silence.touch()
    choose(page, notes, silence)
    expect(page.locator(".refused")).to_contain_text("notes.pdf is not a recording that Thoth reads.")
    expect(page.locator(".refused")).to_contain_text("empty.mp3 is empty.")


def test_what_only_claims_to_be_a_recording_is_refused_by_the_server_with_its_reason(
    visit: Visit, tmp_path: Path, complaints: Complaints
) -> None:
    complaints.expected.append("415")
    page = visit()
    fake = tmp_path / "fake.mp4"
    fake.write_bytes(b"<html>" + bytes(1000))
    choose(page, fake)
    problem = page.locator(".upload .field-problem")
    expect(problem).to_be_visible()
    assert len(problem.inner_text()) > 20
    expect(page.get_by_role("button", name="Try again the upload of fake.mp4")).to_be_visible()


def test_the_list_shows_each_stage_as_it_happens(visit: Visit, api: Site, tenant: str) -> None:
    job_id = api.submit(tenant, "Live.webm")
    page = visit()
    live = row(page, "Live.webm")
    expect(live).to_contain_text("Waiting to start")
    api.progress(job_id, Stage.AUDIO_EXTRACTION, 30)
    expect(live).to_contain_text("Extracting the sound 30 %")
    api.complete(job_id, Stage.AUDIO_EXTRACTION, audio_seconds=61)
    api.progress(job_id, Stage.TRANSCRIPTION, 55)
    expect(live).to_contain_text("Transcribing 55 %")
    expect(live).to_contain_text("1:01")
    assert live.get_by_role("progressbar", name="Transcript").evaluate("bar => bar.value") == 55
    api.transcribe(job_id, lesson.transcript(job_id))
    expect(live).to_contain_text("Marking music terms")
    api.find_terms(job_id)
    expect(live).to_contain_text("Ready")
    expect(page.locator("#announcer")).to_have_text("Live.webm: Ready")


@pytest.mark.slow
def test_more_lessons_than_can_be_streamed_are_kept_up_to_date_too(visit: Visit, api: Site, tenant: str) -> None:
    ids = [api.submit(tenant, f"Lesson {number}.webm") for number in range(5)]
    page = visit()
    expect(row(page, "Lesson 0.webm")).to_be_visible()
    for job_id in ids:
        api.fail(job_id, Stage.AUDIO_EXTRACTION, "the file has no audio track")
    expect(page.locator(".state.failed")).to_have_count(5)


def test_lessons_are_filtered_by_state_and_older_ones_come_on_demand(visit: Visit, api: Site, tenant: str) -> None:
    for number in range(52):
        api.submit(tenant, f"Lesson {number}.webm")
    failed = api.submit(tenant, "Broken.webm")
    api.fail(failed, Stage.AUDIO_EXTRACTION, "the file has no audio track")
    page = visit()
    expect(page.locator(".row")).to_have_count(50)
    page.get_by_role("button", name="Show older lessons").click()
    expect(page.locator(".row")).to_have_count(53)
    expect(page.get_by_role("button", name="Show older lessons")).to_have_count(0)
    page.get_by_role("button", name="Failed").click()
    expect(page.locator(".row")).to_have_count(1)
    expect(row(page, "Broken.webm")).to_contain_text("The file has no audio track.")
    page.get_by_role("button", name="Waiting").click()
    expect(row(page, "Broken.webm")).to_have_count(0)
    expect(page.locator(".row")).to_have_count(50)


def test_a_lesson_is_deleted_after_a_question(visit: Visit, api: Site, tenant: str) -> None:
    api.submit(tenant, "Old.webm")
    page = visit()
    for answer, left in (("Cancel", 1), ("Delete for good", 0)):
        page.get_by_label("Actions for Old.webm").click()
        page.get_by_role("button", name="Delete…").click()
        expect(page.get_by_role("dialog", name="Delete this lesson?")).to_contain_text("Old.webm")
        page.get_by_role("dialog").get_by_role("button", name=answer).click()
        expect(page.locator(".row")).to_have_count(left)
    page.reload()
    expect(page.get_by_text("No lessons yet")).to_be_visible()


def test_a_running_lesson_is_cancelled_and_tried_again(visit: Visit, api: Site, tenant: str) -> None:
    api.submit(tenant, "Going.webm")
    page = visit()
    page.get_by_label("Actions for Going.webm").click()
    page.locator(".menu-list").get_by_role("button", name="Cancel").click()
    expect(row(page, "Going.webm")).to_contain_text("Cancelled")
    page.get_by_label("Actions for Going.webm").click()
    page.locator(".menu-list").get_by_role("button", name="Try again").click()
    expect(row(page, "Going.webm")).to_contain_text("Waiting to start")


@pytest.mark.slow
def test_a_list_that_cannot_be_loaded_can_be_loaded_again(visit: Visit, complaints: Complaints) -> None:
    complaints.expected.append("503")
    page = visit("#/glossary")
    problem = (
        '{"title":"Service Unavailable","status":503,"code":"full","detail":"the disk is full","hint":"make room"}'
    )
    page.route("**/api/jobs?*", lambda r: r.fulfill(status=503, body=problem, content_type="application/problem+json"))
    page.get_by_role("link", name="Lessons", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The disk is full. Make room.")
    page.unroute("**/api/jobs?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("No lessons yet")).to_be_visible()
