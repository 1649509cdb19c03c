"""The stage: from ``source.<ext>`` to ``audio.wav`` and ``audio.json``."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from workers.audio_extraction import decode, description, selfcheck
from workers.audio_extraction.confined import Limits
from workers.audio_extraction.decode import Decoded, Measured
from workers.audio_extraction.description import Description, Loudness
from workers.audio_extraction.media import Probe, Stream, choose
from workers.audio_extraction.probe import check_clear, probe
from workers.audio_extraction.refusals import refuse
from workers.common.errors import as_stage_error
from workers.common.ports import Job, Outcome, Work

_log = logging.getLogger(__name__)

AUDIO: Final = "audio.wav"
EXTENSIONS: Final = ("mp4", "mov", "mkv", "webm", "mpeg", "mp3", "wav", "m4a", "flac", "ogg")
LONGEST_SECONDS: Final = 10 * 3600.0

# Shares of the stage's time, in percent: decoding takes most of it.
_DECODED = 90.0


class Params(BaseModel):
    """What a request for this stage says."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: Annotated[str, StringConstraints(pattern=rf"^source\.(?:{'|'.join(EXTENSIONS)})$", max_length=16)]
    """Name of the upload in the job's folder."""


@dataclass(frozen=True)
class AudioExtraction:
    """The handler. ``normalise`` sets the loudness to EBU R128's; it is measured in any case."""

    limits: Limits
    normalise: bool
    longest_seconds: float = LONGEST_SECONDS

    def start(self, work: Work) -> None:
        """Look whether FFmpeg is there and can do what is needed."""
        selfcheck.check(self.limits, work)

    def prepare(self, job: Job) -> None:
        """Do nothing: FFmpeg reads the source once, in ``handle``."""

    def handle(self, job: Job, prepared: None, work: Work) -> Outcome:  # noqa: ARG002 - nothing is prepared
        """Extract the sound.

        Raises:
            PoisonError: with a code of ``refusals.HINTS``.
            RetryableError: ``ffmpeg_killed``, or what the file system says (``disk_full`` and others).
        """
        try:
            return self._handle(job, work)
        except OSError as error:
            raise as_stage_error(error) from error

    def _handle(self, job: Job, work: Work) -> Outcome:
        source = _source(job)
        found = probe(source, self.limits, work)
        stream = choose(found)
        if (told := found.known_duration) and told > self.longest_seconds:
            raise decode.too_long(f"it lasts {told / 3600:.1f} hours", self.longest_seconds)
        check_clear(source, found, stream, self.limits, work)
        with job.files.writing(AUDIO) as audio, job.files.writing(description.NAME) as text:
            decoded = self._decode(source, audio, found, stream, work)
            gain, measured = self._level(audio, work)
            described = _describe(job.files.job_id, source, found, stream, decoded, gain, measured)
            text.write_text(described.model_dump_json(indent=2) + "\n", encoding="utf-8")
        _log.info("extracted", extra={"container": found.demuxer, "codec": stream.codec_name, "gain_db": gain})
        metrics = {"decode_errors": float(decoded.complaints), "gain_db": gain}
        if described.loudness:
            metrics["integrated_lufs"] = described.loudness.integrated_lufs
        return Outcome((AUDIO, description.NAME), described.duration, metrics)

    def _decode(self, source: Path, audio: Path, found: Probe, stream: Stream, work: Work) -> Decoded:
        expected = found.end(stream) or found.format.duration

        def advanced(seconds: float) -> None:
            if expected:
                work.progress(min(seconds / expected, 1) * _DECODED)

        return decode.decode(source, audio, found, stream, self.limits, work, self.longest_seconds, advanced)

    def _level(self, audio: Path, work: Work) -> tuple[float, Measured]:
        """Measure the loudness, and set it where that is wanted; return the gain and what is there in the end."""
        measured = decode.measure(audio, self.limits, work)
        gain = decode.gain_towards_target(measured) if self.normalise else 0.0
        if not gain:
            return gain, measured
        # Beside the temporary file and named like it, so that a sweep removes it after a kill.
        louder = audio.with_name(f"{audio.stem}-louder{audio.suffix}")
        try:
            decode.amplify(audio, louder, gain, self.limits, work, self.longest_seconds)
            louder.replace(audio)
        finally:
            louder.unlink(missing_ok=True)
        return gain, decode.measure(audio, self.limits, work)


def _source(job: Job) -> Path:
    try:
        name = Params.model_validate(job.request.params).source
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}"[:200] for e in error.errors()[:3])
        raise refuse("bad_params", f"the request's params are not those of this stage: {problems}") from None
    try:
        return job.files.local(name)
    except FileNotFoundError:
        raise refuse("no_source", f"there is no {name} in the job's folder") from None


def _describe(
    job_id: str, source: Path, found: Probe, stream: Stream, decoded: Decoded, gain: float, measured: Measured
) -> Description:
    loudness = Loudness(integrated_lufs=measured.integrated_lufs, range_lu=measured.range_lu)
    return Description(
        job_id=job_id,
        duration=round(decoded.seconds, 4),
        source=description.Source(
            name=source.name,
            container=found.demuxer,
            size=found.format.size,
            duration=found.format.duration,
            bit_rate=found.format.bit_rate,
        ),
        streams=tuple(description.Stream.of(each) for each in found.streams),
        chosen_stream=stream.index,
        leading_silence=round(decoded.leading_silence, 4),
        decode_errors=decoded.complaints,
        loudness=loudness if measured.audible else None,
        peak_dbfs=measured.peak_dbfs if measured.peak_dbfs > float("-inf") else None,
        normalised=gain != 0,
        gain_db=gain,
    )
