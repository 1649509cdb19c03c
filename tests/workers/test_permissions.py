"""One whole job by the real workers, each signed in with its rendered task role, while the emulator enforces IAM."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.iam import enforcement
from tests.iam.estate import Estate, made
from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.speech import lesson
from tests.workers.lessons import video
from tests.workers.rig import BY_STAGE, ORDER, Conductor, Rig, wait_until
from thoth_infra.contract.services import Service
from workers.common.messages import Status

pytestmark = [pytest.mark.slow, pytest.mark.terraform, pytest.mark.usefixtures("media_tools")]


def _signed_in(estate: Estate, role: str) -> dict[str, str]:
    found = enforcement.signed_in(estate, role).credentials
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }


def test_a_job_goes_through_under_the_rendered_roles_and_no_further(tmp_path: Path) -> None:
    (tmp_path / "estate").mkdir()
    (tmp_path / "rig").mkdir()
    with made(tmp_path / "estate") as estate:
        workers = [BY_STAGE[stage] for stage in ORDER]
        roles = {worker.name: _signed_in(estate, f"{estate.env.prefix}-{worker.name}-task") for worker in workers}
        control = enforcement.signed_in(estate, enforcement.everything(estate))
        rig = Rig(
            estate.emulator,
            tmp_path / "rig",
            estate.env,
            estate.emulator.url,
            prefix=estate.env.prefix,
            credentials=roles,
            sqs=control.client("sqs"),
        )
        enforcement.enforce(estate)
        try:
            _job(rig, workers, tmp_path)
            _strangers(rig, roles)
        finally:
            rig.stop()


def _job(rig: Rig, workers: list[Service], tmp_path: Path) -> None:
    rig.add("lesson", video(lesson(5, 5, voices=Voices.SEEN), tmp_path / "source.mp4"))
    for job_id in ("poison",):
        (rig.jobs / job_id).mkdir()
        (rig.jobs / job_id / "source.mp4").write_text("no film")
    for worker in workers:
        rig.start(worker)
    with Conductor(rig, lambda _, stage: {"source": "source.mp4"} if stage is ORDER[0] else {}) as conductor:
        for job_id in ("lesson", "poison"):
            conductor.begin(job_id)
        wait_until(lambda: conductor.finished("lesson") and conductor.finished("poison"), 120, "the end", rig)
    assert [r.status for stage in ORDER for r in conductor.ended["lesson", stage]] == [Status.COMPLETED] * 3
    assert "AccessDenied" not in rig.logs()
    (letter,) = rig.dead_letters(ORDER[0])
    assert letter["code"] == "not_media"


def _strangers(rig: Rig, roles: dict[str, dict[str, str]]) -> None:
    """With another worker's role a worker does not get as far as its first message."""
    rig.stop()
    wrong = dict(zip(roles, [*list(roles.values())[1:], next(iter(roles.values()))], strict=True))
    rig.credentials = wrong
    (rig.folder / "strangers").mkdir()
    for stage in ORDER:
        log = rig.folder / "strangers" / f"{stage}.log"
        rig.start(BY_STAGE[stage], log=log)
        wait_until(lambda log=log: "could not be read" in log.read_text(), 60, "the refusal", rig)  # type: ignore[misc]
        assert "AccessDenied" in (rig.folder / "strangers" / f"{stage}.log").read_text()
