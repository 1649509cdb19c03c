"""``thoth-infra local``: the whole system on this machine, without an AWS account."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from thoth_infra.cli.context import Project, pass_project, set_option
from thoth_infra.cli.tables import table
from thoth_infra.config.load import load
from thoth_infra.contract.services import API
from thoth_infra.emulator import running
from thoth_infra.errors import ThothError
from thoth_infra.local import system
from thoth_infra.local.client import Client
from thoth_infra.local.home import Home, Record
from thoth_infra.local.processes import Program, Supervisor, end_orphans, supervised

FOLDER = Path(".thoth") / "local"
_TINY_MODEL, _SAMPLE = Path("tests/tiny_whisper/model"), Path("examples/lesson.mp4")
_SCOPES = ("jobs:read", "jobs:write", "glossary:read", "glossary:write", "admin")
_READY_S, _DOWN_S, _POLL_S = 120.0, 60.0, 0.2
_ENDED = {"completed", "failed", "cancelled"}


@click.group()
def local() -> None:
    """Run the whole system on this machine: API, web page and workers over an emulated AWS."""


@local.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1024, 65535), help="Port of the web page.")
@click.option("--model", metavar="NAME", help="Whisper model, or its folder [default: dev's, which is downloaded].")
@set_option
@click.option("--detach", is_flag=True, help="Come back when it is ready; `local down` stops it.")
@pass_project
def up(project: Project, port: int, model: str | None, settings: tuple[str, ...], detach: bool) -> None:
    """Start everything, and keep it running until Ctrl-C; a killed system goes on where it was."""
    choices = system.Choices(port, _model(project.root, model))
    home = _home(project)
    if home.record() is None:
        if left := end_orphans(home.noted()):
            project.say(f"ended what was left running: {', '.join(left)}")
        _preflight(choices)
    if detach:
        _detached(project, choices, settings)
        return
    with _system(project, home, choices, settings) as (supervisor, told, api):
        _ready(project, home, choices, supervisor, told)
        if not told.is_set():
            key = _key(home, api)
            text = f"Thoth is at {choices.url}\nAPI key: {key}\nCtrl-C stops it."
            project.emit({"url": choices.url, "key": key}, text)
        while not told.wait(1):
            _watch(project, home, supervisor)
        project.say("stopping …")


@contextmanager
def _system(
    project: Project, home: Home, choices: system.Choices, settings: tuple[str, ...]
) -> Iterator[tuple[Supervisor, threading.Event, Program]]:
    """Run everything for the length of the block; yield the API's program, too."""
    settings = ("database.engine=sqlite", *settings)
    env = load(project.root, system.ENVIRONMENT, settings=settings, personal=False).environment
    with (
        home.held(Record(os.getpid(), choices.url, choices.model or env.whisper.model)),
        _until_told() as told,
        running(home.aws) as emulator,
    ):
        places = system.prepare(emulator, env, home)
        started = system.programs(project.root, env, emulator, home, places, choices)
        api = next(program for program in started if program.name == API.name)
        _after_a_kill(project, home, api)
        with supervised(started) as supervisor:
            home.note(supervisor.pids())
            yield supervisor, told, api
        home.note({})


def _after_a_kill(project: Project, home: Home, api: Program) -> None:
    """Ask again for what a killed system had asked for: its queues were in its memory."""
    if home.noted() and home.database.exists():
        done = _run(api, "workers.api.lost")
        count = int(done.stdout or 0) if done.returncode == 0 else 0
        project.say(f"going on after a kill: {count} stages are requested again")


def _ready(
    project: Project, home: Home, choices: system.Choices, supervisor: Supervisor, told: threading.Event
) -> None:
    """Wait until the API answers, or somebody says stop."""
    ready = Client(choices.url, "").ready
    deadline = time.monotonic() + _READY_S
    while not ready() and not told.wait(_POLL_S):
        _watch(project, home, supervisor)
        if time.monotonic() > deadline:
            raise ThothError(f"the API is not ready after {_READY_S:.0f} s", f"look into {home.logs}")


def _watch(project: Project, home: Home, supervisor: Supervisor) -> None:
    for line in supervisor.watch():
        project.say(line)
        home.note(supervisor.pids())


@local.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--wait", is_flag=True, help="Wait for the transcripts, and print them with the terms marked.")
@click.option("--language", metavar="CODE", help="Language that is spoken [default: found out].")
@pass_project
def submit(project: Project, files: tuple[Path, ...], wait: bool, language: str | None) -> int:
    """Submit lessons to the running system."""
    client = _client(project)
    jobs = []
    for file in files:
        job = client.submit(file, language)
        project.say(f"{file.name}: job {job['id']}")
        jobs.append(_finished(client, job["id"], project.say) if wait else job)
    texts = [_told(client, job) for job in jobs] if wait else []
    project.emit(jobs, "\n".join(texts))
    return int(any(job["state"] in {"failed", "cancelled"} for job in jobs))


@local.command()
@click.option("--port", default=8099, show_default=True, type=click.IntRange(1024, 65535), help="Port meanwhile.")
@pass_project
def demo(project: Project, port: int) -> int:
    """Take the sample lesson through the whole system, with the tests' tiny model, and print what comes out.

    It has a folder of its own, which goes again; a running system is left alone.
    """
    with tempfile.TemporaryDirectory(prefix="thoth-demo-") as scratch:
        here = replace(project, json=False)
        home = Home(Path(scratch) / "local")
        choices = system.Choices(port, str(project.root / _TINY_MODEL))
        _preflight(choices)
        project.say("starting API and workers …")
        with _system(here, home, choices, ("whisper.chunk_seconds=10",)) as (supervisor, told, api):
            _ready(here, home, choices, supervisor, told)
            client = Client(choices.url, _key(home, api))
            job = _finished(client, client.submit(project.root / _SAMPLE)["id"], project.say)
            text = _told(client, job)
    project.emit(job, f"\n{text}\n\nTerms are in [brackets]. Your own lessons: thoth-infra local up")
    return int(job["state"] != "completed")


@local.command()
@pass_project
def status(project: Project) -> None:
    """Show the processes and the newest jobs."""
    record = _home(project).record()
    if record is None:
        project.emit({"running": False}, "not running; `thoth-infra local up` starts it")
        return
    jobs = _client(project).get("/api/jobs?limit=20")["jobs"]
    rows = [(j["id"], j["name"], j["state"], j.get("stage") or "", f"{j.get('percent') or 0:.0f} %") for j in jobs]
    head = f"running at {record.url} (pid {record.pid}, Whisper model {record.model})"
    shown = table(("JOB", "NAME", "STATE", "STAGE", "DONE"), rows) if rows else "no jobs yet"
    project.emit({"running": True, **asdict(record), "jobs": jobs}, f"{head}\n\n{shown}")


@local.command()
@pass_project
def down(project: Project) -> None:
    """Stop everything; jobs and files stay, and `local up` goes on with them."""
    home = _home(project)
    record = home.record()
    if record is None:
        project.emit({"stopped": False}, "it was not running")
        return
    os.kill(record.pid, signal.SIGTERM)
    _wait(lambda: home.record() is None, _DOWN_S, f"process {record.pid} does not end", f"look into {home.logs}")
    project.emit({"stopped": True}, "stopped")


def _preflight(choices: system.Choices) -> None:
    """Say now what the processes would only say in their logs."""
    missing = [tool for tool in ("ffmpeg", "ffprobe") if shutil.which(tool) is None]
    if missing:
        raise ThothError(f"{' and '.join(missing)} not found", "install FFmpeg 5 or newer (Debian: ffmpeg)")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", choices.port))
        except OSError:
            raise ThothError(f"port {choices.port} is taken by another program", "choose one: --port 8001") from None


def _home(project: Project) -> Home:
    return Home(project.root / FOLDER)


def _client(project: Project) -> Client:
    home = _home(project)
    record, key = home.record(), home.kept("api-key")
    if record is None or key is None:
        raise ThothError("the system is not running here", "start it: thoth-infra local up")
    return Client(record.url, key)


def _model(root: Path, given: str | None) -> str | None:
    """Return a model's folder as an absolute path, which a worker with another working directory finds too."""
    folder = root / given if given else None
    return str(folder.resolve()) if folder and folder.is_dir() else given


def _key(home: Home, api: Program) -> str:
    """Return the key that the command line and the browser use, made at the first start."""
    if kept := home.kept("api-key"):
        return kept
    scopes = [word for scope in _SCOPES for word in ("--scope", scope)]
    done = _run(api, "workers.api.keys", "create", "--tenant", "local", *scopes)
    if done.returncode:
        raise ThothError(f"no API key could be made: {done.stderr.strip()[-500:]}", f"look into {home.logs}")
    key = done.stdout.split()[-1]
    home.keep("api-key", key)
    return key


def _run(api: Program, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the API's with the API's own variables."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=api.cwd, env=dict(api.env), check=False, capture_output=True, text=True)


def _detached(project: Project, choices: system.Choices, settings: tuple[str, ...]) -> None:
    home = _home(project)
    home.logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "thoth_infra", "--root", str(project.root), "local", "up"]
    command += ["--port", str(choices.port), *(["--model", choices.model] if choices.model else [])]
    command += [word for setting in settings for word in ("--set", setting)]
    with (home.logs / "up.log").open("wb") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def ready() -> bool:
        if child.poll() is not None:
            words = (home.logs / "up.log").read_text(errors="replace").strip()
            raise ThothError(f"it did not start: {words[-1000:]}", f"look into {home.logs}")
        return home.record() is not None and home.kept("api-key") is not None and Client(choices.url, "").ready()

    _wait(ready, _READY_S, "it is not ready", f"look into {home.logs}")
    key = home.kept("api-key")
    project.emit({"url": choices.url, "key": key, "pid": child.pid}, f"Thoth is at {choices.url}\nAPI key: {key}")
    child.returncode = 0  # it is meant to outlive us


def _finished(client: Client, job_id: str, say: Callable[[str], None]) -> dict[str, Any]:
    shown = ""
    while True:
        job: dict[str, Any] = client.get(f"/api/jobs/{job_id}")
        line = f"  {job['state']} {job.get('stage') or ''} {job.get('percent') or 0:.0f} %"
        if line != shown:
            say(line)
            shown = line
        if job["state"] in _ENDED:
            return job
        time.sleep(_POLL_S)


def _told(client: Client, job: dict[str, Any]) -> str:
    """Return a finished job's transcript, each term in [brackets], or its error."""
    if job["state"] != "completed":
        error = job.get("error") or {}
        return f"{job['name']}: {error.get('code', job['state'])}: {error.get('message', '')} {error.get('hint', '')}"
    transcript = client.get(f"/api/jobs/{job['id']}/transcript.json")
    terms = client.get(f"/api/jobs/{job['id']}/terms")["terms"]
    return "\n".join(marked(transcript["segments"], terms))


def marked(segments: list[dict[str, Any]], terms: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each segment: its start, and its words with every term in [brackets]."""
    first = {(t["segment_id"], t["first_word"]) for t in terms}
    last = {(t["last_segment_id"], t["last_word"]) for t in terms}
    for segment in segments:
        words = []
        for index, word in enumerate(segment["words"]):
            place = (segment["id"], index)
            text = ("[" if place in first else "") + word["text"]
            # Punctuation that hangs on a term's last word stays outside.
            bare = text.rstrip(".,;:!?")
            words.append(f"{bare}]{text[len(bare) :]}" if place in last else text)
        minutes, seconds = divmod(segment["start"], 60)
        yield f"{int(minutes):02}:{seconds:04.1f}  {' '.join(words)}"


def _wait(condition: Callable[[], bool], seconds: float, what: str, hint: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ThothError(f"{what} after {seconds:.0f} s", hint)
        time.sleep(_POLL_S)


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set."""
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
