"""How parcels leave: requests, webhooks, fetches; and what happens when they can't."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.workers.api.orchestrator.system import LEASE_SECONDS, System, alive
from tests.workers.api.records import TENANT, complete, job, parcels, submit, tell
from thoth_infra.contract.queues import Stage
from workers.api.http.guard import Guard
from workers.api.orchestrator.carriers import Fetches, Requests
from workers.api.orchestrator.dispatch import Dispatcher
from workers.api.orchestrator.ports import Alive
from workers.api.orchestrator.routine import Stopping
from workers.api.orchestrator.webhooks import HttpPost, Webhooks
from workers.api.store import jobs, transcripts
from workers.api.store.models import Job, JobState, Kind, Parcel
from workers.common import manifest
from workers.common.errors import PoisonError, RetryableError
from workers.common.manifest import StageRecord
from workers.common.messages import Status, now
from workers.common.ports import QueueError
from workers.common.transcript import Segment, Transcript, Word

KEY = b"k" * 32
HOOK = "https://example.com/hook"
AUDIO, SPEECH, TERMS = Stage


def _webhooks(system: System) -> Dispatcher:
    carrier = Webhooks(system.posts, KEY, system.clock)
    return system.dispatcher(Kind.WEBHOOK, carrier, first_pause=timedelta(seconds=5), most_tries=8)


def _fail(system: System, url: str = HOOK) -> str:
    job_id = submit(system.database, webhook_url=url)
    tell(system.database, job_id, AUDIO, Status.FAILED, seconds=system.clock.seconds)
    return job_id


def test_a_lesson_goes_from_queue_to_queue(system: System) -> None:
    job_id = submit(system.database)
    for stage in Stage:
        system.dispatch()
        request = system.work(stage)
        assert (request.job_id, request.stage, request.attempt) == (job_id, stage, 1)
    assert job(system.database, job_id).state == JobState.COMPLETED
    assert system.results.bodies() == []


class _Broken:
    """A queue that can't be reached."""

    def send(self, *_: object) -> None:
        raise QueueError("away")

    def depth(self) -> int:
        raise QueueError("away")


def test_requests_wait_for_a_queue_that_is_away(system: System) -> None:
    job_id = submit(system.database)
    whole = system.stages[AUDIO]
    system.stages[AUDIO] = _Broken()  # type: ignore[assignment]
    system.dispatch()
    (parcel,) = parcels(system.database, Kind.REQUEST, job_id)
    assert (parcel.sent_at, parcel.problem) == (None, "QueueError: away")
    system.stages[AUDIO] = whole
    system.clock.turn(timedelta(minutes=1))
    system.dispatch()
    assert len(whole.bodies()) == 1


def test_a_stop_leaves_the_rest_of_the_batch_to_the_next_start(system: System) -> None:
    for _ in range(3):
        submit(system.database)
    seen = 0

    def stopping() -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            raise Stopping

    with pytest.raises(Stopping):
        system.dispatcher(Kind.REQUEST, Requests(system.ports), batch=3).step(stopping)
    assert len(system.stages[AUDIO].bodies()) == 1
    system.dispatch()
    assert len(system.stages[AUDIO].bodies()) == 3


def test_a_webhook_is_signed_over_its_time_and_body(system: System) -> None:
    job_id = _fail(system)
    assert _webhooks(system).step(alive)
    ((url, headers, body),) = system.posts.got
    told = json.loads(body)
    assert url == HOOK
    assert (told["type"], told["data"]["id"]) == ("job.failed", job_id)
    assert headers["Idempotency-Key"] == told["id"]
    parts = dict(part.split("=", 1) for part in headers["Thoth-Signature"].split(","))
    assert int(parts["t"]) == int(system.clock().timestamp())
    assert parts["v1"] == hmac.new(KEY, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert not _webhooks(system).step(alive)


def test_tries_have_the_same_key_and_grow_apart_until_one_is_taken(system: System) -> None:
    _fail(system)
    hooks, waits = _webhooks(system), []
    system.posts.status = 503
    for _ in range(4):
        assert hooks.step(alive)
        (parcel,) = parcels(system.database, Kind.WEBHOOK)
        waits.append((parcel.due_at - system.clock()).total_seconds())
        assert not hooks.step(alive)
        system.clock.turn(timedelta(seconds=waits[-1]))
    assert waits == [5, 10, 20, 40]
    system.posts.status = 200
    assert hooks.step(alive)
    (parcel,) = parcels(system.database, Kind.WEBHOOK)
    assert parcel.sent_at == system.clock()
    assert len({headers["Idempotency-Key"] for _, headers, _ in system.posts.got}) == 1


def test_a_receiver_that_never_takes_it_is_given_up(system: System) -> None:
    _fail(system)
    hooks = Webhooks(system.posts, KEY, system.clock, rest_seconds=0)
    dispatcher = system.dispatcher(Kind.WEBHOOK, hooks, most_tries=3)
    system.posts.status = 302
    for _ in range(5):
        dispatcher.step(alive)
        system.clock.turn(timedelta(hours=1))
    (parcel,) = parcels(system.database, Kind.WEBHOOK)
    assert (len(system.posts.got), parcel.tries, parcel.sent_at) == (3, 3, None)
    assert parcel.dropped_at and parcel.problem == "Unanswered: the receiver answers 302"


def test_a_host_that_fails_is_left_alone_and_others_are_not(system: System) -> None:
    for _ in range(7):
        _fail(system, "https://down.example/hook")
    hooks = _webhooks(system)
    system.posts.error = TimeoutError("silence")
    while hooks.step(alive):
        pass
    assert len(system.posts.got) == 5
    # Those that were not even tried lose none of their tries.
    assert sorted(p.tries for p in parcels(system.database, Kind.WEBHOOK)) == [0, 0, 1, 1, 1, 1, 1]
    system.posts.error = None
    _fail(system, "https://up.example/hook")
    hooks.step(alive)
    assert system.posts.got[-1][0] == "https://up.example/hook"


@contextmanager
def _receiver(status: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


def test_webhooks_go_over_http_to_hosts_that_the_guard_lets_through(system: System) -> None:
    with _receiver(200) as (host, got):
        _fail(system, f"http://{host}/hook?a=b")
        carrier = Webhooks(HttpPost(Guard(allow=frozenset({host}))), KEY, system.clock)
        assert system.dispatcher(Kind.WEBHOOK, carrier).step(alive)
    ((headers, body),) = got
    (parcel,) = parcels(system.database, Kind.WEBHOOK)
    assert parcel.sent_at and body == parcel.body.encode()
    assert (headers["idempotency-key"], headers["content-type"]) == (parcel.key, "application/json")


def test_webhooks_follow_no_redirect(system: System) -> None:
    with _receiver(307) as (host, got):
        _fail(system, f"http://{host}/hook")
        carrier = Webhooks(HttpPost(Guard(allow=frozenset({host}))), KEY, system.clock)
        system.dispatcher(Kind.WEBHOOK, carrier).step(alive)
    (parcel,) = parcels(system.database, Kind.WEBHOOK)
    assert len(got) == 1
    assert parcel.problem == "Unanswered: the receiver answers 307"


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://169.254.169.254/", "http://example.com/", "https://[::1]/"]
)
def test_webhooks_into_our_own_network_are_given_up_at_once(system: System, url: str) -> None:
    _fail(system, url)
    system.dispatcher(Kind.WEBHOOK, Webhooks(HttpPost(Guard()), KEY, system.clock)).step(alive)
    (parcel,) = parcels(system.database, Kind.WEBHOOK)
    assert parcel.dropped_at and not parcel.sent_at


def test_a_webhook_whose_host_has_no_address_is_tried_again(system: System) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    _fail(system, "https://nowhere.example/")
    carrier = Webhooks(HttpPost(Guard(resolve=unknown)), KEY, system.clock)
    system.dispatcher(Kind.WEBHOOK, carrier).step(alive)
    (parcel,) = parcels(system.database, Kind.WEBHOOK)
    assert not parcel.dropped_at and parcel.due_at > system.clock()


def _fetching(system: System) -> Dispatcher:
    return system.dispatcher(Kind.FETCH, Fetches(system.ports, system.eraser), most_tries=3)


def test_a_fetched_source_begins_the_job(system: System) -> None:
    job_id = submit(system.database, reference={"https": "https://example.com/a.mp4"})
    assert _fetching(system).step(alive)
    system.run()
    found = job(system.database, job_id)
    assert (found.state, found.source, found.size) == (JobState.COMPLETED, "source.mp4", 38)
    assert not _fetching(system).step(alive)


def test_a_source_that_is_none_fails_the_job(system: System) -> None:
    job_id = submit(system.database, reference={"https": "https://example.com/a.mp4"}, webhook_url=HOOK)
    system.fetches.error = PoisonError("no_source", "it is not there", "check it")
    _fetching(system).step(alive)
    found = job(system.database, job_id)
    assert (found.state, found.error_code, found.error_message, found.error_hint) == (
        JobState.FAILED,
        "no_source",
        "it is not there",
        "check it",
    )
    assert system.fetches.count == 1
    assert len(parcels(system.database, Kind.WEBHOOK)) == 1


def test_a_source_that_breaks_off_is_fetched_again_until_the_tries_are_used_up(system: System) -> None:
    job_id = submit(system.database, reference={"https": "https://example.com/a.mp4"})
    system.fetches.error = RetryableError("fetch_failed", "broke off")
    for _ in range(5):
        _fetching(system).step(alive)
        system.clock.turn(timedelta(minutes=5))
    assert system.fetches.count == 3
    assert (job(system.database, job_id).state, job(system.database, job_id).error_code) == (
        JobState.FAILED,
        "fetch_failed",
    )


def test_an_unforeseen_error_of_a_fetch_tells_the_user_nothing_of_the_inside(system: System) -> None:
    job_id = submit(system.database, reference={"https": "https://example.com/a.mp4"})
    system.fetches.error = KeyError("/secret/path")
    for _ in range(5):
        _fetching(system).step(alive)
        system.clock.turn(timedelta(minutes=5))
    found = job(system.database, job_id)
    assert (found.error_code, "secret" in str(found.error_message)) == ("fetch_failed", False)


def test_a_job_that_was_erased_while_it_was_fetched_leaves_no_folder(system: System) -> None:
    job_id = submit(system.database, reference={"https": "https://example.com/a.mp4"})
    whole = system.fetches

    def fetch(*arguments: object) -> object:
        fetched = whole(*arguments)  # type: ignore[arg-type]
        with system.database.write() as session:
            jobs.erase(session, jobs.find(session, TENANT, job_id), at=system.clock())
        assert system.dispatcher(Kind.ERASE, system.eraser).step(alive)
        # The fetcher's last bytes come after that.
        (system.jobs_dir / job_id).mkdir()
        (system.jobs_dir / job_id / "source.mp4").write_bytes(b"late")
        return fetched

    object.__setattr__(system.ports, "fetch", fetch)
    _fetching(system).step(alive)
    assert not (system.jobs_dir / job_id).exists()


def test_others_stay_away_from_a_parcel_as_long_as_its_carrier_lives(system: System) -> None:
    job_id = submit(system.database, reference={"https": "https://example.com/a.mp4"})
    second: list[bool] = []

    class Slow:
        """Takes longer than a lease."""

        def deliver(self, parcel: Parcel, alive: Alive) -> None:
            assert parcel.job_id == job_id
            for _ in range(3):
                system.clock.turn(timedelta(seconds=LEASE_SECONDS / 2))
                alive()
            second.append(system.dispatcher(Kind.FETCH, self).step(lambda: None))

        def give_up(self, parcel: Parcel, error: Exception) -> None:
            raise AssertionError(parcel.key) from error

    assert system.dispatcher(Kind.FETCH, Slow()).step(alive)
    assert second == [False]
    assert job(system.database, job_id).state == JobState.QUEUED


def _transcript(*texts: str) -> str:
    words = tuple(Word(start=n, end=n + 0.5, text=text, probability=1) for n, text in enumerate(texts))
    segment = Segment(id=0, start=0, end=9, text=" ".join(texts), words=words, confidence=1)
    return Transcript(
        job_id="j",
        language="en",
        language_probability=1,
        duration=10,
        model="m",
        settings={},
        confidence=1,
        segments=(segment,),
    ).model_dump_json()


@pytest.mark.slow
def test_the_terms_are_looked_for_in_the_transcript_as_it_was_corrected(system: System) -> None:
    job_id = submit(system.database)
    complete(system.database, job_id)
    system.dispatch()
    folder = system.files.job(job_id)
    for name, text in {"transcript.json": _transcript("bar", "cord"), "transcript.txt": "bar cord"}.items():
        with folder.writing(name) as path:
            path.write_text(text)
    artefacts = {name: manifest.measured(folder.local(name)) for name in folder.names()}
    record = StageRecord(attempt=1, artefacts=tuple(artefacts), finished_at=now(), seconds=1)
    manifest.write(folder, manifest.read(folder).adding(SPEECH, record, artefacts))
    with system.database.write() as session:
        found = session.get(Job, job_id)
        assert found
        transcripts.save(
            session,
            found,
            expected=1,
            original=_transcript("bar", "cord"),
            content=_transcript("barre", "chord"),
            key_id=None,
            at=system.clock(),
        )
    with folder.lock(0):
        system.dispatch()
        assert folder.local("transcript.txt").read_text() == "bar cord"
    system.clock.turn(timedelta(minutes=2))
    system.dispatch()
    assert folder.local("transcript.txt").read_text() == "barre chord\n"
    assert folder.local("transcript.json").read_text() == _transcript("barre", "chord")
    assert folder.names() >= {"transcript.srt", "transcript.vtt"}
    # A late repeat of the transcription's request finds its stage complete, and writes over nothing.
    known = manifest.read(folder)
    assert manifest.is_whole(folder, known, known.stages[SPEECH])


@pytest.mark.parametrize(("given", "shown"), [(None, "en"), ("de", "de")])
def test_the_language_is_what_was_given_or_else_what_was_heard(system: System, given: str | None, shown: str) -> None:
    job_id = submit(system.database, language=given, webhook_url=HOOK)
    with system.files.job(job_id).writing("transcript.json") as path:
        path.write_text(_transcript("barre", "chord"))
    for stage in Stage:
        system.dispatch()
        system.work(stage)
    assert job(system.database, job_id).language == shown
    (told,) = parcels(system.database, Kind.WEBHOOK, job_id)
    assert json.loads(told.body)["data"]["language"] == shown


def test_a_transcript_that_can_not_be_read_keeps_no_job_from_its_end(system: System) -> None:
    job_id = submit(system.database)
    with system.files.job(job_id).writing("transcript.json") as path:
        path.write_text("{")
    for stage in Stage:
        system.dispatch()
        system.work(stage)
    found = job(system.database, job_id)
    assert (found.state, found.language) == (JobState.COMPLETED, None)
