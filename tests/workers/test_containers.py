"""The three images, really built and run as their rendered task definitions say; the same job goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.error_rate import edits, normalised
from tests.tiny_whisper.speech import lesson
from tests.workers import containers
from tests.workers.conftest import MakeRig
from tests.workers.containers import Containers, docker
from tests.workers.lessons import terms_in, video
from tests.workers.rig import BY_STAGE, ORDER, Conductor, wait_until
from thoth_infra.contract.services import MUSIC_TERMS
from workers.common.messages import Status
from workers.music_terms.terms import Terms

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.usefixtures("media_tools")]

# How little a worker must keep: no compilers, no package managers of Python, nothing of the command line.
_ABSENT = ("gcc", "thoth_infra.cli", "python_terraform", "pytest", "moto")

# Stops every process of the container but init and itself.
_FREEZE = """
import os, signal
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) not in (1, os.getpid()):
        os.kill(int(pid), signal.SIGSTOP)
"""
# Says which of some modules and programs are there.
_PROBE = """
import importlib.util, shutil, sys
print([name for name in sys.argv[1:] if importlib.util.find_spec(name) or shutil.which(name)])
"""


@pytest.fixture(scope="module")
def images() -> dict[str, Any]:
    containers.engine_or_skip()
    return containers.build(tuple(BY_STAGE[stage].image for stage in ORDER))


@pytest.fixture
def run(make_rig: MakeRig, images: dict[str, Any]) -> Iterator[Containers]:
    made = Containers(make_rig(overrides={"CHECKPOINT_SECONDS": "30", "STOP_TIMEOUT_SECONDS": "30"}))
    yield made
    made.remove()


def test_a_lesson_goes_through_the_containers(run: Containers, tmp_path: Path) -> None:
    rig, spoken = run.rig, lesson(20, 5, voices=Voices.SEEN)
    rig.add("lesson-1", video(spoken, tmp_path / "source.mp4"))
    run.prepare()
    names = [run.start(BY_STAGE[stage]) for stage in ORDER]
    with Conductor(rig, lambda _, stage: {"source": "source.mp4"} if stage is ORDER[0] else {}) as conductor:
        conductor.begin("lesson-1")
        wait_until(lambda: conductor.finished("lesson-1"), 180, "the end of the job")
    assert [r.status for stage in ORDER for r in conductor.ended["lesson-1", stage]] == [Status.COMPLETED] * 3
    folder = rig.jobs / "lesson-1"
    truth = [word.text for word in spoken.words]
    assert edits(truth, normalised((folder / "transcript.txt").read_text())) <= 0.15 * len(truth)
    found = Terms.model_validate_json((folder / "terms.json").read_bytes())
    assert len(found.terms) >= len(terms_in(spoken.words))
    assert {(path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()} == {(1000, 1000)}
    for name in names:
        wait_until(lambda name=name: run.health(name) == "healthy", 120, f"health of {name}")  # type: ignore[misc]
        docker("stop", name)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"


def test_a_stuck_loop_turns_the_container_unhealthy(run: Containers) -> None:
    run.prepare()
    name = run.start(MUSIC_TERMS, health_seconds=2)
    wait_until(lambda: run.health(name) == "healthy", 60, "health")
    docker("exec", name, "python", "-c", _FREEZE)
    wait_until(lambda: run.health(name) == "unhealthy", 120, "a stuck loop's sickness")


def test_the_images_hold_what_they_need_and_no_more(images: dict[str, Any]) -> None:
    for stage in ORDER:
        service = BY_STAGE[stage]
        found = docker("image", "inspect", "--format", "{{json .Config}}", images[service.image]["reference"])
        assert '"User":"1000:1000"' in found
        assert f'"Cmd":["python","-m","{service.command[2]}"]' in found
        assert '"python","-m","workers.common.health"' in found
        reference = images[service.image]["reference"]
        said = docker("run", "--rm", "--entrypoint", "python", reference, "-c", _PROBE, *_ABSENT)
        assert said == "[]", said
        print(f"{service.image}: {images[service.image]['size'] / 2**20:,.0f} MiB")  # noqa: T201 - the drill's figures
